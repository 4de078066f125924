//! What is measured here; `docs/observability.md` says what each name means. The handles are made once, so that nothing is looked
//! up while tokens pass.

use std::sync::LazyLock;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Logs that are followed.
pub(crate) static READERS: LazyLock<Gauge> = LazyLock::new(|| gauge!("weir_readers"));
/// Bytes of the frames that sessions keep until they are acknowledged.
pub(crate) static HELD_BYTES: LazyLock<Gauge> = LazyLock::new(|| gauge!("weir_held_bytes"));
/// Seconds that one commit of a window took, tries that failed included.
pub(crate) static COMMIT: LazyLock<Histogram> = LazyLock::new(|| histogram!("weir_commit_duration_seconds"));
/// Events of one commit.
pub(crate) static COMMIT_EVENTS: LazyLock<Histogram> = LazyLock::new(|| histogram!("weir_commit_events"));
/// Commits that failed and were tried again.
pub(crate) static COMMIT_FAILURES: LazyLock<Counter> = LazyLock::new(|| counter!("weir_commit_failures_total"));
/// Seconds from the ringing of the bell to its being heard here.
pub(crate) static BELL_DELAY: LazyLock<Histogram> = LazyLock::new(|| histogram!("weir_bell_delay_seconds"));

/// One that is counted for as long as it is there.
#[derive(Debug)]
pub(crate) struct Present(&'static LazyLock<Gauge>);

impl Present {
    pub(crate) fn new(gauge: &'static LazyLock<Gauge>) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A size as the facade wants it. Exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "no size here comes near 2^53")]
pub(crate) fn size(size: usize) -> f64 {
    size as f64
}
