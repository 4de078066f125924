//! The jobs that are under way in this process, and how each is cancelled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;
use weir_protocol::{ToolCallId, UserId};

/// A client chooses the id of a call, so only the user and the id together name a job.
pub(super) type Key = (UserId, ToolCallId);

/// Every job that is under way here. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveJobs(Arc<Mutex<HashMap<Key, Entry>>>);

#[derive(Debug, Default)]
struct Entry {
    cancel: CancellationToken,
    handles: usize,
    /// It is stored, and driven here.
    is_driven: bool,
}

/// A job that is under way for as long as one of its handles lives. Twins of a call have one each, so that the one that finds the
/// job started leaves it to the other.
#[derive(Debug)]
pub(super) struct ActiveJob {
    jobs: ActiveJobs,
    key: Key,
    /// Cancels the job.
    pub(super) cancel: CancellationToken,
}

impl ActiveJobs {
    /// A handle on a job, which is under way from now on.
    pub(super) fn enter(&self, user: UserId, id: ToolCallId) -> ActiveJob {
        let key = (user, id);
        let mut jobs = self.lock();
        let entry = jobs.entry(key).or_default();
        entry.handles += 1;
        ActiveJob { jobs: self.clone(), key, cancel: entry.cancel.clone() }
    }

    /// Cancels a job that is under way here; none: it is not.
    pub(super) fn find(&self, user: UserId, id: ToolCallId) -> Option<CancellationToken> {
        self.lock().get(&(user, id)).map(|entry| entry.cancel.clone())
    }

    /// The jobs that are driven here.
    pub(super) fn driven(&self) -> Vec<Key> {
        self.lock().iter().filter(|(_, entry)| entry.is_driven).map(|(key, _)| *key).collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        // The map is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActiveJob {
    /// Says that the job is stored, and driven here.
    pub(super) fn drives(&self) {
        if let Some(entry) = self.jobs.lock().get_mut(&self.key) {
            entry.is_driven = true;
        }
    }
}

impl Drop for ActiveJob {
    fn drop(&mut self) {
        let mut jobs = self.jobs.lock();
        if let Some(entry) = jobs.get_mut(&self.key) {
            entry.handles -= 1;
            if entry.handles == 0 {
                jobs.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn job_7_an_entry_is_removed_only_by_its_last_handle() {
        let (jobs, id) = (ActiveJobs::default(), ToolCallId(Uuid::from_u128(1)));
        let (alice, bob) = (UserId(Uuid::from_u128(2)), UserId(Uuid::from_u128(3)));
        let driven = jobs.enter(alice, id);
        drop(jobs.enter(bob, id));
        drop(jobs.enter(alice, id));
        assert!(jobs.find(bob, id).is_none());
        jobs.find(alice, id).unwrap().cancel();
        assert!(driven.cancel.is_cancelled());
        drop(driven);
        assert_eq!(jobs.len(), 0);
    }
}
