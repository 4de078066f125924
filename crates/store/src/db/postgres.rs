//! A connection to `PostgreSQL` whose every statement has a deadline.

use std::{io, time::Duration};

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Postgres, pool::PoolConnection};
use tokio::{runtime::Handle, time::timeout};

use crate::StoreError;

/// How long a statement may take. `PostgreSQL` itself ends it a little earlier, unless the connection is broken.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// How long a short statement may take: one that readers wait for, or that changes only a few rows.
pub(super) const SHORT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection may take to get ready for its next user.
const RELEASE_DEADLINE: Duration = Duration::from_secs(5);

/// A connection, inside a transaction or not.
///
/// A connection can be broken without an error: the other side is gone, and no packet says so. No statement waits for it longer than its
/// deadline. A connection whose statement was not waited for is closed, because its state is unknown.
pub(crate) struct PostgresConnection {
    /// There until the connection is dropped or committed.
    connection: Option<PoolConnection<Postgres>>,
    deadline: Duration,
    is_in_transaction: bool,
    /// A statement was sent, and its response has not arrived.
    is_waiting: bool,
}

impl PostgresConnection {
    /// A connection without a transaction.
    pub(super) const fn new(connection: PoolConnection<Postgres>) -> Self {
        Self { connection: Some(connection), deadline: DEADLINE, is_in_transaction: false, is_waiting: false }
    }

    /// Begins a transaction with these statements.
    pub(super) async fn begin(connection: PoolConnection<Postgres>, begin: String) -> Result<Self, StoreError> {
        let mut new = Self::new(connection).within(SHORT_DEADLINE);
        new.is_in_transaction = true;
        new.wait_for(async |connection| connection.execute(AssertSqlSafe(begin)).await).await?;
        Ok(new.within(DEADLINE))
    }

    /// Gives each further statement another deadline.
    pub(super) const fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Commits the transaction, if there is one.
    ///
    /// # Errors
    /// When the database fails; then it is not known whether the transaction was committed.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if self.is_in_transaction {
            self.wait_for(async |connection| connection.execute("COMMIT").await).await?;
            self.is_in_transaction = false;
        }
        Ok(())
    }

    /// Waits for the response to a statement until the deadline. Dropping the future closes the connection.
    ///
    /// # Errors
    /// When the database fails or does not respond in time.
    pub(super) async fn wait_for<T>(
        &mut self,
        statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        self.is_waiting = true;
        let response = timeout(self.deadline, statement(connection)).await.map_err(|_| timed_out())?;
        self.is_waiting = false;
        Ok(response?)
    }
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.is_waiting {
            return connection.close_on_drop();
        }
        let is_in_transaction = self.is_in_transaction;
        let released = async move {
            if is_in_transaction {
                connection.execute("ROLLBACK").await.inspect_err(|_| connection.close_on_drop())?;
            }
            // What `Drop` of the pool's connection does, which waits for a response without a deadline.
            connection.return_to_pool().await;
            Ok::<_, sqlx::Error>(())
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(RELEASE_DEADLINE, released));
        }
    }
}

fn timed_out() -> StoreError {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no response in time")).into()
}
