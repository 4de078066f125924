//! Every metric there is, described once: the names that are measured, written to `/metrics`, and used in `deploy/`.

/// How a metric is written for Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    /// Seconds, kept in microseconds.
    Seconds,
    /// How many.
    Numbers,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it says, with its labels.
    pub(crate) help: &'static str,
}

const fn metric(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

pub(crate) const REQUESTS: &str = "weir_http_request_duration_seconds";
pub(crate) const SOCKETS: &str = "weir_sockets";
pub(crate) const SESSIONS: &str = "weir_sessions";
pub(crate) const READERS: &str = "weir_readers";
pub(crate) const PEOPLE: &str = "weir_people";
pub(crate) const RUNS: &str = "weir_runs";
pub(crate) const JOBS: &str = "weir_jobs";
pub(crate) const RESUMES: &str = "weir_resumes_total";
pub(crate) const TAKE_OVERS: &str = "weir_take_overs_total";
pub(crate) const READERS_DROPPED: &str = "weir_readers_dropped_total";
pub(crate) const FRAMES_DROPPED: &str = "weir_metrics_frames_dropped_total";
pub(crate) const RATE_LIMITED: &str = "weir_rate_limited_total";
pub(crate) const UPSTREAM_ERRORS: &str = "weir_upstream_errors_total";
pub(crate) const HELD_BYTES: &str = "weir_held_bytes";
pub(crate) const FIRST_TOKEN: &str = "weir_first_token_seconds";
pub(crate) const OUTPUT_TOKENS: &str = "weir_output_tokens_total";
pub(crate) const INPUT_TOKENS: &str = "weir_input_tokens_total";
pub(crate) const COMMIT: &str = "weir_commit_duration_seconds";
pub(crate) const COMMIT_EVENTS: &str = "weir_commit_events";
pub(crate) const BELL_DELAY: &str = "weir_bell_delay_seconds";
pub(crate) const MEMORY: &str = "weir_resident_memory_bytes";
pub(crate) const CPU: &str = "weir_cpu_seconds_total";
pub(crate) const WAL: &str = "weir_wal_bytes";
pub(crate) const STARTED: &str = "weir_start_time_seconds";
pub(crate) const BUILD: &str = "weir_build_info";

/// The table, in the order of `/metrics`.
pub(crate) const ALL: &[Metric] = &[
    metric(BUILD, Kind::Gauge, "Always 1; the version is its label."),
    metric(STARTED, Kind::Gauge, "When the process started, in seconds since 1970."),
    metric(MEMORY, Kind::Gauge, "Resident memory of the process. The embedded model's process is not in it."),
    metric(CPU, Kind::Counter, "Processor time of the process."),
    metric("weir_runtime_lag_seconds", Kind::Seconds, "How late the async runtime runs a task that is due."),
    metric(
        "weir_slow_poll_seconds",
        Kind::Seconds,
        "Polls that kept an async worker for more than a millisecond, by route; `connection` and `websocket` for what is no route.",
    ),
    metric(REQUESTS, Kind::Seconds, "From a request to the head of its answer, by method, route and status."),
    metric(RATE_LIMITED, Kind::Counter, "What a limit has refused, by the limit."),
    metric(PEOPLE, Kind::Gauge, "People who have a session or a run here."),
    metric(SESSIONS, Kind::Gauge, "Sessions, those that wait for their client to come back among them."),
    metric(SOCKETS, Kind::Gauge, "Open WebSockets."),
    metric(RESUMES, Kind::Counter, "Clients that came back for their session, by whether it went on."),
    metric(HELD_BYTES, Kind::Gauge, "Bytes of the frames that sessions keep until they are acknowledged."),
    metric(READERS, Kind::Gauge, "Logs that are followed, by whatever transport."),
    metric(READERS_DROPPED, Kind::Counter, "Sockets that were closed because their client did not read."),
    metric(
        FRAMES_DROPPED,
        Kind::Counter,
        "Frames of metrics that a slow socket did not get because there was a newer one.",
    ),
    metric(RUNS, Kind::Gauge, "Runs under way."),
    metric("weir_runs_started_total", Kind::Counter, "Runs that were started."),
    metric("weir_runs_ended_total", Kind::Counter, "Runs that came to their end here, or were let go, by outcome."),
    metric(TAKE_OVERS, Kind::Counter, "Runs and jobs that nobody drove and that were taken over, by kind."),
    metric("weir_take_over_failures_total", Kind::Counter, "Take-overs that failed and are tried again, by kind."),
    metric(FIRST_TOKEN, Kind::Seconds, "From the start of a run to its first token."),
    metric(OUTPUT_TOKENS, Kind::Counter, "Pieces of text that models sent: one token each with nearly every server."),
    metric(INPUT_TOKENS, Kind::Counter, "Tokens that models were given, as their servers counted them."),
    metric(UPSTREAM_ERRORS, Kind::Counter, "Failures of providers, by provider and kind."),
    metric(JOBS, Kind::Gauge, "Jobs under way, those that wait for a person among them."),
    metric(
        "weir_jobs_ended_total",
        Kind::Counter,
        "Jobs that came to their end here, or were let go, by tool and outcome.",
    ),
    metric("weir_job_duration_seconds", Kind::Seconds, "How long tools were at work, by tool."),
    metric(COMMIT, Kind::Seconds, "How long a commit of events took, with the tries that failed."),
    metric(COMMIT_EVENTS, Kind::Numbers, "Events of one commit."),
    metric("weir_commit_failures_total", Kind::Counter, "Commits that failed and were tried again."),
    metric(WAL, Kind::Gauge, "Size of SQLite's write-ahead log; absent on PostgreSQL."),
    metric(BELL_DELAY, Kind::Seconds, "From the ringing of the bell between instances to its being heard."),
    metric("weir_web_vital_seconds", Kind::Seconds, "How fast pages were in browsers, by the name of the Web Vital."),
    metric("weir_web_layout_shift_thousandths", Kind::Numbers, "Cumulative layout shift of pages, in thousandths."),
    metric("weir_web_errors_total", Kind::Counter, "What failed in pages, as browsers told."),
];

/// What is said of a metric of this name.
pub(crate) fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The text of every file of a folder with this ending, those of its folders too.
    fn texts(folder: &Path, endings: &[&str]) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let texts = entries.flat_map(|path| match path.extension().and_then(|ending| ending.to_str()) {
            _ if path.is_dir() => texts(&path, endings),
            Some(ending) if endings.contains(&ending) => vec![fs::read_to_string(&path).unwrap()],
            _ => Vec::new(),
        });
        texts.collect()
    }

    /// The word at the beginning of a text.
    fn word(text: &str) -> String {
        text.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
    }

    #[test]
    fn met_9_what_is_in_deploy_and_in_the_documentation_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let mut used = texts(&root.join("deploy"), &["json", "yml"]);
        used.push(fs::read_to_string(root.join("docs/observability.md")).unwrap());
        let mut found = BTreeSet::new();
        for text in used {
            for name in text.split("weir_").skip(1).map(|rest| format!("weir_{}", word(rest))) {
                let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
                let histogram = base.and_then(find).filter(|m| matches!(m.kind, Kind::Seconds | Kind::Numbers));
                let metric = histogram.or_else(|| find(&name));
                found.insert(metric.unwrap_or_else(|| panic!("there is no metric {name}")).name);
            }
        }
        let described: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(found, described, "the documentation has them all");
    }

    #[test]
    fn met_2_every_metric_that_is_measured_is_described_and_every_described_one_is_measured() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut measured = BTreeSet::new();
        for text in fs::read_dir(crates).unwrap().flat_map(|of| texts(&of.unwrap().path().join("src"), &["rs"])) {
            for kind in ["counter!(\"weir_", "gauge!(\"weir_", "histogram!(\"weir_"] {
                measured.extend(text.split(kind).skip(1).map(|rest| format!("weir_{}", word(rest))));
            }
        }
        // Here they are named by constants.
        let own = fs::read_to_string(crates.join("server/src/metrics/measure.rs")).unwrap();
        for (constant, name) in [
            ("REQUESTS", REQUESTS),
            ("SOCKETS", SOCKETS),
            ("SESSIONS", SESSIONS),
            ("PEOPLE", PEOPLE),
            ("RUNS", RUNS),
            ("JOBS", JOBS),
            ("RESUMES", RESUMES),
            ("READERS_DROPPED", READERS_DROPPED),
            ("FRAMES_DROPPED", FRAMES_DROPPED),
            ("RATE_LIMITED", RATE_LIMITED),
            ("MEMORY", MEMORY),
            ("CPU", CPU),
            ("WAL", WAL),
            ("STARTED", STARTED),
            ("BUILD", BUILD),
        ] {
            if own.contains(&format!("!(names::{constant}")) {
                measured.insert(name.to_owned());
            }
        }
        let described: BTreeSet<_> = ALL.iter().map(|metric| metric.name.to_owned()).collect();
        assert_eq!(described, measured);
        assert_eq!(described.len(), ALL.len(), "a metric is described twice");
    }
}
