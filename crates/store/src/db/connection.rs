//! A connection, inside a transaction or not.

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use super::{Dialect, writer::WriteTurn};
use crate::StoreError;

/// What queries are run on. A transaction that is dropped without [`Connection::commit`] has changed nothing.
pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    /// The writer, outside a transaction. The connection is dropped before the turn.
    SqliteWriter(PoolConnection<Sqlite>, WriteTurn),
    SqliteWriteTransaction(Transaction<'static, Sqlite>, WriteTurn),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

impl Connection {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_)
            | Self::SqliteTransaction(_)
            | Self::SqliteWriter(..)
            | Self::SqliteWriteTransaction(..) => Dialect::Sqlite,
            Self::Postgres(_) | Self::PostgresTransaction(_) => Dialect::Postgres,
        }
    }

    /// Makes what a transaction did true. A connection without one has nothing to wait for.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => {}
            Self::SqliteWriter(connection, turn) => {
                drop(connection);
                drop(turn);
            }
            Self::SqliteTransaction(transaction) => transaction.commit().await?,
            Self::SqliteWriteTransaction(transaction, _turn) => transaction.commit().await?,
            Self::PostgresTransaction(transaction) => transaction.commit().await?,
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
            Self::PostgresTransaction(transaction) => Raw::Postgres(transaction),
        }
    }
}

/// The driver's own connection.
pub(super) enum Raw<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}
