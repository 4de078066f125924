//! The built-in tools through the whole server: with its guard, its sandbox and its store.

use std::{net::SocketAddr, sync::Once, time::Duration};

use axum::{Router, response::Html, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use weir_protocol::{ConversationId, MessageId, Role};
use weir_store::{Clock as _, NewMessage, Position};
use weir_testkit::ALICE;
use weir_tools::Outside;

use crate::app::{Data as _, Options, TestApp, kinds};

static CRYPTO: Once = Once::new();

/// Serves pages on this machine.
async fn serving(pages: Router) -> SocketAddr {
    CRYPTO.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    addr
}

impl TestApp {
    /// Runs a tool to its end; its job.
    pub(crate) async fn done(&self, tool: &str, args: Value) -> Value {
        let job = self.invoke(tool, args).await;
        self.job_events(&job).await.rest().await;
        self.job(&job).await
    }

    pub(crate) async fn output(&self, tool: &str, args: Value) -> Value {
        let mut job = self.done(tool, args).await;
        assert_eq!(job["status"], "done", "{job}");
        job["output"].take()
    }

    pub(crate) async fn error_code(&self, tool: &str, args: Value) -> String {
        let job = self.done(tool, args).await;
        assert_eq!(job["status"], "error", "{job}");
        job["error"]["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn tool_8_a_page_is_read_and_nothing_inside_is_asked() {
    let html =
        "<title>Tides</title><nav>Menu</nav><h1>High water</h1><p>At <a href=/noon>noon</a>. 🌊</p><script>1</script>";
    let addr = serving(
        Router::new()
            .route("/", get(move || async move { Html(html) }))
            .route("/deep", get(|| async { Html("<div>".repeat(400_000)) })),
    )
    .await;
    let options = Options {
        outside: Outside::with_exceptions(&[addr]),
        sandbox_time: Duration::from_secs(3),
        ..Options::default()
    };
    let app = TestApp::with(options).await;
    let page = app.output("fetch_page", json!({ "url": format!("http://{addr}/") })).await;
    assert_eq!((&page["title"], &page["contentType"]), (&json!("Tides"), &json!("text/html")));
    assert_eq!(page["text"], format!("# High water\n\nAt [noon](http://{addr}/noon). 🌊"));
    // A page that would take the server down takes its own process down.
    let deep = app.error_code("fetch_page", json!({ "url": format!("http://{addr}/deep") })).await;
    assert!(["too_long", "sandbox_failed"].contains(&deep.as_str()), "{deep}");
    let inside = [
        format!("http://localhost:{}/", addr.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", addr.port()),
        "http://127.1:1/".to_owned(),
        "http://2130706433:1/".to_owned(),
        "http://0x7f000001:1/".to_owned(),
        "http://0.0.0.0:1/".to_owned(),
        "http://169.254.169.254/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for url in inside {
        assert_eq!(app.error_code("fetch_page", json!({ "url": url })).await, "address_refused", "{url}");
    }
}

#[tokio::test]
async fn tool_9_code_runs_with_its_lines_told_as_they_come() {
    let app = TestApp::new().await;
    let job = app.invoke("run_code", json!({ "code": "console.log('one 🌊'); [1, 2].map(n => n * 2)" })).await;
    let events = app.job_events(&job).await.rest().await;
    assert_eq!(kinds(&events), ["tool_update", "tool_update", "partial_result", "complete"]);
    assert_eq!(events[2].value()["data"], json!({ "console": "one 🌊\n" }));
    let output = json!({ "result": [2, 4], "console": "one 🌊\n", "truncated": false });
    assert_eq!(app.job(&job).await["output"], output);
    let failed = app.done("run_code", json!({ "code": "let a = 1;\na.b.c" })).await;
    assert_eq!(failed["error"]["code"], "code_failed");
    assert!(failed["error"]["message"].as_str().unwrap().contains("code:2"), "{failed}");
}

#[tokio::test]
async fn tool_9_what_has_no_end_is_ended() {
    let app = TestApp::with(Options { sandbox_time: Duration::from_secs(1), ..Options::default() }).await;
    // The second one is stuck within the engine, where it looks at no clock.
    for code in [
        "while (true) {}",
        "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        "/(a+)+$/.test('a'.repeat(60) + 'b')",
    ] {
        assert_eq!(app.error_code("run_code", json!({ "code": code })).await, "too_long", "{code}");
    }
    let patient = TestApp::new().await;
    assert_eq!(
        patient.error_code("run_code", json!({ "code": "let a = []; for (;;) a.push(new Array(1e5).fill(1))" })).await,
        "out_of_memory"
    );
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c";
    assert_eq!(app.error_code("query_table", json!({ "sql": endless })).await, "too_long");
}

#[tokio::test]
async fn tool_9_a_cancelled_job_is_stopped_whatever_it_does() {
    let app = TestApp::new().await;
    let job = app.invoke("run_code", json!({ "code": "console.log('begun'); while (true) {}" })).await;
    let mut events = app.job_events(&job).await;
    while events.event().await.kind != "partial_result" {}
    assert_eq!(app.delete(&format!("/api/jobs/{job}")).await.status, 202);
    let last = events.rest().await.pop().unwrap();
    assert_eq!((last.kind.as_str(), &last.value()["code"]), ("error", &json!("cancelled")));
}

#[tokio::test]
async fn tool_10_tables_are_asked_and_nothing_else() {
    let app = TestApp::new().await;
    let table = "city,people\nOslo,700000\nMalmö,360000\n";
    let sql = "SELECT city, people / 1000 AS thousands FROM t ORDER BY people";
    let output =
        json!({ "columns": ["city", "thousands"], "rows": [["Malmö", 360], ["Oslo", 700]], "truncated": false });
    assert_eq!(app.output("query_table", json!({ "sql": sql, "table": table })).await, output);
    assert_eq!(app.output("query_table", json!({ "sql": "SELECT 6 * 7 AS n" })).await["rows"], json!([[42]]));
    for sql in [
        "ATTACH '/tmp/x' AS x",
        "DROP TABLE t",
        "SELECT 1; SELECT 2",
        "SELECT load_extension('x')",
        "PRAGMA database_list",
    ] {
        assert_eq!(app.error_code("query_table", json!({ "sql": sql, "table": table })).await, "invalid_sql", "{sql}");
    }
    let ragged = json!({ "sql": "SELECT 1 FROM t", "table": "a\n1,2" });
    assert_eq!(app.error_code("query_table", ragged).await, "invalid_table");
}

#[tokio::test]
async fn tool_11_the_users_own_messages_are_found_and_nobody_elses() {
    let app = TestApp::new().await;
    app.answered("Which lighthouse is the oldest?", "The tower of Hercules, in Galicia.").await;
    let secret = NewMessage {
        id: MessageId(app.clock.id()),
        conversation: None,
        new_conversation: ConversationId(app.clock.id()),
        title: "Secret".to_owned(),
        position: Position::Newest,
        role: Role::User,
        content: "Hercules is my password".to_owned(),
    };
    app.app.store.create_message(ALICE, &secret, app.clock.now(), None).await.unwrap();
    let found = app.output("search_history", json!({ "query": "hercules?" })).await;
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 1, "{found}");
    assert_eq!(
        (&results[0]["role"], &results[0]["title"]),
        (&json!("assistant"), &json!("Which lighthouse is the oldest?"))
    );
    assert_eq!(results[0]["snippet"], "The tower of Hercules, in Galicia.");
    assert_eq!(app.output("search_history", json!({ "query": "\" OR '" })).await["results"], json!([]));
}

#[tokio::test]
async fn tool_11_a_model_is_not_shown_the_conversation_that_it_is_in() {
    let app = TestApp::new().await;
    app.answered("My cat is called Minka", "Noted.").await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("What is my cat called?").await;
    let answer = app.script.answers().await;
    answer.call("search_history", r#"{"query":"cat"}"#);
    answer.finish();
    let done = loop {
        let event = events.event().await;
        if event.kind == "tool-status" && event.value()["status"] == "done" {
            break event.value();
        }
    };
    let results = done["result"]["results"].as_array().or(done["output"]["results"].as_array()).unwrap().clone();
    assert_eq!(results.len(), 1, "{done}");
    assert_eq!(results[0]["snippet"], "My cat is called Minka");
    let answer = app.script.answers().await;
    answer.say("Minka.");
    answer.finish();
    events.rest().await;
}
