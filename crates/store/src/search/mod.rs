//! Searches: the reads whose cost a caller chooses. They run on connections of their own, each has a deadline, and each user
//! has a share of them.

mod conversations;
mod messages;

pub use messages::FoundMessage;

use std::{
    collections::HashMap,
    panic::resume_unwind,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use weir_protocol::UserId;

use crate::{
    Store, StoreError,
    db::{Connection, is_interrupted},
};

/// How long a search may take when nothing else is set.
const DEADLINE: Duration = Duration::from_secs(1);
/// Searches of one user that may run or wait at once in this process.
const SEARCHES_PER_USER: u32 = 2;

/// The searches of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Searches {
    running: Arc<Mutex<HashMap<UserId, u32>>>,
    deadline: Duration,
}

impl Default for Searches {
    fn default() -> Self {
        Self { running: Arc::default(), deadline: DEADLINE }
    }
}

impl Searches {
    fn permit(&self, user: UserId) -> Result<Permit, StoreError> {
        let mut running = lock(&self.running);
        let count = running.entry(user).or_default();
        if *count >= SEARCHES_PER_USER {
            return Err(StoreError::TooManySearches);
        }
        *count += 1;
        Ok(Permit { running: self.running.clone(), user })
    }
}

/// The right to run one search. It counts until it is dropped.
struct Permit {
    running: Arc<Mutex<HashMap<UserId, u32>>>,
    user: UserId,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        if let Some(count) = running.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.user);
            }
        }
    }
}

/// Tells a search, when it is dropped, that the caller no longer waits for it.
#[derive(Default)]
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Store {
    /// Sets how long a search may take.
    #[must_use]
    pub fn with_search_deadline(mut self, deadline: Duration) -> Self {
        self.searches.deadline = deadline;
        self
    }

    /// Runs the queries of one search. On `SQLite` a search that is abandoned ends at once; on `PostgreSQL` by its deadline.
    ///
    /// # Errors
    /// [`StoreError::TooManySearches`], and [`StoreError::SearchTooSlow`] past the deadline.
    async fn search<T, F>(
        &self,
        user: UserId,
        work: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let permit = self.searches.permit(user)?;
        let (database, deadline, caller) = (self.database.clone(), self.searches.deadline, Caller::default());
        let abandoned = caller.0.clone();
        // The task keeps the permit until the database has ended the search, also when the caller leaves.
        let task = tokio::spawn(async move {
            let _permit = permit;
            let is_abandoned = move || abandoned.load(Ordering::Relaxed);
            work(database.search(user, deadline, is_abandoned).await?).await
        });
        let found = match task.await {
            Ok(found) => found,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(StoreError::Database(sqlx::Error::PoolClosed)),
            },
        };
        drop(caller);
        found.map_err(|error| if is_interrupted(&error) { StoreError::SearchTooSlow } else { error })
    }
}

/// What the full-text index of `SQLite` calls a user: the tokenizer takes it for one word.
fn owner_word(user: UserId) -> String {
    user.0.simple().to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The map is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_user_has_a_share_of_the_searches() {
        let (searches, alice, bob) = (Searches::default(), UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let first = searches.permit(alice).unwrap();
        let _second = searches.permit(alice).unwrap();
        assert!(matches!(searches.permit(alice), Err(StoreError::TooManySearches)));
        let _other = searches.permit(bob).unwrap();
        drop(first);
        assert!(searches.permit(alice).is_ok());
    }
}
