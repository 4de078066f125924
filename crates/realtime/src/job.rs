//! Appending to one job's log: each event is a commit of its own, and only then shown.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use weir_protocol::Timestamp;
use weir_store::{JobChange, JobLease, LogId, NewEvent, Store};

use crate::{Encoded, Frame, LostLease, Topic, bell::Outbox, feed::Writing};

/// Waits between two tries while the database fails.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Appends to one job's log. A job says little: what a run's committer gathers for twenty answers would not pay here.
#[derive(Debug)]
pub struct JobWriter {
    store: Store,
    feed: Writing,
    outbox: Option<Arc<Outbox>>,
    lease: JobLease,
}

impl JobWriter {
    pub(crate) fn new(store: Store, feed: Writing, outbox: Option<Arc<Outbox>>, lease: JobLease) -> Self {
        Self { store, feed, outbox, lease }
    }

    /// Commits an event, and what becomes of the job with it; then shows it. Tries again for as long as the database
    /// fails.
    ///
    /// # Errors
    /// [`LostLease`]; nothing is changed then.
    pub async fn append(&mut self, event: Encoded, change: &JobChange, now: Timestamp) -> Result<(), LostLease> {
        let new = NewEvent { seq: self.lease.next, kind: event.kind, data: event.data };
        let mut wait = RETRY_MIN;
        loop {
            match self.store.append_to_job(self.lease, &new, change, now).await {
                Ok(true) => break,
                Ok(false) => return Err(LostLease),
                Err(error) => {
                    tracing::error!(%error, ?wait, job = %self.lease.job, "a job's log cannot be written; trying again");
                    sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
        self.lease.next = new.seq.next();
        let log = LogId::Job(self.lease.job);
        self.feed.publish(vec![Frame::new(new.seq, new.kind, &new.data, log.is_terminal(new.kind))]);
        if let Some(outbox) = &self.outbox {
            outbox.put(Topic::Log(log), new.seq);
        }
        Ok(())
    }
}
