//! A transaction of some other process at the database of a test.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// A transaction at `PostgreSQL` that stays open, with its locks, until it is committed or dropped.
#[derive(Debug)]
pub struct OpenTransaction(PgConnection);

impl OpenTransaction {
    /// Begins a transaction with this statement.
    pub async fn begin(url: &str, sql: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute("BEGIN; SET LOCAL weir.user_id = 'system'").await.unwrap();
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        Self(connection)
    }

    /// Commits it.
    pub async fn commit(mut self) {
        self.0.execute("COMMIT").await.unwrap();
    }
}
