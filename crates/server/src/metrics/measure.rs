//! What the server itself measures; `names` says what each name means.

use std::{sync::LazyLock, time::Duration};

use axum::http::StatusCode;
use metrics::{Counter, Gauge, counter, gauge, histogram};

use super::names;

/// Open sockets.
static SOCKETS: LazyLock<Gauge> = LazyLock::new(|| gauge!(names::SOCKETS));
/// Sockets that were closed because their client did not read.
pub(crate) static READERS_DROPPED: LazyLock<Counter> = LazyLock::new(|| counter!(names::READERS_DROPPED));
/// Frames of metrics that were left out for a newer one.
pub(crate) static FRAMES_DROPPED: LazyLock<Counter> = LazyLock::new(|| counter!(names::FRAMES_DROPPED));

/// A request was answered.
pub(crate) fn answered(method: &'static str, route: String, status: StatusCode, time: Duration) {
    let status = status.as_str().to_owned();
    histogram!(names::REQUESTS, "method" => method, "route" => route, "status" => status).record(time);
}

/// A limit has refused something: `limit` says which kind of request, or what there were too many of.
pub(crate) fn rate_limited(limit: &'static str) {
    counter!(names::RATE_LIMITED, "limit" => limit).increment(1);
}

/// A client came back for its session.
pub(crate) fn resumed(goes_on: bool) {
    counter!(names::RESUMES, "resumed" => if goes_on { "true" } else { "false" }).increment(1);
}

/// A socket that is counted for as long as it is there.
#[derive(Debug)]
pub(crate) struct OpenSocket(());

impl OpenSocket {
    pub(crate) fn new() -> Self {
        SOCKETS.increment(1.0);
        Self(())
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        SOCKETS.decrement(1.0);
    }
}

/// Levels that are looked at once a second.
pub(super) struct Levels {
    pub(super) people: usize,
    pub(super) sessions: usize,
    pub(super) runs: usize,
    pub(super) jobs: usize,
    pub(super) memory: u64,
    pub(super) cpu_time: Duration,
    /// Where there is one.
    pub(super) wal: Option<u64>,
}

impl Levels {
    /// Shows them to whoever reads `/metrics`.
    #[allow(clippy::cast_precision_loss, reason = "no level comes near 2^53")]
    pub(super) fn show(&self) {
        gauge!(names::PEOPLE).set(self.people as f64);
        gauge!(names::SESSIONS).set(self.sessions as f64);
        gauge!(names::RUNS).set(self.runs as f64);
        gauge!(names::JOBS).set(self.jobs as f64);
        gauge!(names::MEMORY).set(self.memory as f64);
        gauge!(names::CPU).set(self.cpu_time.as_secs_f64());
        if let Some(wal) = self.wal {
            gauge!(names::WAL).set(wal as f64);
        }
    }
}

/// What never changes while the process lives. `started` is in seconds since 1970.
pub(super) fn show_process(started: f64) {
    gauge!(names::STARTED).set(started);
    gauge!(names::BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
