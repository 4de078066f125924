//! Logs: to standard error, pretty for people or JSON for machines. Never a secret, never the text of a message.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::LogFormat;

/// Starts logging. `filter` is in the syntax of `tracing-subscriber`'s `EnvFilter`.
pub(crate) fn start(filter: EnvFilter, format: LogFormat) {
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Json => registry.with(fmt::layer().json().with_writer(io::stderr)).try_init(),
        LogFormat::Pretty => {
            let colours = io::stderr().is_terminal();
            registry.with(fmt::layer().with_ansi(colours).with_target(false).with_writer(io::stderr)).try_init()
        }
    };
    // A test may have started it before.
    drop(started);
}
