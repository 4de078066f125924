//! Whether the database takes writes, by the outcome of the newest one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::timeout;

use crate::{InstanceId, Store, StoreError};

/// The outcome of the newest write that was noted. Cheap to clone.
///
/// The committer notes each of its commits. Where nothing is committed for a while, [`Store::probe_writes`] writes.
#[derive(Clone, Debug, Default)]
pub struct WriteHealth(Arc<Mutex<Outcome>>);

#[derive(Debug, Default)]
struct Outcome {
    failure: Option<&'static str>,
    succeeded_at: Option<Instant>,
}

impl WriteHealth {
    /// Notes the outcome of a write. A permanent error is one of the statement and says nothing about the database.
    pub fn note<T>(&self, outcome: &Result<T, StoreError>) {
        match outcome {
            Err(error) if error.is_transient() => self.failed(error.reason()),
            _ => self.succeeded(),
        }
    }

    /// Why the newest write failed, as a clause for an operator. None: it worked, or there was none.
    pub fn failure(&self) -> Option<&'static str> {
        self.outcome().failure
    }

    /// Whether a write has worked within this time, and none failed since.
    pub fn has_succeeded_within(&self, time: Duration) -> bool {
        let outcome = self.outcome();
        outcome.failure.is_none() && outcome.succeeded_at.is_some_and(|at| at.elapsed() < time)
    }

    fn succeeded(&self) {
        *self.outcome() = Outcome { failure: None, succeeded_at: Some(Instant::now()) };
    }

    fn failed(&self, reason: &'static str) {
        self.outcome().failure = Some(reason);
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        // The value is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Whether writes work.
    pub fn write_health(&self) -> &WriteHealth {
        &self.write_health
    }

    /// Writes the row of this instance, and notes whether that works within `limit`.
    pub async fn probe_writes(&self, instance: InstanceId, limit: Duration) {
        match timeout(limit, self.beat(instance)).await {
            Ok(outcome) => self.write_health.note(&outcome),
            Err(_) => self.write_health.failed("a write takes too long"),
        }
    }
}
