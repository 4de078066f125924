//! Full-text search: it finds a user's own finished messages, and takes any text for a query.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use weir_protocol::{ConversationId, FinishReason, MessageId, MessageStatus, Role, Seq, Timestamp, UserId};
use weir_store::{
    Clock as _, Durability, FoundMessage, NewEvent, NewMessage, Position, RunAppend, RunEnd, RunRecord, Store,
};
use weir_testkit::{ALICE, BOB, TestStore};

/// A message of `user` in a conversation of its own.
async fn says(stored: &TestStore, user: UserId, content: &str) -> ConversationId {
    let message = NewMessage {
        id: MessageId(stored.clock.id()),
        conversation: None,
        new_conversation: ConversationId(stored.clock.id()),
        title: format!("About {}", content.split(' ').next().unwrap_or_default()),
        position: Position::Newest,
        role: Role::User,
        content: content.to_owned(),
    };
    stored.store.create_message(user, &message, stored.clock.now(), None).await.unwrap().conversation_id
}

/// Ends a run with this answer.
async fn answers(stored: &TestStore, run: &RunRecord, content: &str) {
    let mut message = stored.store.streaming_message(run.conversation, run.message).await.unwrap();
    message.status = MessageStatus::Complete;
    content.clone_into(&mut message.content);
    let end = RunEnd::new(message, FinishReason::Stop, Timestamp(1)).unwrap();
    let event = NewEvent { seq: Seq(2), kind: "done", data: "{}".to_owned() };
    let append = RunAppend { run: run.id, epoch: 1, events: vec![event], end: Some(end) };
    assert!(stored.store.append(&[append]).await.unwrap().is_empty());
}

async fn search(stored: &TestStore, user: UserId, text: &str) -> Vec<FoundMessage> {
    stored.store.search_messages(user, text, None, 10).await.unwrap()
}

async fn found(stored: &TestStore, text: &str) -> Vec<ConversationId> {
    search(stored, ALICE, text).await.into_iter().map(|found| found.conversation).collect()
}

#[tokio::test]
async fn the_best_comes_first_with_its_conversation() {
    let stored = TestStore::open().await;
    let long =
        says(&stored, ALICE, &format!("A long talk about many things {} and a lighthouse", "and others ".repeat(50)))
            .await;
    let best = says(&stored, ALICE, "lighthouse keepers and the lighthouse").await;
    says(&stored, ALICE, "Something else").await;
    assert_eq!(found(&stored, "lighthouse").await, [best, long]);
    let first = search(&stored, ALICE, "LIGHTHOUSE keep").await.remove(0);
    assert_eq!((first.conversation, first.title.as_str(), first.role), (best, "About lighthouse", Role::User));
    assert_eq!(first.snippet, "lighthouse keepers and the lighthouse");
    assert_eq!(stored.store.search_messages(ALICE, "lighthouse", Some(best), 10).await.unwrap().len(), 1);
    assert_eq!(stored.store.search_messages(ALICE, "lighthouse", None, 1).await.unwrap()[0].conversation, best);
}

#[tokio::test]
async fn words_fit_by_their_beginnings_in_any_script_and_within_addresses() {
    let stored = TestStore::open().await;
    let talk =
        says(&stored, ALICE, "Концерт in Zürich, see https://example.com/tide-tables/2026_a.html or 日本語です 🌊")
            .await;
    for text in ["концер", "ZÜRICH", "tables", "example", "2026 a html", "日本", "com/tide", "in, Zür!"] {
        assert_eq!(found(&stored, text).await, [talk], "{text}");
    }
    for text in ["onzert", "", " ", "'", "\"", "* -- ; DROP", "🌊", "nothing"] {
        assert_eq!(found(&stored, text).await, [], "{text}");
    }
    // Where no message has all the words, those with some are better than nothing.
    assert_eq!(found(&stored, "what about Zürich").await, [talk]);
}

#[tokio::test]
async fn another_users_messages_are_never_found() {
    let stored = TestStore::open().await;
    says(&stored, ALICE, "my secret garden").await;
    assert_eq!(search(&stored, BOB, "secret").await, []);
    assert_eq!(search(&stored, ALICE, "secret").await.len(), 1);
}

#[tokio::test]
async fn only_what_is_finished_and_still_there_is_found() {
    let stored = TestStore::open().await;
    let run = stored.start("Tell me of otters").await;
    assert_eq!(found(&stored, "otters").await, [run.conversation]);
    assert_eq!(found(&stored, "otters are playful").await.len(), 1, "the answer is still growing");
    answers(&stored, &run, "They are playful animals").await;
    assert_eq!(search(&stored, ALICE, "playful").await[0].role, Role::Assistant);
    assert_eq!(stored.reopen().await.search_messages(ALICE, "playful", None, 10).await.unwrap().len(), 1);
    stored.store.delete_conversation(ALICE, run.conversation, stored.clock.now()).await.unwrap();
    assert_eq!(found(&stored, "otters").await, []);
    assert_eq!(found(&stored, "playful").await, []);
}

#[tokio::test]
async fn any_text_is_a_query() {
    let stored = TestStore::open().await;
    says(&stored, ALICE, "and or not near").await;
    assert_eq!(found(&stored, "NEAR(and, 2) OR NOT").await.len(), 1);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    let texts: Vec<String> = (0..200)
        .map(|_| "\\PC{0,12}|[\"'*():&|!<>\\\\^+ a\\-\\x00]{0,12}".new_tree(&mut runner).unwrap().current())
        .collect();
    for text in texts {
        stored.store.search_messages(ALICE, &text, None, 10).await.unwrap();
    }
}

/// What stands in a database of the version before is searched as well.
#[tokio::test]
async fn the_migration_reads_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.db");
    let open = || Store::open(&path, Durability::Process);
    let store = open().await.unwrap();
    store.ensure_user(ALICE, "Alice", Timestamp(0)).await.unwrap();
    let message = NewMessage {
        id: MessageId(uuid::Uuid::now_v7()),
        conversation: None,
        new_conversation: ConversationId(uuid::Uuid::now_v7()),
        title: "Old".to_owned(),
        position: Position::Newest,
        role: Role::User,
        content: "An old story".to_owned(),
    };
    store.create_message(ALICE, &message, Timestamp(0), None).await.unwrap();
    store.close().await;
    let before =
        "DROP TRIGGER messages_searchable; DROP TRIGGER messages_search_changed; DROP TRIGGER messages_not_searchable;
        DROP TABLE message_search; DROP TABLE searchable_messages; DROP TABLE deletions; DROP INDEX jobs_by_conversation;
        ALTER TABLE users DROP COLUMN stored_bytes; DELETE FROM _sqlx_migrations WHERE version IN (4, 13)";
    let mut raw = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    raw.execute(before).await.unwrap();
    raw.close().await.unwrap();
    let found = open().await.unwrap().search_messages(ALICE, "story", None, 10).await.unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [message.id]);
}
