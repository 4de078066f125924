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

/// The filter for a setting in the syntax of `tracing-subscriber`'s `EnvFilter`. At `info` and below, the library for MCP
/// writes arguments and results of calls, so it is limited to warnings unless the setting names it.
pub(crate) fn filter(setting: &str) -> EnvFilter {
    let filter = EnvFilter::new(setting);
    let is_verbose = filter.max_level_hint().is_none_or(|level| level > LevelFilter::WARN);
    if is_verbose && !setting.contains("rmcp") { EnvFilter::new(format!("{setting},rmcp=warn")) } else { filter }
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
    use super::*;

    #[test]
    fn mcp_22_arguments_of_calls_are_in_no_log_unless_the_setting_names_the_library() {
        let limits = |setting: &str| filter(setting).to_string().contains("rmcp=warn");
        assert!(limits("debug") && limits("info") && limits("warn,weir_server=trace"));
        assert!(!limits("off") && !limits("error") && !limits("info,rmcp=debug"));
    }
}
