//! A real database in a folder of its own, with two users.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use uuid::Uuid;
use weir_protocol::{ConversationId, MessageId, Role, RunId, Timestamp, UserId};
use weir_store::{
    Clock as _, Durability, InstanceId, Lease, NewMessage, NewRun, Position, Prompt, RunRecord, Started, Store,
    StoreError,
};

use crate::TestClock;

/// One person.
pub const ALICE: UserId = UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00a1));
/// Another person.
pub const BOB: UserId = UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00b0));

/// The instance that owns the runs of [`TestStore::start`]. It is not known to the store, so anybody may take them over.
pub const NOBODY: InstanceId = InstanceId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000));

/// Where tests find a `PostgreSQL` that they may fill; without it they use `SQLite`.
const POSTGRES: &str = "WEIR_TEST_DATABASE_URL";

/// Whether tests use `PostgreSQL`.
pub(crate) fn on_postgres() -> bool {
    std::env::var_os(POSTGRES).is_some()
}

/// An opened store; its folder goes with it.
#[derive(Debug)]
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// The clock that gives times and ids.
    pub clock: TestClock,
    place: Place,
}

/// Where the database is.
#[derive(Debug)]
enum Place {
    File(TempDir),
    /// A schema of its own in a database of `PostgreSQL`.
    Url(String),
}

impl TestStore {
    /// A store of this version with [`ALICE`] and [`BOB`] in it.
    pub async fn open() -> Self {
        let place = match std::env::var(POSTGRES) {
            Ok(url) => Place::Url(own_schema(&url).await),
            Err(_) => Place::File(tempfile::tempdir().unwrap()),
        };
        let store = place.open().await;
        for (user, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
            store.ensure_user(user, name, Timestamp(0)).await.unwrap();
        }
        Self { store, clock: TestClock::default(), place }
    }

    /// Where the database is, if it is a `PostgreSQL`.
    pub fn url(&self) -> Option<&str> {
        match &self.place {
            Place::File(_) => None,
            Place::Url(url) => Some(url),
        }
    }

    /// The settings with which a server finds this database.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match &self.place {
            Place::File(folder) => vec![("WEIR_DATA_DIR", folder.path().display().to_string())],
            Place::Url(url) => vec![("DATABASE_URL", url.clone())],
        }
    }

    /// Opens the same database once more, as the next process would.
    pub async fn reopen(&self) -> Store {
        self.place.open().await
    }

    /// Runs a statement as another process would.
    pub async fn execute(&self, sql: &'static str) {
        match self.place.connect().await {
            Raw::Sqlite(mut connection) => drop(connection.execute(sql).await.unwrap()),
            Raw::Postgres(mut connection) => drop(connection.execute(sql).await.unwrap()),
        }
    }

    /// Keeps every write to the database waiting, as another process that locks it would, until the lock is released. Reads work.
    pub async fn lock_writes(&self) -> WriteLock {
        let mut connection = self.place.connect().await;
        match &mut connection {
            Raw::Sqlite(connection) => begin_to_write(connection).await,
            Raw::Postgres(connection) => {
                connection.execute("BEGIN").await.unwrap();
                let lock = "DO $$ DECLARE name text; BEGIN
                     FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
                         EXECUTE format('LOCK TABLE %I IN EXCLUSIVE MODE', name);
                     END LOOP; END $$";
                connection.execute(lock).await.unwrap();
            }
        }
        WriteLock(connection)
    }

    /// A run to start: `prompt` in a new conversation of `user`, or in `conversation`.
    pub fn new_run(&self, user: UserId, conversation: Option<ConversationId>, prompt: &str) -> NewRun {
        NewRun {
            id: RunId(self.clock.id()),
            user,
            owner: NOBODY,
            prompt: Prompt::New(NewMessage {
                id: MessageId(self.clock.id()),
                conversation,
                new_conversation: ConversationId(self.clock.id()),
                title: prompt.to_owned(),
                position: Position::Newest,
                role: Role::User,
                content: prompt.to_owned(),
            }),
            message: MessageId(self.clock.id()),
            model: "scripted/one".to_owned(),
            context: None,
            tools: None,
            max_running: u32::MAX,
            key: None,
        }
    }

    /// Starts a run of [`ALICE`] in a new conversation; event 1 is there afterwards.
    pub async fn start(&self, prompt: &str) -> RunRecord {
        match self.store.start_run(&self.new_run(ALICE, None, prompt), self.clock.now()).await.unwrap() {
            Started::Now(run) | Started::Before(run) => run,
        }
    }
}

/// Keeps writes waiting; see [`TestStore::lock_writes`].
pub struct WriteLock(Raw);

impl WriteLock {
    /// Locks a database of `SQLite`, also one that a server in another process uses.
    pub async fn of_file(path: &Path) -> Self {
        let mut connection = connect_to(path).await;
        begin_to_write(&mut connection).await;
        Self(Raw::Sqlite(connection))
    }

    /// Lets the writes continue.
    pub async fn release(self) {
        match self.0 {
            Raw::Sqlite(mut connection) => drop(connection.execute("ROLLBACK").await.unwrap()),
            Raw::Postgres(mut connection) => drop(connection.execute("ROLLBACK").await.unwrap()),
        }
    }
}

/// A connection of its own.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Place {
    async fn connect(&self) -> Raw {
        match self {
            Self::File(folder) => Raw::Sqlite(connect_to(&folder.path().join("weir.db")).await),
            Self::Url(url) => Raw::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    async fn open(&self) -> Store {
        match self {
            Self::File(folder) => Store::open(&folder.path().join("weir.db"), Durability::Process).await,
            Self::Url(url) => Store::connect(&url.parse().unwrap(), Durability::Process).await,
        }
        .unwrap()
    }
}

async fn connect_to(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

/// Takes the write lock, as soon as it is free (`busy_timeout` is 5 s).
async fn begin_to_write(connection: &mut SqliteConnection) {
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
}

/// Makes a schema and gives the URL of a database in which there seems to be nothing else.
async fn own_schema(url: &str) -> String {
    let name = format!("t{}", Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options=-csearch_path%3D{name}")
}

/// Takes a run over as some other instance would.
///
/// # Errors
/// When the run does not go on.
pub async fn take_over(store: &Store, run: RunId) -> Result<(RunRecord, Lease), StoreError> {
    let found = store.unfinished_run(run).await?;
    store.take_over(run, found.epoch, NOBODY).await
}
