//! The log of every run, to write and to read.

use std::sync::Arc;

use weir_protocol::{RunId, Seq};
use weir_store::{Lease, Store, StoreError};

use crate::{
    CommitterOptions, LogWriter, LostLease, Reader,
    committer::{self, Intake},
    feed::Feeds,
};

/// The log of every run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog {
    store: Store,
    feeds: Arc<Feeds>,
    intake: Intake,
}

impl EventLog {
    /// Opens the log, and gives the committer's work: it must be polled for as long as there are writers, and ends by
    /// itself when the log and all its writers are dropped and everything is committed.
    pub fn open(store: Store, options: CommitterOptions) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let feeds = Arc::new(Feeds::default());
        let (intake, work) = committer::start(store.clone(), feeds.clone(), options);
        (Self { store, feeds, intake }, work)
    }

    /// The right to append, for whoever holds the lease.
    ///
    /// # Errors
    /// [`LostLease`] when the committer has ended.
    pub async fn writer(&self, lease: Lease) -> Result<LogWriter, LostLease> {
        self.intake.writer(lease).await
    }

    /// Follows a run from the event after `after`.
    pub fn reader(&self, run: RunId, after: Seq) -> Reader {
        Reader::new(self.store.clone(), self.feeds.of(run), run, after)
    }

    /// Has a run's readers see for themselves what became of it: those of a log that is gone are let go.
    pub fn ring(&self, run: RunId) {
        self.feeds.ring(run);
    }

    /// The number of the run's last event.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_seq(&self, run: RunId) -> Result<Seq, StoreError> {
        self.store.last_seq(run).await
    }
}
