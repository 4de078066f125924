//! What a caller of the store can act on.

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or it is another user's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The cursor was not made by this list.
    #[error("the cursor is not one of this list")]
    InvalidCursor,
    /// `parentId` names no message of the conversation that may stand there.
    #[error("{0}")]
    InvalidParent(&'static str),
    /// `editOf` names no user message of the conversation.
    #[error("names no user message of this conversation")]
    InvalidEdit,
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// The id is another user's, or stands for another call.
    #[error("the id is taken by another call")]
    IdTaken,
    /// There is one of this name already.
    #[error("the name is taken")]
    NameTaken,
    /// Somebody else signs in with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// Nobody could let others in any more.
    #[error("the last administrator stays one")]
    LastAdministrator,
    /// The call waits for nobody's word, or another word was given before.
    #[error("the call waits for no word any more")]
    Decided,
    /// As many searches of this user run as may.
    #[error("too many searches of this user are running")]
    TooManySearches,
    /// A search took longer than its deadline.
    #[error("the search took too long")]
    SearchTooSlow,
    /// As many runs of this user are under way as may be.
    #[error("{limit} runs of this user are under way, the maximum")]
    TooManyRuns {
        /// The maximum.
        limit: u32,
    },
    /// The user's storage is full.
    #[error("{used} of {limit} bytes are stored")]
    StorageFull {
        /// Bytes that are stored.
        used: u64,
        /// The user's quota in bytes.
        limit: u64,
    },
    /// The user has as many of something as may be.
    #[error("there are {limit} {items}, the maximum")]
    LimitReached {
        /// What there is too much of, in the plural.
        items: &'static str,
        /// The maximum.
        limit: u32,
    },
    /// An administrator has disabled the user.
    #[error("the user is disabled")]
    Disabled,
    /// The user, conversation or run that a row refers to was deleted meanwhile.
    #[error("what it belongs to was deleted")]
    Gone,
    /// The database did not answer or refused.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// The database could not be brought to this version's schema.
    #[error("the database could not be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what this version writes.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
}

/// Classes of SQLSTATE whose errors are about the statement and its values, so that the same statement fails each time: cardinality
/// violation, data exception, integrity constraint violation, with check option violation, program limit exceeded (`PostgreSQL`,
/// appendix A). Each of the others may pass: the connection broke, a lock was not available, the disk is full, a role lacks a right.
const PERMANENT_SQLSTATE: [&str; 5] = ["21", "22", "23", "44", "54"];
/// The same of `SQLite`, as primary result codes: `TOOBIG`, `CONSTRAINT`, `MISMATCH`, `RANGE`.
const PERMANENT_SQLITE: [i32; 4] = [18, 19, 20, 25];

/// The code of an error that a database has reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ErrorCode<'c> {
    /// A SQLSTATE.
    Postgres(&'c str),
    /// A primary result code; the extended ones have it in their lowest byte.
    Sqlite(i32),
}

impl<'c> ErrorCode<'c> {
    fn of(error: &'c dyn sqlx::error::DatabaseError) -> Option<Self> {
        if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            return Some(Self::Postgres(error.code()));
        }
        let error = error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
        let code: i32 = sqlx::error::DatabaseError::code(error)?.parse().ok()?;
        Some(Self::Sqlite(code & 0xff))
    }

    fn is_permanent(self) -> bool {
        match self {
            Self::Postgres(code) => code.get(..2).is_some_and(|class| PERMANENT_SQLSTATE.contains(&class)),
            Self::Sqlite(code) => PERMANENT_SQLITE.contains(&code),
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Sqlite(5 | 6) => "another process has locked it",
            Self::Sqlite(8) | Self::Postgres("25006") => "it is read-only",
            Self::Sqlite(10) | Self::Postgres("58030") => "its disk fails",
            Self::Sqlite(13) | Self::Postgres("53100") => "its disk is full",
            Self::Sqlite(_) | Self::Postgres(_) => "it reports an error, which is in the log",
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) if error.is_foreign_key_violation() => Self::Gone,
            error => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether the same operation may succeed later without a change: the database is busy, full, unreachable or restarting.
    ///
    /// An error about the data or the statement is permanent.
    pub fn is_transient(&self) -> bool {
        let Self::Database(error) = self else { return false };
        match error {
            sqlx::Error::Database(error) => ErrorCode::of(&**error).is_none_or(|code| !code.is_permanent()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            _ => false,
        }
    }

    /// Why the database does not do its work, for an operator: a fixed clause without any data.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                ErrorCode::of(&**error).map_or("it reports an error, which is in the log", ErrorCode::reason)
            }
            Self::Database(sqlx::Error::PoolTimedOut) => "no connection was free in time",
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => {
                "the connection to it broke"
            }
            _ => "it failed, and the reason is in the log",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Database, Durability};

    #[test]
    fn life_4_an_error_about_the_data_is_permanent_and_one_about_the_database_is_transient() {
        for (class, is_permanent) in [
            ("22021", true),
            ("23503", true),
            ("23505", true),
            ("54000", true),
            ("08006", false),
            ("25006", false),
            ("25P03", false),
            ("40001", false),
            ("40P01", false),
            ("42501", false),
            ("53100", false),
            ("55P03", false),
            ("57014", false),
            ("57P01", false),
            ("58030", false),
            ("XX000", false),
        ] {
            assert_eq!(ErrorCode::Postgres(class).is_permanent(), is_permanent, "{class}");
        }
        for (code, is_permanent) in [
            (18, true),
            (19, true),
            (20, true),
            (25, true),
            (1, false),
            (5, false),
            (6, false),
            (8, false),
            (13, false),
        ] {
            assert_eq!(ErrorCode::Sqlite(code).is_permanent(), is_permanent, "{code}");
        }
        assert!(StoreError::Database(sqlx::Error::PoolTimedOut).is_transient());
        for permanent in [StoreError::Database(sqlx::Error::RowNotFound), StoreError::Corrupt("message")] {
            assert!(!permanent.is_transient(), "{permanent:?}");
        }
    }

    #[tokio::test]
    async fn life_4_errors_of_this_database_have_codes() {
        // On PostgreSQL where the suite has one.
        let stored = weir_testkit::TestStore::open().await;
        let folder = tempfile::tempdir().unwrap();
        let database = if let Some(url) = stored.url() {
            Database::postgres(&url.parse().unwrap(), Durability::Process).await.unwrap()
        } else {
            Database::sqlite(&folder.path().join("weir.db"), Durability::Process).await.unwrap()
        };
        let mut connection = database.statement().await.unwrap();
        let insert = || crate::db::query("INSERT INTO users (id, name, created_at) VALUES ($1, 'x', 0)");
        let id = uuid::Uuid::from_u128(7);
        insert().bind(id).execute(&mut connection).await.unwrap();
        let taken = insert().bind(id).execute(&mut connection).await.unwrap_err();
        assert!(!taken.is_transient(), "{taken:?}");
    }

    #[tokio::test]
    async fn err_17_a_row_that_refers_to_a_deleted_user_is_gone() {
        let stored = weir_testkit::TestStore::open().await;
        let (user, conversation) = (uuid::Uuid::from_u128(7), uuid::Uuid::from_u128(8));
        let (user, conversation) = (weir_protocol::UserId(user), weir_protocol::ConversationId(conversation));
        let now = weir_protocol::Timestamp(0);
        let written = stored.store.create_conversation(user, conversation, None, now, None).await;
        // The testkit has the crate without its tests, whose types are others.
        assert_eq!(format!("{:?}", written.unwrap_err()), "Gone");
        assert!(!StoreError::Gone.is_transient());
    }
}
