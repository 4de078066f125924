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

    /// Whether all of a batch follows what is there.
    pub(crate) fn are_followed_by(&self, batch: &[RunAppend]) -> bool {
        let leases = self.all();
        batch.iter().all(|run| {
            let Some(lease) = leases.get(&run.run).filter(|lease| lease.epoch == run.epoch) else { return false };
            let mut next = lease.next;
            run.events.iter().all(|event| {
                let follows = event.seq == next;
                next = next.next();
                follows
            })
        })
    }

    /// Follows what of a batch was committed. Who was refused or has ended writes no more.
    pub(crate) fn note(&self, batch: &[RunAppend], is_committed: impl Fn(&RunAppend) -> bool) {
        let mut leases = self.all();
        for run in batch {
            if run.end.is_some() || !is_committed(run) {
                leases.remove(&run.run);
            } else if let Some(last) = run.events.last() {
                leases.insert(run.run, Lease { run: run.run, epoch: run.epoch, next: last.seq.next() });
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RunId, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
