//! A connection, inside a transaction or not.

use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use super::{Dialect, postgres::PostgresConnection, writer::WriteTurn};
use crate::StoreError;

/// What queries are run on. A transaction that is dropped without [`Connection::commit`] has changed nothing.
pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    /// The writer, outside a transaction. The connection is dropped before the turn.
    SqliteWriter(PoolConnection<Sqlite>, WriteTurn),
    SqliteWriteTransaction(Transaction<'static, Sqlite>, WriteTurn),
    Postgres(PostgresConnection),
}

impl Connection {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_)
            | Self::SqliteTransaction(_)
            | Self::SqliteWriter(..)
            | Self::SqliteWriteTransaction(..) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Gives each further statement at `PostgreSQL` another deadline. `SQLite` is no other machine, which could be gone.
    pub(crate) fn within(self, deadline: Duration) -> Self {
        match self {
            Self::Postgres(connection) => Self::Postgres(connection.within(deadline)),
            sqlite => sqlite,
        }
    }

    /// Makes what a transaction did true. A connection without one has nothing to wait for.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => {}
            Self::SqliteWriter(connection, turn) => {
                drop(connection);
                drop(turn);
            }
            Self::SqliteTransaction(transaction) => transaction.commit().await?,
            Self::SqliteWriteTransaction(transaction, _turn) => transaction.commit().await?,
            Self::Postgres(connection) => connection.commit().await?,
        }
        Ok(())
    }

    pub(super) fn raw(&mut self) -> Raw<'_> {
        match self {
            Self::Sqlite(connection) | Self::SqliteWriter(connection, _) => Raw::Sqlite(connection),
            Self::SqliteTransaction(transaction) | Self::SqliteWriteTransaction(transaction, _) => {
                Raw::Sqlite(transaction)
            }
            Self::Postgres(connection) => Raw::Postgres(connection),
        }
    }
}

/// The driver's own connection.
pub(super) enum Raw<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PostgresConnection),
}
