//! `LISTEN` and `NOTIFY`: how the instances at one `PostgreSQL` call each other.

use sqlx::postgres::PgListener;

use crate::{
    Store, StoreError,
    db::{Database, query},
};

/// The channel of every instance at one database.
const CHANNEL: &str = "weir";

/// The longest text that [`Store::notify`] takes, in bytes (`PostgreSQL`, NOTIFY: less than 8000).
pub const LONGEST_NOTICE: usize = 7_900;

/// Hears what [`Store::notify`] says, from any instance.
#[derive(Debug)]
pub struct Notices(PgListener);

impl Store {
    /// Says something to every instance that listens. What nobody hears is lost.
    ///
    /// # Errors
    /// When the database fails, and for `SQLite`, where nobody else listens.
    pub async fn notify(&self, notice: &str) -> Result<(), StoreError> {
        query("SELECT pg_notify($1, $2)::TEXT")
            .bind(CHANNEL)
            .bind(notice)
            .fetch_one(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// Listens; what is said from the moment this returns on is heard.
    ///
    /// # Errors
    /// When the database fails, and for `SQLite`, where nobody else speaks.
    pub async fn listen(&self) -> Result<Notices, StoreError> {
        let Database::Postgres { system, .. } = &self.database else { return Err(StoreError::Corrupt("channel")) };
        let mut listener = PgListener::connect_with(system).await?;
        listener.ignore_pool_close_event(false);
        listener.listen(CHANNEL).await?;
        Ok(Notices(listener))
    }
}

impl Notices {
    /// The next notice.
    ///
    /// # Errors
    /// When the connection is lost: what was said meanwhile is lost too, and one has to listen anew.
    pub async fn next(&mut self) -> Result<String, StoreError> {
        let notice = self.0.try_recv().await?.ok_or(StoreError::Database(sqlx::Error::PoolClosed))?;
        Ok(notice.payload().to_owned())
    }
}
