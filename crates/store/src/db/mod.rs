//! One way to speak to both databases: a query is one text with `$1`, `$2` … and its values; where the dialects differ, the
//! query asks for the word it needs.

mod connection;
mod migrations;
mod open;
mod postgres;
mod query;
mod writer;

pub(crate) use connection::Connection;
pub(crate) use migrations::{POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS};
use open::ACQUIRE_TIMEOUT;
pub(crate) use open::{Database, WAL_LIMIT, is_interrupted};
pub use open::{Durability, PostgresUrl};
pub(crate) use query::{Query, Row, placeholders, query};

use weir_protocol::UserId;

/// Which of the two databases is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// On whose behalf a transaction works. `PostgreSQL` shows it nothing else (row-level security).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One user's things.
    User(UserId),
    /// The server itself: the log, leases, sweeps.
    System,
}

impl Dialect {
    /// Locks the rows that a `SELECT` finds until the transaction ends. `SQLite` has one writer and needs none.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Like [`Self::for_update`], and leaves out the rows that another transaction has locked.
    pub(crate) const fn for_update_unless_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }
}
