//! Logs: to standard error, pretty for people or JSON for machines. Never a secret, never the text of a message. Traces: to a
//! collector, where one is named.

mod traces;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
};

use crate::config::LogFormat;

pub(crate) use traces::Exporter;

/// The filter for a setting in the syntax of `tracing-subscriber`'s `EnvFilter`.
///
/// Libraries log contents: the MCP library arguments and results of calls at `info` and what servers send, such as a content type, at
/// `error`; HTTP and WebSocket libraries the hosts of requests and the reasons of close frames at `debug`. Therefore a level without a
/// target applies to Weir's own targets beyond `info`, and the MCP library logs nothing. A directive that names a library applies to it.
/// Directives that name spans are ignored, because they apply to every target within the span.
pub(crate) fn filter(setting: &str) -> EnvFilter {
    let targets = setting.split(',').map(str::trim).filter(|directive| !directive.contains(['[', '{', '}', ']']));
    let mut directives: Vec<_> = targets.map(own).collect();
    if !setting.contains("rmcp") {
        directives.push("rmcp=off".to_owned());
    }
    EnvFilter::new(directives.join(","))
}

/// Limits a level beyond `info` to Weir's own targets.
fn own(directive: &str) -> String {
    match directive.parse::<LevelFilter>() {
        Ok(level) if level > LevelFilter::INFO => format!("info,weir={level}"),
        _ => directive.to_owned(),
    }
}

/// Starts logging. `filter` is in the syntax of `tracing-subscriber`'s `EnvFilter`. With the address of a collector it starts
/// collecting traces too, whatever is logged; they go out while what is returned is at work.
pub(crate) fn start(filter: EnvFilter, format: LogFormat, collector: Option<&str>) -> Option<Exporter> {
    let logs = match format {
        LogFormat::Json => fmt::layer().json().with_writer(io::stderr).with_filter(filter).boxed(),
        LogFormat::Pretty => {
            let colours = io::stderr().is_terminal();
            fmt::layer().with_ansi(colours).with_target(false).with_writer(io::stderr).with_filter(filter).boxed()
        }
    };
    let Some(collector) = collector else {
        // A test may have started it before.
        drop(registry().with(logs).try_init());
        return None;
    };
    let (tracer, exporter) = match traces::start(collector) {
        Ok(started) => started,
        Err(error) => {
            drop(registry().with(logs).try_init());
            tracing::error!(%error, "traces cannot be collected");
            return None;
        }
    };
    // Only our own spans, and of what is said within them only what went wrong.
    let own = Targets::new().with_target("weir", LevelFilter::INFO);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(own);
    drop(registry().with(logs).with(spans).try_init());
    weir_trace::collect();
    Some(exporter)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged under a setting.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn edge_21_libraries_log_no_contents_unless_the_setting_names_them() {
        let logged = |setting: &str| {
            let written = Written::default();
            let writer = written.clone();
            let layer = fmt::layer().with_writer(move || writer.clone()).with_filter(filter(setting));
            tracing::subscriber::with_default(registry().with(layer), || {
                let span = tracing::info_span!(target: "weir_server", "request");
                let _entered = span.enter();
                tracing::debug!(target: "hyper_util::client::legacy::connect::dns", "a-host");
                tracing::debug!(target: "tungstenite::protocol", "a-reason");
                tracing::trace!(target: "reqwest::connect", "a-url");
                tracing::error!(target: "rmcp::transport::common::reqwest", "an-argument");
                tracing::debug!(target: "weir_runs", "own");
                tracing::warn!(target: "hyper", "a-warning");
            });
            String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
        };
        for setting in ["debug", "trace", "TRACE", "5", "info,debug", " debug ", "debug,[request]=trace"] {
            let text = logged(setting);
            assert!(text.contains("own") && text.contains("a-warning"), "{setting}: {text}");
            for content in ["a-host", "a-reason", "a-url", "an-argument"] {
                assert!(!text.contains(content), "{setting}: {text}");
            }
        }
        assert!(logged("warn,hyper_util=debug").contains("a-host"));
        for setting in ["warn,weir=info", "warn,[request]=debug", "warn,weir_server[request{a=1,b=2}]=trace"] {
            assert!(!logged(setting).contains("own"), "{setting}");
        }
    }

    #[test]
    fn mcp_33_the_mcp_library_logs_nothing_unless_the_setting_names_it() {
        let limits = |setting: &str| filter(setting).to_string().contains("rmcp=off");
        for setting in ["off", "error", "info", "debug", "warn,weir_server=trace"] {
            assert!(limits(setting), "{setting}");
        }
        assert!(!limits("info,rmcp=debug"));
    }
}
