//! Opening a database, and the kinds of connections that are taken from it.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgPool, Postgres, SqlitePool,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgConnection},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::timeout;
use weir_protocol::UserId;

use super::{
    Connection, Dialect, Scope,
    migrations::{POSTGRES_MIGRATIONS, SQLITE_MIGRATIONS},
    postgres::{DEADLINE, PostgresConnection, SHORT_DEADLINE},
    writer::{Writer, Writing},
};
use crate::StoreError;

/// What a commit holds through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: every commit reaches the disk before it is shown.
    #[default]
    Disk,
    /// The death of the process.
    Process,
}

/// Where a `PostgreSQL` is: `postgres://user:password@host:port/database`, and how to speak to it.
#[derive(Clone)]
pub struct PostgresUrl(PgConnectOptions, String);

impl FromStr for PostgresUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(sqlx::Error::Configuration("the URL begins with postgres://".into()).into());
        }
        Ok(Self(PgConnectOptions::from_str(url)?, url.to_owned()))
    }
}

impl PostgresUrl {
    /// The URL as it was set, with the password.
    pub fn expose_secret(&self) -> &str {
        &self.1
    }

    pub(crate) const fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl fmt::Debug for PostgresUrl {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}:{}", self.0.get_host(), self.0.get_port())
    }
}

/// The pools of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite {
        /// One connection: `SQLite` has one writer, and a queue in front of it is fairer than its busy handler.
        writer: Writer,
        /// What users ask for.
        readers: SqlitePool,
        /// The server's own reads, such as the log. Never behind what users ask for.
        system: SqlitePool,
        /// Looks at leases. Never behind any other read.
        leases: SqlitePool,
        /// Looks up credentials. Never behind any other read.
        identity: SqlitePool,
        /// Searches, whose cost a caller chooses.
        searches: SqlitePool,
        /// The write-ahead log.
        wal: Arc<Wal>,
    },
    Postgres {
        /// Every transaction names its user.
        users: PgPool,
        /// The server's own work: the log, sweeps. Never behind what users ask for.
        system: PgPool,
        /// Heartbeats. Never behind any other query.
        heartbeat: PgPool,
        /// Looks at leases. Never behind what users ask for.
        leases: PgPool,
        /// Looks up credentials. Never behind any other query.
        identity: PgPool,
        /// Searches, whose cost a caller chooses.
        searches: PgPool,
    },
}

/// The write-ahead log of `SQLite`.
#[derive(Debug)]
pub(crate) struct Wal {
    /// Its file.
    pub(crate) file: PathBuf,
    /// For checkpoints, which never wait for a reader.
    pub(crate) checkpoints: SqlitePool,
}

/// How long a request waits for a connection before it fails. The HTTP layer answers 503.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the write-ahead log of `SQLite` that are kept once no reader needs them.
pub(crate) const WAL_LIMIT: u64 = 64 * 1024 * 1024;
/// Connections for searches. Half the cores of a small machine stay free for everything else.
const SEARCH_CONNECTIONS: u32 = 2;
/// How long a heartbeat may take. The next one is sent on a new connection, before other instances think this one dead.
const HEARTBEAT_DEADLINE: Duration = Duration::from_millis(600);
/// How long a connection for heartbeats may take to open.
const HEARTBEAT_CONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// How long the settings of a new connection may take. The pool waits for them without a deadline.
const SETTINGS_DEADLINE: Duration = Duration::from_secs(3);
/// How long an idle connection may take to show that it still works.
const TEST_DEADLINE: Duration = Duration::from_secs(1);
/// How long a statement may take at `PostgreSQL` itself: a little less than it is waited for.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(29);
/// How long a statement waits for a row that another transaction has locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a transaction may be idle: the process that began it is gone or cut off, and its locks stop others.
const IDLE_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Virtual machine instructions of `SQLite` between two looks at a search's deadline: about one message, whose comparison may
/// take some milliseconds.
const INSTRUCTIONS_PER_LOOK: i32 = 25;

/// The role that row-level security holds for, where the role of the URL is one that nothing holds for.
const APP_ROLE: &str = "weir_app";

impl Database {
    /// Opens the `SQLite` database at `path`, makes it when it is missing and brings its schema up to date.
    pub(crate) async fn sqlite(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Disk => SqliteSynchronous::Full,
                Durability::Process => SqliteSynchronous::Normal,
            })
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .statement_cache_capacity(160)
            // Deleted content is overwritten with zeros, in pages that stay in use and in free ones.
            .pragma("secure_delete", "ON")
            // The write-ahead log is truncated to this size after a long read transaction has ended.
            .pragma("journal_size_limit", WAL_LIMIT.to_string())
            // Statements would be written out once per commit, whatever the log level.
            .disable_statement_logging();
        let writer = sqlite_pool(1).connect_with(options.clone()).await?;
        SQLITE_MIGRATIONS.run(&writer).await?;
        let checkpoints = sqlite_pool(1).connect_with(options.clone().busy_timeout(Duration::ZERO)).await?;
        let options = options.read_only(true);
        let readers = sqlite_pool(4).connect_with(options.clone()).await?;
        let system = sqlite_pool(2).connect_with(options.clone()).await?;
        let leases = sqlite_pool(1).connect_with(options.clone()).await?;
        let identity = sqlite_pool(2).connect_with(options.clone()).await?;
        let searches = sqlite_pool(SEARCH_CONNECTIONS).connect_with(options).await?;
        let writer = Writer::new(writer);
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        let wal = Arc::new(Wal { file: wal.into(), checkpoints });
        Ok(Self::Sqlite { writer, readers, system, leases, identity, searches, wal })
    }

    /// Connects to a `PostgreSQL` database (`postgres://…`) and brings its schema up to date, under a lock and without
    /// disturbing an older instance that still runs on it.
    pub(crate) async fn postgres(url: &PostgresUrl, durability: Durability) -> Result<Self, StoreError> {
        let options = url
            .0
            .clone()
            .application_name("weir")
            .statement_cache_capacity(200)
            .options([(
                "synchronous_commit",
                match durability {
                    Durability::Disk => "on",
                    Durability::Process => "off",
                },
            )])
            .disable_statement_logging();
        // With the rights of the URL's role, which the server's own connections may give up.
        let owner = PoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        POSTGRES_MIGRATIONS.run(&owner).await?;
        let role = restricted_role(&owner).await?;
        owner.close().await;
        let options = options.options(session_settings());
        let users = postgres_pool(16, role, "").connect_with(options.clone()).await?;
        let system = postgres_pool(8, role, "system").connect_with(options.clone()).await?;
        let heartbeat = postgres_pool(1, role, "system")
            // Nothing holds the one connection but a heartbeat, and each deadline of it is short.
            .min_connections(0)
            .acquire_timeout(HEARTBEAT_CONNECT_DEADLINE)
            .before_acquire(|_, _| Box::pin(async { Ok(true) }))
            // It does not have to survive, and does not wait for a slow disk.
            .connect_with(options.clone().options([("synchronous_commit", "off")]))
            .await?;
        let leases = postgres_pool(1, role, "system").connect_with(options.clone()).await?;
        let identity = postgres_pool(4, role, "system").connect_with(options.clone()).await?;
        let searches = postgres_pool(SEARCH_CONNECTIONS, role, "").min_connections(0).connect_with(options).await?;
        Ok(Self::Postgres { users, system, heartbeat, leases, identity, searches })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// For single queries that change nothing.
    pub(crate) async fn read(&self, scope: Scope) -> Result<Connection, StoreError> {
        match (self, scope) {
            (Self::Sqlite { readers, .. }, Scope::User(_)) => Ok(Connection::Sqlite(readers.acquire().await?)),
            (Self::Sqlite { system, .. }, Scope::System) => Ok(Connection::Sqlite(system.acquire().await?)),
            (Self::Postgres { system, .. }, Scope::System) => postgres(system, DEADLINE).await,
            (Self::Postgres { .. }, Scope::User(_)) => self.begin(scope, "BEGIN READ ONLY").await,
        }
    }

    /// For queries that see one moment and change nothing.
    pub(crate) async fn snapshot(&self, scope: Scope) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { readers, system, .. } => {
                let pool = if scope == Scope::System { system } else { readers };
                Ok(Connection::SqliteTransaction(pool.begin().await?))
            }
            Self::Postgres { .. } => self.begin(scope, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    /// For finding out whose credential a request carries.
    pub(crate) async fn identity(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { identity, .. } => Ok(Connection::Sqlite(identity.acquire().await?)),
            Self::Postgres { identity, .. } => postgres(identity, SHORT_DEADLINE).await,
        }
    }

    /// For looking at leases and the heartbeats of other instances.
    pub(crate) async fn leases(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { leases, .. } => Ok(Connection::Sqlite(leases.acquire().await?)),
            Self::Postgres { leases, .. } => postgres(leases, SHORT_DEADLINE).await,
        }
    }

    /// For moving a heartbeat. `SQLite`, where no other instance can look at it, has one writer.
    pub(crate) async fn heartbeat(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { .. } => self.statement().await,
            Self::Postgres { heartbeat, .. } => postgres(heartbeat, HEARTBEAT_DEADLINE).await,
        }
    }

    /// For a search of a user's content. Its statements fail after `deadline`, on `SQLite` also when `is_abandoned` says so;
    /// see [`is_interrupted`].
    pub(crate) async fn search(
        &self,
        user: UserId,
        deadline: Duration,
        is_abandoned: impl Fn() -> bool + Send + 'static,
    ) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { searches, .. } => {
                let mut connection = searches.acquire().await?;
                let end = Instant::now() + deadline;
                connection
                    .lock_handle()
                    .await?
                    .set_progress_handler(INSTRUCTIONS_PER_LOOK, move || Instant::now() < end && !is_abandoned());
                Ok(Connection::Sqlite(connection))
            }
            Self::Postgres { searches, .. } => {
                let milliseconds = deadline.as_millis();
                let begin = format!(
                    "BEGIN READ ONLY; SET LOCAL weir.user_id = '{user}'; SET LOCAL statement_timeout = {milliseconds}"
                );
                Ok(Connection::Postgres(PostgresConnection::begin(searches.acquire().await?, begin).await?))
            }
        }
    }

    /// For changes that become true together.
    pub(crate) async fn write(&self, scope: Scope) -> Result<Connection, StoreError> {
        let writing = match scope {
            Scope::User(user) => Writing::User(user),
            Scope::System => Writing::System,
        };
        self.write_in_turn(scope, writing).await
    }

    /// For changes by the server that become true together, and that the turn of `user` pays for.
    pub(crate) async fn write_for(&self, user: UserId) -> Result<Connection, StoreError> {
        self.write_in_turn(Scope::System, Writing::User(user)).await
    }

    async fn write_in_turn(&self, scope: Scope, writing: Writing) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { writer, .. } => {
                let (transaction, turn) = writer.begin(writing).await?;
                Ok(Connection::SqliteWriteTransaction(transaction, turn))
            }
            Self::Postgres { .. } => self.begin(scope, "BEGIN").await,
        }
    }

    /// For one statement of the server's that is a transaction of its own.
    pub(crate) async fn statement(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite { writer, .. } => {
                let (connection, turn) = writer.acquire(Writing::System).await?;
                Ok(Connection::SqliteWriter(connection, turn))
            }
            Self::Postgres { system, .. } => postgres(system, DEADLINE).await,
        }
    }

    /// Like [`Self::statement`], for what readers wait for.
    pub(crate) async fn short_statement(&self) -> Result<Connection, StoreError> {
        Ok(self.statement().await?.within(SHORT_DEADLINE))
    }

    /// Like [`Self::write`], for what readers wait for.
    pub(crate) async fn short_write(&self, scope: Scope) -> Result<Connection, StoreError> {
        Ok(self.write(scope).await?.within(SHORT_DEADLINE))
    }

    async fn begin(&self, scope: Scope, begin: &'static str) -> Result<Connection, StoreError> {
        let Self::Postgres { users, system, .. } = self else { return Err(StoreError::Corrupt("connection")) };
        let (pool, begin) = match scope {
            Scope::System => (system, begin.to_owned()),
            // A user's id is a UUID: nothing of it can be read as SQL.
            Scope::User(user) => (users, format!("{begin}; SET LOCAL weir.user_id = '{user}'")),
        };
        Ok(Connection::Postgres(PostgresConnection::begin(pool.acquire().await?, begin).await?))
    }

    /// Waits for what is under way and closes every connection.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, system, leases, identity, searches, wal } => {
                for pool in [searches, readers, identity, leases, system, &wal.checkpoints] {
                    pool.close().await;
                }
                writer.close().await;
            }
            Self::Postgres { users, system, heartbeat, leases, identity, searches } => {
                for pool in [searches, users, identity, leases, heartbeat, system] {
                    pool.close().await;
                }
            }
        }
    }
}

/// Whether a statement was ended because its search took too long or was abandoned.
pub(crate) fn is_interrupted(error: &StoreError) -> bool {
    let StoreError::Database(sqlx::Error::Database(error)) = error else { return false };
    // `SQLITE_INTERRUPT`, and `query_canceled` of PostgreSQL.
    error.code().is_some_and(|code| code == "9" || code == "57014")
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // SQLite ends a transaction by itself when the disk is full or fails, and sqlx goes on believing in it: such a
        // connection would refuse every transaction from then on.
        .before_acquire(|connection, _| {
            let is_sane = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_sane) })
        })
}

/// A connection without a transaction, whose statements have this deadline.
async fn postgres(pool: &PgPool, deadline: Duration) -> Result<Connection, StoreError> {
    Ok(Connection::Postgres(PostgresConnection::new(pool.acquire().await?).within(deadline)))
}

/// What `PostgreSQL` itself ends, so that a process that has died, is cut off or frozen blocks no other process: statements, waits for locks, and
/// transactions and connections of processes that say nothing.
fn session_settings() -> [(&'static str, String); 7] {
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    [
        ("statement_timeout", milliseconds(STATEMENT_TIMEOUT)),
        ("lock_timeout", milliseconds(LOCK_TIMEOUT)),
        ("idle_in_transaction_session_timeout", milliseconds(IDLE_TRANSACTION_TIMEOUT)),
        // In seconds; the last in milliseconds.
        ("tcp_keepalives_idle", "5".to_owned()),
        ("tcp_keepalives_interval", "2".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", "10000".to_owned()),
    ]
}

/// A pool whose connections have given up the rights of a superuser, and see what `scope` may see.
fn postgres_pool(connections: u32, role: Option<&'static str>, scope: &'static str) -> PoolOptions<Postgres> {
    PoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // The pool's own test waits for a connection that is half-open until the acquisition fails.
        .test_before_acquire(false)
        .before_acquire(|connection: &mut PgConnection, _| {
            Box::pin(async move { Ok(matches!(timeout(TEST_DEADLINE, connection.ping()).await, Ok(Ok(())))) })
        })
        .after_connect(move |connection: &mut PgConnection, _| {
            Box::pin(async move {
                let set = async {
                    if let Some(role) = role {
                        connection.execute(AssertSqlSafe(format!("SET ROLE {role}"))).await?;
                    }
                    connection.execute(AssertSqlSafe(format!("SET weir.user_id = '{scope}'"))).await?;
                    Ok(())
                };
                timeout(SETTINGS_DEADLINE, set).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
            })
        })
}

/// Row-level security holds for no superuser. The server does not need to be one: it takes another role.
async fn restricted_role(owner: &PgPool) -> Result<Option<&'static str>, StoreError> {
    let unrestricted: bool =
        sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            .fetch_one(owner)
            .await?;
    if !unrestricted {
        return Ok(None);
    }
    // Several instances may start at once: one of them makes the role.
    owner
        .execute(AssertSqlSafe(format!(
            "DO $$ BEGIN
                 PERFORM pg_advisory_xact_lock(hashtext('{APP_ROLE}'));
                 IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
                     CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
                 END IF;
                 EXECUTE format('GRANT {APP_ROLE} TO %I', current_user);
                 EXECUTE format('GRANT USAGE ON SCHEMA %I TO {APP_ROLE}', current_schema());
                 EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO {APP_ROLE}',
                     current_schema());
             END $$"
        )))
        .await?;
    Ok(Some(APP_ROLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lim_41_credentials_and_leases_are_looked_up_while_every_other_read_is_busy() {
        let user = UserId(uuid::Uuid::from_u128(7));
        // On PostgreSQL where the suite has one.
        let stored = weir_testkit::TestStore::open().await;
        let folder = tempfile::tempdir().unwrap();
        let (database, reads, system) = if let Some(url) = stored.url() {
            (Database::postgres(&url.parse().unwrap(), Durability::Process).await.unwrap(), 16, 8)
        } else {
            let file = folder.path().join("weir.db");
            (Database::sqlite(&file, Durability::Process).await.unwrap(), 4, 2)
        };
        let mut busy = Vec::new();
        for _ in 0..reads {
            busy.push(database.read(Scope::User(user)).await.unwrap());
        }
        for _ in 0..system {
            busy.push(database.read(Scope::System).await.unwrap());
        }
        for _ in 0..SEARCH_CONNECTIONS {
            busy.push(database.search(user, Duration::from_secs(1), || false).await.unwrap());
        }
        if database.dialect() == Dialect::Sqlite {
            busy.push(database.statement().await.unwrap());
        }
        // What was left of each other pool would answer this.
        for scope in [Scope::User(user), Scope::System] {
            let waits = tokio::time::timeout(Duration::from_millis(50), database.read(scope)).await;
            assert!(waits.is_err(), "every connection of {scope:?} is taken");
        }
        let looked_up = tokio::time::timeout(Duration::from_secs(2), database.identity()).await;
        assert!(looked_up.is_ok_and(|connection| connection.is_ok()));
        let looked_after = tokio::time::timeout(Duration::from_secs(1), database.leases()).await;
        assert!(looked_after.is_ok_and(|connection| connection.is_ok()));
    }

    #[tokio::test]
    async fn a_disk_that_was_full_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::sqlite(&folder.path().join("weir.db"), Durability::Process).await.unwrap();
        let Database::Sqlite { writer, .. } = &database else { unreachable!("it was asked for") };
        let writer = writer.pool();
        let write = async || {
            let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
            transaction.execute("CREATE TABLE ballast AS SELECT randomblob(100000) AS bytes").await?;
            transaction.commit().await
        };
        writer.execute("PRAGMA max_page_count = 1").await.unwrap();
        let error = write().await.unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        writer.execute("PRAGMA max_page_count = 1000000").await.unwrap();
        write().await.unwrap();
    }
}
