//! The connection that writes to `SQLite`. Users take turns.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sqlx::{Sqlite, SqlitePool, Transaction, pool::PoolConnection};
use tokio::time::timeout;
use weir_protocol::UserId;

use super::ACQUIRE_TIMEOUT;
use crate::{
    StoreError,
    fair_queue::{FairQueue, Permit},
};

/// Whose turn it is to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writing {
    /// Work for one user, who has one turn in each round.
    User(UserId),
    /// Work of the server itself. Each transaction counts as a separate user, so it waits for at most one transaction of each user.
    System,
}

/// The right to write, until it is dropped.
pub(crate) type WriteTurn = Permit<Turn>;

/// A key of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Turn {
    User(UserId),
    System(u64),
}

/// `SQLite` has one writer. Users take turns: a user's second transaction waits for the first one of each other user.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pool: SqlitePool,
    turns: FairQueue<Turn>,
    system: Arc<AtomicU64>,
}

impl Writer {
    /// Takes a pool of one connection.
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool, turns: FairQueue::new(1), system: Arc::default() }
    }

    /// Waits for the connection.
    ///
    /// # Errors
    /// When the wait exceeds [`ACQUIRE_TIMEOUT`], or the database fails.
    pub(super) async fn acquire(&self, writing: Writing) -> Result<(PoolConnection<Sqlite>, WriteTurn), StoreError> {
        let turn = self.turn(writing).await?;
        Ok((self.pool.acquire().await?, turn))
    }

    /// Waits for the connection and begins a transaction.
    ///
    /// # Errors
    /// See [`Self::acquire`].
    pub(super) async fn begin(
        &self,
        writing: Writing,
    ) -> Result<(Transaction<'static, Sqlite>, WriteTurn), StoreError> {
        let turn = self.turn(writing).await?;
        Ok((self.pool.begin_with("BEGIN IMMEDIATE").await?, turn))
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    #[cfg(test)]
    pub(super) const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    async fn turn(&self, writing: Writing) -> Result<WriteTurn, StoreError> {
        let key = match writing {
            Writing::User(user) => Turn::User(user),
            Writing::System => Turn::System(self.system.fetch_add(1, Ordering::Relaxed)),
        };
        timeout(ACQUIRE_TIMEOUT, self.turns.acquire(key)).await.map_err(|_| sqlx::Error::PoolTimedOut.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream::FuturesUnordered};

    use super::*;
    use crate::db::{Database, Durability, Scope};

    #[tokio::test]
    async fn lim_60_a_commit_waits_for_one_commit_of_each_other_user() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("weir.db"), Durability::Process).await.unwrap();
        let user = |number| UserId(uuid::Uuid::from_u128(number));
        let (database, served) = (&database, &std::sync::Mutex::new(Vec::new()));
        let write = |name: &'static str, scope: Option<Scope>| async move {
            let connection = match scope {
                Some(scope) => database.write(scope).await.unwrap(),
                None => database.write_for(user(1)).await.unwrap(),
            };
            served.lock().unwrap().push(name);
            tokio::task::yield_now().await;
            connection.commit().await.unwrap();
        };
        let held = database.statement().await.unwrap();
        let mut writes: FuturesUnordered<_> = (0..20)
            .map(|number| write("flood", (number % 2 == 0).then_some(Scope::User(user(1)))))
            .chain([write("other", Some(Scope::User(user(2))))])
            .chain((0..2).map(|_| write("server", Some(Scope::System))))
            .collect();
        // All of them wait.
        assert!(tokio::time::timeout(Duration::from_millis(50), writes.next()).await.is_err());
        held.commit().await.unwrap();
        while writes.next().await.is_some() {}
        let served = served.lock().unwrap();
        assert_eq!(served[..4], ["flood", "other", "server", "server"], "{served:?}");
        assert_eq!(served.len(), 23);
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_gives_its_turn_up() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("weir.db"), Durability::Process).await.unwrap();
        drop(database.write(Scope::System).await.unwrap());
        drop(database.statement().await.unwrap());
        assert!(database.write(Scope::System).await.is_ok());
    }
}
