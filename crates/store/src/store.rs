//! The stored state of Weir.

use std::{path::Path, sync::Arc};

use tokio::sync::Mutex;

use weir_protocol::{Timestamp, UserId};

use crate::{
    Durability, PostgresUrl, StoreError, WriteHealth,
    db::{Database, Scope, query},
    leases::Leases,
    search::Searches,
    tail::Tail,
};

/// The stored state of Weir. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) database: Database,
    pub(crate) leases: Leases,
    /// `SQLite`'s. The tables of `PostgreSQL` are in the order of arrival by themselves.
    pub(crate) tail: Option<Tail>,
    pub(crate) searches: Searches,
    /// Bytes that each user may store.
    pub(crate) storage_limit: Option<u64>,
    /// Held while the files are purged.
    pub(crate) purging: Arc<Mutex<()>>,
    pub(crate) write_health: WriteHealth,
}

impl Store {
    /// Opens the `SQLite` database at `path`, makes it when it is missing and brings its schema up to date.
    pub async fn open(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let (database, tail) = (Database::sqlite(path, durability).await?, Tail::default());
        tail.settle(&database).await?;
        Ok(Self::new(database, Some(tail)))
    }

    /// Connects to the `PostgreSQL` database at `url` (`postgres://…`) and brings its schema up to date, under a lock;
    /// an older instance that still runs on it goes on undisturbed.
    ///
    /// With [`Durability::Process`], a commit does not wait for `PostgreSQL`'s disk.
    pub async fn connect(url: &PostgresUrl, durability: Durability) -> Result<Self, StoreError> {
        let database = Database::postgres(url, durability).await?;
        Ok(Self::new(database, None))
    }

    fn new(database: Database, tail: Option<Tail>) -> Self {
        Self {
            database,
            leases: Leases::default(),
            tail,
            searches: Searches::default(),
            storage_limit: None,
            purging: Arc::default(),
            write_health: WriteHealth::default(),
        }
    }

    /// Makes the user unless it is there.
    pub async fn ensure_user(&self, user: UserId, name: &str, now: Timestamp) -> Result<(), StoreError> {
        query("INSERT INTO users (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
            .bind(user.0)
            .bind(name)
            .bind(now.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// What a person is called.
    pub async fn user_name(&self, user: UserId) -> Result<String, StoreError> {
        let found = query("SELECT name FROM users WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&mut self.database.identity().await?)
            .await?;
        Ok(found.ok_or(StoreError::NotFound("user"))?.get(0))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        query("SELECT 1").fetch_one(&mut self.database.read(Scope::System).await?).await?;
        Ok(())
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
