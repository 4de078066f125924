//! Appending to one job's log: each event is a commit of its own, and only then shown.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use weir_protocol::Timestamp;
use weir_store::{Backoff, JobChange, JobLease, LogId, NewEvent, Store, StoreError};

use crate::{Encoded, Frame, LostLease, Topic, bell::Outbox, feed::Writing};

/// Appends to one job's log. A job says little: what a run's committer gathers for twenty answers would not pay here.
#[derive(Debug)]
pub struct JobWriter {
    store: Store,
    feed: Writing,
    outbox: Option<Arc<Outbox>>,
    lease: JobLease,
    stop: CancellationToken,
}

impl JobWriter {
    pub(crate) fn new(
        store: Store,
        feed: Writing,
        outbox: Option<Arc<Outbox>>,
        lease: JobLease,
        stop: CancellationToken,
    ) -> Self {
        Self { store, feed, outbox, lease, stop }
    }

    /// Commits an event, and what becomes of the job with it; then shows it. Retries for as long as the database
    /// fails, until the log stops.
    ///
    /// # Errors
    /// [`LostLease`]; nothing is changed then. Also when the database never takes this event.
    pub async fn append(&mut self, event: Encoded, change: &JobChange, now: Timestamp) -> Result<(), LostLease> {
        let new = NewEvent { seq: self.lease.next, kind: event.kind, data: event.data };
        let mut backoff = Backoff::of_database();
        loop {
            let appending = self.store.append_to_job(self.lease, &new, change, now);
            match self.stop.run_until_cancelled(appending).await.ok_or(LostLease)? {
                Ok(true) => break,
                Ok(false) => return Err(LostLease),
                Err(error) if error.is_transient() => {
                    tracing::error!(%error, job = %self.lease.job, "a job's log cannot be written; trying again");
                }
                Err(StoreError::Gone) => {
                    tracing::debug!(job = %self.lease.job, "the job was deleted while its event was committed");
                    return Err(LostLease);
                }
                Err(error) => {
                    tracing::error!(%error, job = %self.lease.job, "the database never takes this event of the job");
                    return Err(LostLease);
                }
            }
            backoff.wait_unless(&self.stop).await.map_err(|_| LostLease)?;
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
