//! What this process may append, and where: most commits need no look at the log they append to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use weir_protocol::RunId;

use crate::{Lease, RunAppend};

/// The leases of the runs that this process writes, as far as it has written. Cheap to clone.
///
/// They only say whether an append follows the one before it. Whether a lease still counts says the database, in the same
/// statement that appends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<RunId, Lease>>>);

impl Leases {
    /// From now on this process writes this run.
    pub(crate) fn hold(&self, lease: Lease) {
        self.all().insert(lease.run, lease);
    }

    /// Which of a batch follow what is there. From now on nobody knows where these logs end, until [`Leases::note`] is told what
    /// became of the batch: an append that fails, or that nobody waits for any more, may be committed or not.
    pub(crate) fn take_followed(&self, batch: &[RunAppend]) -> Vec<bool> {
        let mut leases = self.all();
        let follows = |run: &RunAppend| {
            let lease = leases.remove(&run.run).filter(|lease| lease.epoch == run.epoch);
            let mut next = lease.map(|lease| lease.next);
            run.events.iter().all(|event| next.replace(event.seq.next()) == Some(event.seq))
        };
        batch.iter().map(follows).collect()
    }

    /// Follows what of a batch was committed. Who was refused or has ended writes no more.
    pub(crate) fn note(&self, batch: &[RunAppend], is_committed: impl Fn(&RunAppend) -> bool) {
        let mut leases = self.all();
        for run in batch.iter().filter(|run| run.end.is_none() && is_committed(run)) {
            if let Some(last) = run.events.last() {
                leases.insert(run.run, Lease { run: run.run, epoch: run.epoch, next: last.seq.next() });
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RunId, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
