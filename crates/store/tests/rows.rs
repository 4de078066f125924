//! Row-level security of `PostgreSQL`: plain SQL of the application's role reads no other user's rows. `SQLite` has none:
//! there every query names its user.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use uuid::Uuid;
use weir_protocol::{Caller, Permission, Seq, Timestamp, ToolCallId};
use weir_store::{Durability, IdempotencyKey, NewEvent, NewJob, RunAppend, Store, ToolPermission, Word};
use weir_testkit::{ALICE, BOB, NOBODY, TestStore};

/// Every table that holds a user's things.
const TABLES: [&str; 10] = [
    "users",
    "conversations",
    "messages",
    "runs",
    "run_events",
    "idempotency_keys",
    "inbox_changes",
    "jobs",
    "job_events",
    "tool_permissions",
];

async fn count(connection: &mut PgConnection, table: &str, user: &str) -> i64 {
    connection.execute(AssertSqlSafe(format!("SET weir.user_id = '{user}'"))).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(connection).await.unwrap()
}

/// Fills every table with things of Alice's, and nothing of Bob's but himself.
async fn fill(stored: &TestStore) {
    let key = IdempotencyKey { key: "k".to_owned(), fingerprint: [7; 32] };
    let run = weir_store::NewRun { key: Some(key), ..stored.new_run(ALICE, None, "Hello") };
    stored.store.start_run(&run, Timestamp(0)).await.unwrap();
    let event = NewEvent { seq: Seq(2), kind: "token", data: "{}".to_owned() };
    let append = RunAppend { run: run.id, epoch: 1, events: vec![event], end: None };
    assert!(stored.store.append(&[append]).await.unwrap().is_empty());
    let job = NewJob {
        id: ToolCallId(Uuid::now_v7()),
        user: ALICE,
        name: "wait".to_owned(),
        args: serde_json::json!({ "seconds": 1 }),
        caller: Caller::Person,
        run: None,
        repeatable: true,
        owner: NOBODY,
        word: Word::Allowed,
        key: None,
    };
    stored.store.start_job(&job, Timestamp(0)).await.unwrap();
    let permission = ToolPermission { permission: Permission::Ask, rules: vec![] };
    stored.store.set_tool_permission(ALICE, "wait", &permission).await.unwrap();
}

async fn check(stored: &TestStore, connection: &mut PgConnection) {
    for table in TABLES {
        let others = i64::from(table == "users");
        assert!(count(connection, table, &ALICE.to_string()).await > 0, "{table}");
        assert_eq!(count(connection, table, &BOB.to_string()).await, others, "{table}");
        assert_eq!(count(connection, table, "").await, 0, "{table}: who says nothing sees nothing");
        assert_eq!(count(connection, table, "'' OR TRUE --").await, 0, "{table}");
    }
    connection.execute(AssertSqlSafe(format!("SET weir.user_id = '{BOB}'"))).await.unwrap();
    let stolen = connection.execute("UPDATE conversations SET title = 'stolen'").await.unwrap();
    assert_eq!(stolen.rows_affected(), 0);
    assert_eq!(connection.execute("DELETE FROM messages").await.unwrap().rows_affected(), 0);
    let forged = format!(
        "INSERT INTO conversations (id, user_id, created_at, updated_at) VALUES (gen_random_uuid(), '{ALICE}', 0, 0)"
    );
    let refused = connection.execute(AssertSqlSafe(forged)).await.unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
    assert_eq!(stored.store.runs_to_look_after(NOBODY).await.unwrap().len(), 1);
}

#[tokio::test]
async fn sec_1_plain_sql_reads_no_other_users_rows() {
    let stored = TestStore::open().await;
    // The suite runs on both databases; this is PostgreSQL's.
    let Some(url) = stored.url() else { return };
    fill(&stored).await;
    let mut connection = PgConnection::connect(url).await.unwrap();
    check(&stored, &mut connection).await;
}

#[tokio::test]
async fn sec_1_a_superuser_gives_its_rights_up() {
    let (Ok(admin), stored) = (std::env::var("WEIR_TEST_DATABASE_ADMIN_URL"), TestStore::open().await) else { return };
    let Some(url) = stored.url() else { return };
    let (_, schema) = url.split_once("options").unwrap();
    let separator = if admin.contains('?') { '&' } else { '?' };
    let admin = format!("{admin}{separator}options{schema}");
    fill(&stored).await;
    let opened = Store::connect(&admin.parse().unwrap(), Durability::Process).await.unwrap();
    assert_eq!(opened.runs_to_look_after(NOBODY).await.unwrap().len(), 1);
    assert_eq!(
        opened.conversations(BOB, &weir_store::ConversationFilter::default(), None, 10).await.unwrap().items,
        []
    );
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    connection.execute("SET ROLE weir_app").await.unwrap();
    check(&stored, &mut connection).await;
}
