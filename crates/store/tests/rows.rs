//! Whose rows are whose. Row-level security of `PostgreSQL`: plain SQL of the application's role reads no other user's rows; `SQLite`
//! has none, there every query names its user. On both, a person's rows go with the person.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use uuid::Uuid;
use weir_protocol::{
    AccessScope, ApiToken, ApiTokenId, Caller, Invite, InviteId, Permission, Seq, SignInId, Timestamp, ToolCallId,
    UserRole,
};
use weir_store::{
    Durability, IdempotencyKey, NewAccount, NewApiToken, NewEvent, NewInvite, NewJob, NewSignIn, RunAppend, Store,
    StoreError, ToolPermission, Word,
};
use weir_testkit::{ALICE, BOB, NOBODY, TestStore};

/// Every table that holds a user's things.
const TABLES: [&str; 12] = [
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
    "sign_ins",
    "api_tokens",
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
    stored.store.start_job(&job, u32::MAX, Timestamp(0)).await.unwrap();
    let permission = ToolPermission { permission: Permission::Ask, rules: vec![] };
    stored.store.set_tool_permission(ALICE, "wait", &permission).await.unwrap();
    let sign_in = NewSignIn {
        id: SignInId(Uuid::now_v7()),
        user: ALICE,
        secret: [1; 32],
        device: "Firefox on Linux".to_owned(),
        address: "192.0.2.1".to_owned(),
        network: Some([3; 32]),
        replaces: None,
        password_hash: None,
    };
    stored.store.sign_in(&sign_in, Timestamp(0)).await.unwrap();
    let token = ApiToken {
        id: ApiTokenId(Uuid::now_v7()),
        name: "ci".to_owned(),
        scopes: vec![AccessScope::Read],
        created_at: Timestamp(0),
        last_used_at: None,
        expires_at: None,
    };
    stored.store.add_api_token(&NewApiToken { user: ALICE, secret: [2; 32], token }).await.unwrap();
}

/// How many rows of anybody's a table has.
async fn all_rows(stored: &TestStore, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    if let Some(url) = stored.url() {
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute("SET weir.user_id = 'system'").await.unwrap();
        return sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    }
    let (_, folder) = stored.settings().remove(0);
    let mut connection = SqliteConnection::connect(&format!("sqlite://{folder}/weir.db")).await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn auth_14_nothing_of_a_person_who_is_deleted_stays() {
    let stored = TestStore::open().await;
    fill(&stored).await;
    let store = &stored.store;
    let account = |id, email: &str| NewAccount {
        id,
        email: email.to_owned(),
        name: "Alice".to_owned(),
        password_hash: String::new(),
    };
    for (user, email, secret) in [(ALICE, "alice@example.org", [3; 32]), (BOB, "bob@example.org", [4; 32])] {
        store.replace_setup_link(InviteId(Uuid::now_v7()), &secret, Timestamp(0)).await.unwrap();
        store.set_up(&secret, user, &account(user, email), Timestamp(0)).await.unwrap();
    }
    let invite = Invite {
        id: InviteId(Uuid::now_v7()),
        role: UserRole::User,
        note: None,
        created_at: Timestamp(0),
        expires_at: Timestamp(1),
    };
    store.add_invite(&NewInvite { inviter: ALICE, secret: [5; 32], invite }).await.unwrap();
    // What an answer said last is in a table of its own there.
    let tail = stored.url().is_none().then_some("run_tail");
    for table in TABLES.into_iter().chain(["invites", "sign_in_networks"]).chain(tail) {
        assert!(all_rows(&stored, table).await > 0, "{table}");
    }
    store.delete_person(ALICE).await.unwrap();
    for table in TABLES.into_iter().chain(["invites", "sign_in_networks"]).chain(tail) {
        assert_eq!(all_rows(&stored, table).await, i64::from(table == "users"), "{table}");
    }
    assert!(matches!(store.delete_person(BOB).await, Err(StoreError::LastAdministrator)));
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
