//! Bounds on what a user makes the store read and keep: pages by bytes, runs under way, storage.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use proptest::prelude::*;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tokio::time::{sleep, timeout};
use weir_protocol::{
    AccessScope, ApiToken, ApiTokenId, Caller, ConversationId, FinishReason, MessageId, MessageStatus, Permission,
    Role, Seq, Timestamp, ToolCallId, UserId,
};
use weir_store::{
    Clock as _, JobChange, LogId, NewApiToken, NewEvent, NewJob, NewMessage, NewRun, NewSignIn, Position, RunAppend,
    RunEnd, StartedJob, Store, StoreError, ToolPermission, Word,
};
use weir_testkit::{ALICE, BOB, NOBODY, TestStore, run_alone};

const MIB: usize = 1024 * 1024;

fn message(stored: &TestStore, conversation: Option<ConversationId>, content: String) -> NewMessage {
    NewMessage {
        id: MessageId(stored.clock.id()),
        conversation,
        new_conversation: ConversationId(stored.clock.id()),
        title: "Title".to_owned(),
        position: Position::Newest,
        role: Role::User,
        content,
    }
}

fn job(stored: &TestStore, text: &str, word: Word) -> NewJob {
    NewJob {
        id: ToolCallId(stored.clock.id()),
        user: ALICE,
        name: "wait".to_owned(),
        args: json!({ "text": text }),
        caller: if word == Word::Allowed { Caller::Person } else { Caller::Mcp },
        run: None,
        repeatable: true,
        owner: NOBODY,
        word,
        key: None,
    }
}

async fn pages_of_messages(sizes: Vec<usize>, limit: u32) {
    let stored = TestStore::open().await;
    let id = ConversationId(stored.clock.id());
    stored.store.create_conversation(ALICE, id, None, Timestamp(0), None).await.unwrap();
    for size in &sizes {
        stored
            .store
            .create_message(ALICE, &message(&stored, Some(id), "x".repeat(*size)), Timestamp(0), None)
            .await
            .unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = stored.store.messages(ALICE, id, cursor.as_deref(), limit).await.unwrap();
        let bytes: usize = page.items.iter().map(|item| item.content.len()).sum();
        assert!(bytes <= MIB || page.items.len() == 1, "{bytes} bytes in {} items", page.items.len());
        assert!(page.items.len() <= limit as usize);
        seen.extend(page.items.iter().map(|item| item.content.len()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        assert!(!page.items.is_empty(), "a page that is not the last has an item");
    }
    seen.reverse();
    assert_eq!(seen, sizes, "every message once and in order");
}

async fn pages_of_jobs(sizes: Vec<usize>, limit: u32) {
    let stored = TestStore::open().await;
    let mut ids = Vec::new();
    for size in &sizes {
        let new = job(&stored, &"x".repeat(size / 2), Word::Allowed);
        ids.push(new.id);
        let StartedJob::Now(_, lease) = stored.store.start_job(&new, u32::MAX, Timestamp(0)).await.unwrap() else {
            panic!("twin")
        };
        let event = NewEvent { seq: Seq(2), kind: "complete", data: "{}".to_owned() };
        let worked = JobChange::Worked(json!("y".repeat(size / 2)).to_string());
        assert!(stored.store.append_to_job(lease, &event, &worked, Timestamp(1)).await.unwrap());
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = stored.store.jobs(ALICE, cursor.as_deref(), limit, None).await.unwrap();
        let bytes: usize = page.items.iter().map(|job| serde_json::to_string(job).unwrap().len()).sum();
        assert!(bytes <= MIB + 500 * page.items.len() || page.items.len() == 1, "{bytes}");
        seen.extend(page.items.iter().map(|job| job.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    seen.reverse();
    assert_eq!(seen, ids, "every job once and in order");
}

/// Sizes of which some fill pages and some do not.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![4 => 1_usize..2_000, 2 => 200_000_usize..500_000, 1 => 900_000_usize..1_300_000];
    prop::collection::vec(size, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn page_6_pages_of_messages_end_by_bytes(sizes in sizes(), limit in 1_u32..8) {
        run_alone(pages_of_messages(sizes, limit));
    }

    #[test]
    fn page_6_pages_of_jobs_end_by_bytes(sizes in sizes(), limit in 1_u32..8) {
        run_alone(pages_of_jobs(sizes, limit));
    }
}

#[tokio::test]
async fn page_7_what_has_no_cursor_is_read_in_parts_of_a_mebibyte() {
    let stored = TestStore::open().await;
    let store = &stored.store;
    for _ in 0..8 {
        let asked = job(&stored, &"x".repeat(400_000), Word::Asked(Timestamp(i64::MAX)));
        store.start_job(&asked, u32::MAX, Timestamp(0)).await.unwrap();
    }
    assert_eq!(store.pending_approvals(ALICE).await.unwrap().len(), 2);
    let (mut seen, mut after) = (0, Seq::START);
    loop {
        let page = store.inbox_after(ALICE, after, 64).await.unwrap();
        assert!(page.changes.len() <= 2 && !page.gap);
        seen += page.changes.len();
        if page.last == after {
            break;
        }
        after = page.last;
    }
    assert_eq!(seen, 8);
}

#[tokio::test]
async fn page_7_a_log_is_read_in_parts_of_a_mebibyte_and_a_model_is_shown_the_newest_messages() {
    let stored = TestStore::open().await;
    let store = &stored.store;
    let run = stored.start("Hello").await;
    let event = |seq| NewEvent { seq: Seq(seq), kind: "token", data: format!("\"{}\"", "x".repeat(300_000)) };
    let append = RunAppend { run: run.id, epoch: 1, events: (2..12).map(event).collect(), end: None };
    assert!(store.append(&[append]).await.unwrap().is_empty());
    let (mut after, mut pages) = (Seq::START, 0);
    loop {
        let page = store.events(LogId::Run(run.id), after, 256).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        assert_eq!(page[0].seq, after.next());
        (after, pages) = (last.seq, pages + 1);
    }
    assert_eq!((after, pages), (Seq(11), 4));

    let mut leaf = MessageId(uuid::Uuid::nil());
    let mut conversation = None;
    for _ in 0..12 {
        let made = message(&stored, conversation, "x".repeat(MIB));
        let made = store.create_message(ALICE, &made, Timestamp(0), None).await.unwrap();
        (leaf, conversation) = (made.id, Some(made.conversation_id));
    }
    let branch = store.lineage(leaf).await.unwrap();
    assert_eq!(branch.len(), 4, "the newest that fit in 4 MiB");
    assert_eq!(branch.last().unwrap().id, leaf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lim_42_starts_at_the_same_moment_do_not_pass_the_cap_together() {
    let stored = TestStore::open().await;
    // Two instances, where the database is shared.
    let other = if stored.url().is_some() { stored.reopen().await } else { stored.store.clone() };
    let starts = (0..40).map(|number| {
        let new = NewRun { max_running: 2, ..stored.new_run(ALICE, None, "Hello") };
        let store = if number % 2 == 0 { stored.store.clone() } else { other.clone() };
        tokio::spawn(async move { store.start_run(&new, Timestamp(0)).await })
    });
    let started = join_all(starts).await;
    let (mut now, mut refused) = (0, 0);
    for start in started {
        match start.unwrap() {
            Ok(_) => now += 1,
            Err(StoreError::TooManyRuns { limit: 2 }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((now, refused), (2, 38));
    assert_eq!(stored.store.running_of(ALICE).await.unwrap().len(), 2);
    let bobs = NewRun { max_running: 2, ..stored.new_run(BOB, None, "Hello") };
    assert!(stored.store.start_run(&bobs, Timestamp(0)).await.is_ok());
}

/// The bytes of a user, counted anew from everything there is.
async fn recount(stored: &TestStore, user: UserId) -> i64 {
    let sqlite = stored.url().is_none();
    let of_user = if sqlite { format!("X'{}'", user.0.simple()) } else { format!("'{user}'") };
    let sql = format!(
        "SELECT CAST((SELECT 512 * COUNT(*) FROM conversations WHERE user_id = {of_user})
         + (SELECT COALESCE(SUM(512 + octet_length(content) + COALESCE(octet_length(tool_calls), 0)), 0) FROM messages
            WHERE conversation_id IN (SELECT id FROM conversations WHERE user_id = {of_user}))
         + (SELECT COALESCE(SUM(octet_length(context)), 0) FROM runs WHERE user_id = {of_user})
         + (SELECT COALESCE(SUM(512 + octet_length(args) + COALESCE(octet_length(output), 0)
             + COALESCE(octet_length(error), 0)), 0) FROM jobs WHERE user_id = {of_user}) AS BIGINT)"
    );
    let sql = AssertSqlSafe(sql);
    if let Some(url) = stored.url() {
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute("SET weir.user_id = 'system'").await.unwrap();
        return sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    }
    let folder = stored.settings().remove(0).1;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{folder}/weir.db")).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Message(usize),
    Run { context: usize },
    End { answer: usize },
    Job { args: usize, output: usize },
    Delete,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1_usize..5_000).prop_map(Step::Message),
        (0_usize..500).prop_map(|context| Step::Run { context }),
        (0_usize..5_000).prop_map(|answer| Step::End { answer }),
        (0_usize..500, 0_usize..5_000).prop_map(|(args, output)| Step::Job { args, output }),
        Just(Step::Delete),
    ];
    prop::collection::vec(step, 1..25)
}

async fn play(steps: Vec<Step>) {
    let stored = TestStore::open().await;
    let store = &stored.store;
    let (mut conversations, mut runs) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Message(size) => {
                let new = message(&stored, conversations.last().copied(), "é".repeat(size));
                let made = store.create_message(ALICE, &new, Timestamp(0), None).await.unwrap();
                conversations.push(made.conversation_id);
            }
            Step::Run { context } => {
                let run = stored.new_run(ALICE, conversations.last().copied(), "Hello");
                let run = NewRun { context: (context > 0).then(|| "c".repeat(context)), ..run };
                match store.start_run(&run, Timestamp(0)).await.unwrap() {
                    weir_store::Started::Now(run) | weir_store::Started::Before(run) => {
                        conversations.push(run.conversation);
                        runs.push(run);
                    }
                }
            }
            Step::End { answer } => {
                let Some(run) = runs.pop() else { continue };
                let Ok(mut message) = store.streaming_message(run.conversation, run.message).await else { continue };
                message.status = MessageStatus::Complete;
                message.content = "é".repeat(answer);
                let end = RunEnd::new(message, FinishReason::Stop, Timestamp(1)).unwrap();
                let event = NewEvent { seq: Seq(2), kind: "done", data: "{}".to_owned() };
                let append = RunAppend { run: run.id, epoch: 1, events: vec![event], end: Some(end) };
                assert!(store.append(&[append]).await.unwrap().is_empty());
            }
            Step::Job { args, output } => {
                let run = runs.last().map(|run| (run.id, run.conversation));
                let new = NewJob { run, ..job(&stored, &"x".repeat(args), Word::Allowed) };
                let StartedJob::Now(_, lease) = store.start_job(&new, u32::MAX, Timestamp(0)).await.unwrap() else {
                    panic!("twin")
                };
                let event = NewEvent { seq: Seq(2), kind: "complete", data: "{}".to_owned() };
                let worked = JobChange::Worked(json!("y".repeat(output)).to_string());
                assert!(store.append_to_job(lease, &event, &worked, Timestamp(1)).await.unwrap());
            }
            Step::Delete => {
                let Some(id) = conversations.pop() else { continue };
                conversations.retain(|other| *other != id);
                runs.retain(|run| run.conversation != id);
                store.delete_conversation(ALICE, id, Timestamp(1)).await.unwrap();
            }
        }
        let used = i64::try_from(store.storage(ALICE).await.unwrap().used).unwrap();
        assert_eq!(used, recount(&stored, ALICE).await);
    }
    assert_eq!(store.storage(BOB).await.unwrap().used, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lim_43_what_a_user_stores_is_counted_exactly(steps in steps()) {
        run_alone(play(steps));
    }
}

#[tokio::test]
async fn lim_43_a_full_storage_takes_nothing_new_and_cuts_no_answer() {
    let stored = TestStore::open().await;
    let store = stored.store.clone().with_storage_limit(10_000);
    let new = |content: &str| message(&stored, None, content.to_owned());
    let full = |error: StoreError| matches!(error, StoreError::StorageFull { limit: 10_000, .. });
    let run = stored.new_run(ALICE, None, "Hello");
    let weir_store::Started::Now(run) = store.start_run(&run, Timestamp(0)).await.unwrap() else { panic!("a twin") };
    assert!(full(store.create_message(ALICE, &new(&"x".repeat(9_000)), Timestamp(0), None).await.unwrap_err()));
    let first = store.create_message(ALICE, &new(&"x".repeat(6_000)), Timestamp(0), None).await.unwrap();
    let mut answer = store.streaming_message(run.conversation, run.message).await.unwrap();
    (answer.status, answer.content) = (MessageStatus::Complete, "y".repeat(20_000));
    let end = RunEnd::new(answer, FinishReason::Stop, Timestamp(1)).unwrap();
    let event = NewEvent { seq: Seq(2), kind: "done", data: "{}".to_owned() };
    let append = RunAppend { run: run.id, epoch: 1, events: vec![event], end: Some(end) };
    assert!(store.append(&[append]).await.unwrap().is_empty(), "the answer is whole");
    let used = store.storage(ALICE).await.unwrap();
    assert!(used.used > 26_000 && used.limit == Some(10_000), "{used:?}");
    assert!(full(store.create_message(ALICE, &new("x"), Timestamp(0), None).await.unwrap_err()));
    assert!(full(store.start_run(&stored.new_run(ALICE, None, "x"), Timestamp(0)).await.unwrap_err()));
    assert!(full(store.start_job(&job(&stored, "x", Word::Allowed), u32::MAX, Timestamp(0)).await.unwrap_err()));
    let id = ConversationId(stored.clock.id());
    assert!(full(store.create_conversation(ALICE, id, None, Timestamp(0), None).await.unwrap_err()));
    assert!(store.create_message(BOB, &new("x"), Timestamp(0), None).await.is_ok(), "each user has their own");
    store.delete_conversation(ALICE, run.conversation, Timestamp(2)).await.unwrap();
    store.delete_conversation(ALICE, first.conversation_id, Timestamp(2)).await.unwrap();
    assert_eq!(store.storage(ALICE).await.unwrap().used, 0);
    assert!(store.create_message(ALICE, &new("x"), Timestamp(0), None).await.is_ok());
}

#[tokio::test]
async fn lim_45_tool_calls_outside_of_conversations_keep_a_part_of_the_quota() {
    let stored = TestStore::open().await;
    let store = stored.store.clone().with_storage_limit(80_000);
    let mut ids = Vec::new();
    for _ in 0..10 {
        let new = job(&stored, "x", Word::Allowed);
        let StartedJob::Now(_, lease) = store.start_job(&new, u32::MAX, Timestamp(0)).await.unwrap() else {
            panic!("a twin")
        };
        let event = NewEvent { seq: Seq(2), kind: "complete", data: "{}".to_owned() };
        let worked = JobChange::Worked(json!("y".repeat(6_000)).to_string());
        assert!(store.append_to_job(lease, &event, &worked, Timestamp(1)).await.unwrap());
        ids.push(new.id);
    }
    let running = job(&stored, &"z".repeat(30_000), Word::Allowed);
    let full = store.start_job(&running, u32::MAX, Timestamp(0)).await;
    assert!(matches!(full, Err(StoreError::StorageFull { .. })), "{full:?}");
    assert_eq!(store.delete_surplus_activity().await.unwrap(), 7);
    assert_eq!(store.delete_surplus_activity().await.unwrap(), 0);
    let page = stored.store.jobs(ALICE, None, 50, None).await.unwrap();
    let kept: Vec<_> = page.items.iter().rev().map(|job| job.id).collect();
    assert_eq!(kept, ids[7..], "the newest are kept");
    assert_eq!(i64::try_from(store.storage(ALICE).await.unwrap().used).unwrap(), recount(&stored, ALICE).await);
    store.start_job(&running, u32::MAX, Timestamp(0)).await.unwrap();
}

#[tokio::test]
async fn lim_44_lists_that_a_user_fills_have_an_end() {
    let stored = TestStore::open().await;
    let store = &stored.store;
    let secret = |number: u32| {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&number.to_be_bytes());
        secret
    };
    let token = |number| {
        let id = ApiTokenId(stored.clock.id());
        let (name, scopes, created_at) = ("ci".to_owned(), vec![AccessScope::Read], Timestamp(0));
        let token = ApiToken { id, name, scopes, created_at, last_used_at: None, expires_at: None };
        NewApiToken { user: ALICE, secret: secret(number), token }
    };
    for number in 0..200 {
        store.add_api_token(&token(number)).await.unwrap();
    }
    let refused = store.add_api_token(&token(200)).await;
    assert!(matches!(refused, Err(StoreError::LimitReached { limit: 200, .. })), "{refused:?}");
    for number in 0..205 {
        let new = NewSignIn {
            id: weir_protocol::SignInId(stored.clock.id()),
            user: ALICE,
            secret: secret(number),
            device: "Firefox on Linux".to_owned(),
            address: String::new(),
            network: None,
            replaces: None,
            password_hash: None,
        };
        store.sign_in(&new, Timestamp(i64::from(number) + 1)).await.unwrap();
    }
    assert!(store.sign_in_grant(&secret(4), Timestamp(300)).await.unwrap().is_none(), "the oldest has ended");
    assert!(store.sign_in_grant(&secret(5), Timestamp(300)).await.unwrap().is_some());
    let set = ToolPermission { permission: Permission::Ask, rules: vec![] };
    for number in 0..1000 {
        store.set_tool_permission(ALICE, &format!("tool{number}"), &set).await.unwrap();
    }
    store.set_tool_permission(ALICE, "tool1", &set).await.unwrap();
    let refused = store.set_tool_permission(ALICE, "tool1000", &set).await;
    assert!(matches!(refused, Err(StoreError::LimitReached { limit: 1000, .. })), "{refused:?}");
}

/// A conversation of forty messages that are hard to search.
async fn hard_to_search(store: &Store, stored: &TestStore) {
    let mut conversation = None;
    for _ in 0..40 {
        let new = message(stored, conversation, "a".repeat(256 * 1024));
        let made = store.create_message(ALICE, &new, Timestamp(0), None).await.unwrap();
        conversation = Some(made.conversation_id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lim_40_a_search_ends_by_its_deadline_and_each_user_runs_two() {
    let stored = TestStore::open().await;
    hard_to_search(&stored.store, &stored).await;
    let filter = |text: String| weir_store::ConversationFilter { text: Some(text), archived: false };
    let hard = filter(format!("{}b", "a".repeat(199)));
    let began = Instant::now();
    let found = stored.store.conversations(ALICE, &hard, None, 50).await;
    eprintln!("the search of the report took {:?}: {found:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(3));
    let store = stored.store.clone().with_search_deadline(Duration::from_millis(5));
    let began = Instant::now();
    let slow = store.conversations(ALICE, &hard, None, 50).await;
    assert!(matches!(slow, Err(StoreError::SearchTooSlow)), "{slow:?}");
    assert!(began.elapsed() < Duration::from_secs(1));

    let searches = (0..12).map(|_| {
        let (store, hard) = (stored.store.clone(), hard.clone());
        tokio::spawn(async move { store.conversations(ALICE, &hard, None, 50).await })
    });
    let searches = join_all(searches).await;
    let refused = searches.iter().filter(|search| matches!(search, Ok(Err(StoreError::TooManySearches)))).count();
    assert!(refused >= 1, "{searches:?}");
    let easy = filter("title".to_owned());
    assert_eq!(stored.store.conversations(ALICE, &easy, None, 50).await.unwrap().items.len(), 1, "its share is free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lim_40_a_search_that_is_abandoned_ends_at_once() {
    let stored = TestStore::open().await;
    // On PostgreSQL it ends by its deadline.
    if stored.url().is_some() {
        return;
    }
    hard_to_search(&stored.store, &stored).await;
    let store = stored.store.clone().with_search_deadline(Duration::from_secs(30));
    let hard = weir_store::ConversationFilter { text: Some(format!("{}b", "a".repeat(199))), archived: false };
    let search = || store.conversations(ALICE, &hard, None, 50);
    let began = Instant::now();
    search().await.unwrap();
    let whole = began.elapsed();
    let began = Instant::now();
    for _ in 0..10 {
        let abandoned = timeout(Duration::from_millis(2), search()).await;
        assert!(!matches!(abandoned, Ok(Err(_))), "{abandoned:?}");
        // It may end a moment after its caller has left.
        let easy = weir_store::ConversationFilter { text: Some("title".to_owned()), archived: false };
        let both = async || {
            let search = || store.conversations(ALICE, &easy, None, 1);
            let (one, other) = tokio::join!(search(), search());
            one.is_ok() && other.is_ok()
        };
        while !both().await {
            sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(began.elapsed() < whole * 8, "{:?}, and {whole:?} for a whole search", began.elapsed());
}
