//! What deletions leave: nothing, neither in rows nor in the files of `SQLite`.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{fs, path::Path};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use weir_protocol::{
    Caller, ConversationId, FinishReason, MessageId, MessageStatus, Role, RunId, Seq, Timestamp, ToolCallId,
};
use weir_store::{
    Clock as _, Durability, IdempotencyKey, JobChange, JobLease, NewAccount, NewEvent, NewJob, NewMessage, Position,
    RunAppend, RunEnd, RunRecord, StartedJob, Store, StoreError, Word,
};
use weir_testkit::{ALICE, BOB, NOBODY, TestStore};

/// Counts rows of all users.
async fn rows(stored: &TestStore, sql: &str) -> i64 {
    let sql = AssertSqlSafe(sql.to_owned());
    if let Some(url) = stored.url() {
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute("SET weir.user_id = 'system'").await.unwrap();
        return sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    }
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}/weir.db", folder(stored))).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

fn folder(stored: &TestStore) -> String {
    stored.settings().remove(0).1
}

async fn message(stored: &TestStore, conversation: Option<ConversationId>, content: String) -> ConversationId {
    let new = NewMessage {
        id: MessageId(stored.clock.id()),
        conversation,
        new_conversation: ConversationId(stored.clock.id()),
        title: content.chars().take(40).collect(),
        position: Position::Newest,
        role: Role::User,
        content,
    };
    let key = IdempotencyKey { key: new.id.to_string(), fingerprint: [7; 32] };
    let made = stored.store.create_message(ALICE, &new, stored.clock.now(), Some(&key)).await.unwrap();
    made.conversation_id
}

/// A call of a tool that has ended, with a question, a progress note and an output that say `word`.
async fn job(stored: &TestStore, run: Option<(RunId, ConversationId)>, word: &str) -> ToolCallId {
    let new = NewJob {
        id: ToolCallId(stored.clock.id()),
        user: ALICE,
        name: "wait".to_owned(),
        args: json!({ "text": format!("{word} arguments") }),
        caller: if run.is_some() { Caller::Model } else { Caller::Person },
        run,
        repeatable: true,
        owner: NOBODY,
        word: Word::Allowed,
        key: None,
    };
    let StartedJob::Now(_, lease) = stored.store.start_job(&new, u32::MAX, Timestamp(0)).await.unwrap() else {
        panic!("a twin")
    };
    let note = JobChange::Stands { progress: None, note: Some(format!("{word} note")) };
    append(stored, lease, 2, "tool-update", &format!("{word} update"), &note).await;
    append(
        stored,
        lease,
        3,
        "complete",
        &format!("{word} event"),
        &JobChange::Worked(json!(format!("{word} output")).to_string()),
    )
    .await;
    new.id
}

async fn append(stored: &TestStore, lease: JobLease, seq: u64, kind: &'static str, text: &str, change: &JobChange) {
    let event = NewEvent { seq: Seq(seq), kind, data: json!({ "text": text }).to_string() };
    assert!(stored.store.append_to_job(lease, &event, change, Timestamp(1)).await.unwrap());
}

async fn answer(stored: &TestStore, run: &RunRecord, content: &str) {
    let event =
        |seq, kind| NewEvent { seq: Seq(seq), kind, data: json!({ "id": run.message, "text": content }).to_string() };
    let token = RunAppend { run: run.id, epoch: 1, events: vec![event(2, "token")], end: None };
    assert!(stored.store.append(&[token]).await.unwrap().is_empty());
    let mut message = stored.store.streaming_message(run.conversation, run.message).await.unwrap();
    message.status = MessageStatus::Complete;
    let end = RunEnd::new(message, FinishReason::Stop, Timestamp(1)).unwrap();
    let append = RunAppend { run: run.id, epoch: 1, events: vec![event(3, "done")], end: Some(end) };
    assert!(stored.store.append(&[append]).await.unwrap().is_empty());
}

#[tokio::test]
async fn priv_1_a_deleted_conversation_takes_its_tool_calls_and_everything_else_with_it() {
    let stored = TestStore::open().await;
    let kept = stored.start("Kept").await;
    let before = job(&stored, Some((kept.id, kept.conversation)), "kept").await;
    answer(&stored, &kept, "Kept as well").await;
    let run = stored.start("Tell me of otters").await;
    let own = job(&stored, None, "own").await;
    let gone = job(&stored, Some((run.id, run.conversation)), "gone").await;
    answer(&stored, &run, "They are playful").await;
    message(&stored, Some(run.conversation), "And beavers?".to_owned()).await;
    assert_eq!(rows(&stored, "SELECT COUNT(*) FROM jobs").await, 3);
    stored.store.delete_conversation(ALICE, run.conversation, Timestamp(2)).await.unwrap();
    assert!(matches!(stored.store.job(ALICE, gone).await, Err(StoreError::NotFound(_))));
    assert!(stored.store.job(ALICE, before).await.is_ok());
    assert!(stored.store.job(ALICE, own).await.is_ok());
    let id = gone.to_string();
    assert_eq!(rows(&stored, "SELECT COUNT(*) FROM job_events").await, 6, "{id}");
    assert_eq!(rows(&stored, "SELECT COUNT(*) FROM runs").await, 1);
    assert_eq!(rows(&stored, "SELECT COUNT(*) FROM messages").await, 2);
    let with_text = "SELECT COUNT(*) FROM idempotency_keys WHERE answer <> 'null'";
    assert_eq!(rows(&stored, with_text).await, 0, "the keys are kept without text");
    let found = stored.store.search_messages(ALICE, "playful otters beavers", None, 10).await.unwrap();
    assert_eq!(found, []);
    let missing = stored.store.delete_conversation(BOB, kept.conversation, Timestamp(2)).await;
    assert!(matches!(missing, Err(StoreError::NotFound("conversation"))));
}

#[tokio::test]
async fn priv_1_a_request_that_is_repeated_after_the_deletion_makes_nothing_again() {
    let stored = TestStore::open().await;
    let key = IdempotencyKey { key: "once".to_owned(), fingerprint: [1; 32] };
    let new = NewMessage {
        id: MessageId(stored.clock.id()),
        conversation: None,
        new_conversation: ConversationId(stored.clock.id()),
        title: "Otters".to_owned(),
        position: Position::Newest,
        role: Role::User,
        content: "Otters".to_owned(),
    };
    let create = async || stored.store.create_message(ALICE, &new, Timestamp(0), Some(&key)).await;
    let first = create().await.unwrap();
    assert_eq!(create().await.unwrap(), first);
    stored.store.delete_conversation(ALICE, first.conversation_id, Timestamp(1)).await.unwrap();
    assert!(matches!(create().await, Err(StoreError::NotFound(_))));
}

/// Words with `mark` in them, enough to split pages of the database.
fn prose(mark: &str, words: usize) -> String {
    (0..words).map(|number| format!("{mark}{number:05}x")).collect::<Vec<_>>().join(" ")
}

/// Lists the files of the database that contain a text, in either case.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| holds(&fs::read(entry.path()).unwrap()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn priv_2_no_word_of_a_deleted_account_stays_in_the_files() {
    let stored = TestStore::open().await;
    // PostgreSQL removes deleted rows from its files by VACUUM.
    if stored.url().is_some() {
        return;
    }
    let store = &stored.store;
    for (user, email, secret) in [(ALICE, "quokka@example.org", [3; 32]), (BOB, "bob@example.org", [4; 32])] {
        let new =
            NewAccount { id: user, email: email.to_owned(), name: "Some".to_owned(), password_hash: String::new() };
        store.replace_setup_link(weir_protocol::InviteId(stored.clock.id()), &secret, Timestamp(0)).await.unwrap();
        store.set_up(&secret, user, &new, Timestamp(0)).await.unwrap();
    }
    for number in 0..6 {
        let conversation = message(&stored, None, format!("quokka {number} {}", prose("quokka", 1500))).await;
        let run =
            store.start_run(&stored.new_run(ALICE, Some(conversation), "quokka again"), Timestamp(0)).await.unwrap();
        let weir_store::Started::Now(run) = run else { panic!("a twin") };
        job(&stored, Some((run.id, conversation)), "quokka").await;
        answer(&stored, &run, &prose("quokka", 900)).await;
        store.update_conversation(ALICE, conversation, &rename("quokka title"), Timestamp(1)).await.unwrap();
        let other = NewMessage { content: prose("wombat", 700), ..other(&stored) };
        store.create_message(BOB, &other, Timestamp(0), None).await.unwrap();
    }
    // An answer that is still being written.
    let run = stored.start("quokka at last").await;
    let event = NewEvent { seq: Seq(2), kind: "token", data: "\"quokka tail\"".to_owned() };
    store.append(&[RunAppend { run: run.id, epoch: 1, events: vec![event], end: None }]).await.unwrap();
    let folder = folder(&stored);
    assert!(!files_with(folder.as_ref(), "quokka").is_empty());
    store.delete_person(ALICE).await.unwrap();
    store.purge().await.unwrap();
    assert_eq!(files_with(folder.as_ref(), "quokka"), Vec::<String>::new());
    // The index keeps the words of others, by the parts that they do not share with the word before.
    assert_ne!(files_with(folder.as_ref(), "wombat00001x"), Vec::<String>::new());
    assert_eq!(store.search_messages(BOB, "wombat00042x", None, 10).await.unwrap().len(), 6);
    let reopened = Store::open(&Path::new(&folder).join("weir.db"), Durability::Process).await.unwrap();
    assert_eq!(reopened.search_messages(BOB, "wombat00699x", None, 10).await.unwrap().len(), 6);
}

fn rename(title: &str) -> weir_protocol::UpdateConversation {
    weir_protocol::UpdateConversation { title: Some(title.to_owned()), ..Default::default() }
}

fn other(stored: &TestStore) -> NewMessage {
    NewMessage {
        id: MessageId(stored.clock.id()),
        conversation: None,
        new_conversation: ConversationId(stored.clock.id()),
        title: "Other".to_owned(),
        position: Position::Newest,
        role: Role::User,
        content: String::new(),
    }
}

#[tokio::test]
async fn priv_5_a_large_deletion_lets_other_commits_through() {
    let stored = TestStore::open().await;
    let conversation = message(&stored, None, "first".to_owned()).await;
    for number in 0..200 {
        message(&stored, Some(conversation), format!("{number} {}", "long ".repeat(8_000))).await;
    }
    let (longest, mut commits) = (std::cell::Cell::new(std::time::Duration::ZERO), 0);
    let deletion = stored.store.delete_conversation(ALICE, conversation, Timestamp(1));
    tokio::pin!(deletion);
    loop {
        let began = std::time::Instant::now();
        tokio::select! {
            biased;
            deleted = &mut deletion => break deleted.unwrap(),
            () = async {
                let id = ConversationId(stored.clock.id());
                stored.store.create_conversation(BOB, id, None, Timestamp(0), None).await.unwrap();
            } => {
                longest.set(longest.get().max(began.elapsed()));
                commits += 1;
            }
        }
    }
    eprintln!("{commits} commits of others, the longest {:?}", longest.get());
    // PostgreSQL has no single writer that the deletion could hold, so a fast deletion may overtake the first commit.
    assert!(stored.url().is_some() || commits >= 2, "{commits}");
    assert_eq!(rows(&stored, "SELECT COUNT(*) FROM messages").await, 0);
    assert_eq!(stored.store.storage(ALICE).await.unwrap().used, 0);
}
