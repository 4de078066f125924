//! What is measured, for whoever runs the server: one registry, `/metrics`, and the seconds that the dashboard shows.
//!
//! Every crate counts where things happen, through the macros of `metrics`; `recorder` keeps it. Once a second the
//! [`Sampler`] takes what has happened since, adds what other instances tell, and publishes it.

mod buckets;
mod measure;
mod names;
mod process;
mod prometheus;
mod recorder;
mod sampler;
mod second;
mod stalls;
mod tick;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use weir_protocol::{MetricsHistory, MetricsSample, Timestamp};

#[allow(unused_imports, reason = "limits count with it where they refuse")]
pub(crate) use measure::rate_limited;
pub(crate) use measure::{FRAMES_DROPPED, OpenSocket, READERS_DROPPED, answered, resumed};
pub(crate) use prometheus::CONTENT_TYPE;
pub use sampler::{Sampler, Sources};
pub(crate) use stalls::{watch_runtime, watched};
pub use tick::Viewer;

use recorder::Registry;
use tick::{History, Tick};

/// What is measured in this process, and the last 15 minutes of all. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    history: Mutex<History>,
    newest: watch::Sender<Arc<Tick>>,
}

impl Metrics {
    /// Measures from now on. Before anything else is made: what is measured before that is lost.
    pub fn start(now: Timestamp) -> Self {
        let registry = Registry::of_the_process();
        #[allow(clippy::cast_precision_loss, reason = "times stay below 2^53")]
        measure::show_process(now.0 as f64 / 1000.0);
        let nothing =
            Tick { number: 0, at: now, total: MetricsSample::default(), instances: Vec::new(), running: Vec::new() };
        let nothing = Arc::new(nothing);
        let mut history = History::default();
        history.push(nothing.clone());
        let newest = watch::Sender::new(nothing);
        Self(Arc::new(Inner { registry, history: Mutex::new(history), newest }))
    }

    /// Everything that was measured, for Prometheus.
    pub(crate) fn prometheus(&self) -> String {
        prometheus::text(&self.0.registry)
    }

    /// Now and the last 15 minutes, as far as somebody may see them.
    pub(crate) fn history(&self, viewer: Viewer) -> MetricsHistory {
        // What the lock guards is whole after every statement; a panic elsewhere does not spoil it.
        let history = self.0.history.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.newest.borrow().clone();
        history.seen_by(&now, viewer)
    }

    /// Follows the seconds from now on, the newest first.
    pub(crate) fn follow(&self, viewer: Viewer) -> Feed {
        Feed::new(self.0.newest.subscribe(), viewer)
    }

    /// A second in which nothing happens.
    #[cfg(test)]
    pub(crate) fn pass(&self, number: u64) {
        let at = Timestamp(number.cast_signed() * 1000);
        let total = MetricsSample::default();
        self.publish(Tick { number, at, total, instances: Vec::new(), running: Vec::new() });
    }

    fn publish(&self, tick: Tick) {
        let tick = Arc::new(tick);
        let mut history = self.0.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.push(tick.clone());
        self.0.newest.send_replace(tick);
    }
}

/// The seconds as somebody sees them. It holds no queue: a newer one takes the place of one that was not fetched.
#[derive(Debug)]
pub(crate) struct Feed {
    newest: watch::Receiver<Arc<Tick>>,
    viewer: Viewer,
    /// The number of the last one that was given.
    given: Option<u64>,
}

impl Feed {
    pub(crate) fn new(mut newest: watch::Receiver<Arc<Tick>>, viewer: Viewer) -> Self {
        newest.mark_changed();
        Self { newest, viewer, given: None }
    }

    /// The newest second as a frame, once it is another than the last. It may be dropped while it waits: nothing is lost.
    pub(crate) async fn next(&mut self) -> String {
        if self.newest.changed().await.is_err() {
            // Nothing is measured any more.
            std::future::pending::<()>().await;
        }
        let tick = self.newest.borrow_and_update().clone();
        if let Some(given) = self.given.replace(tick.number) {
            FRAMES_DROPPED.increment(tick.number.saturating_sub(given + 1));
        }
        tick.frame(self.viewer)
    }

    /// Nobody was there for a while: what was not fetched in the meantime was kept from nobody. Who is there now may have other
    /// rights than who was there before.
    pub(crate) fn come_back(&mut self, viewer: Viewer) {
        self.viewer = viewer;
        self.given = None;
        self.newest.mark_changed();
    }
}
