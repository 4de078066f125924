//! A real database in a folder of its own, with two users.

use std::path::PathBuf;

use tempfile::TempDir;
use uuid::Uuid;
use weir_protocol::{ConversationId, MessageId, Role, RunId, Timestamp, UserId};
use weir_store::{Clock as _, Durability, NewMessage, NewRun, Prompt, RunRecord, Started, Store};

use crate::TestClock;

/// One person.
pub const ALICE: UserId = UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00a1));
/// Another person.
pub const BOB: UserId = UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00b0));

/// An opened store; its folder goes with it.
#[derive(Debug)]
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// The clock that gives times and ids.
    pub clock: TestClock,
    folder: TempDir,
}

impl TestStore {
    /// A store of this version with [`ALICE`] and [`BOB`] in it.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("weir.db"), Durability::Process).await.unwrap();
        for (user, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
            store.ensure_user(user, name, Timestamp(0)).await.unwrap();
        }
        Self { store, clock: TestClock::default(), folder }
    }

    /// Where the database is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("weir.db")
    }

    /// Opens the same database once more, as the next process would.
    pub async fn reopen(&self) -> Store {
        Store::open(&self.path(), Durability::Process).await.unwrap()
    }

    /// A run to start: `prompt` in a new conversation of `user`, or in `conversation`.
    pub fn new_run(&self, user: UserId, conversation: Option<ConversationId>, prompt: &str) -> NewRun {
        NewRun {
            id: RunId(self.clock.id()),
            user,
            prompt: Prompt::New(NewMessage {
                id: MessageId(self.clock.id()),
                conversation,
                new_conversation: ConversationId(self.clock.id()),
                title: prompt.to_owned(),
                parent: None,
                role: Role::User,
                content: prompt.to_owned(),
            }),
            message: MessageId(self.clock.id()),
            model: "scripted/one".to_owned(),
            context: None,
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
