//! Tools of MCP servers: offered, called, watched and found again, over HTTP and over standard input and output.

use std::path::Path;

use axum::response::IntoResponse as _;
use rmcp::model::ProtocolVersion;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use weir_testkit::soon;

use crate::{
    app::{Data as _, TestApp, ending},
    mcp_fixture::Fixture,
    sockets::served,
};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

impl TestApp {
    /// A server with this fixture's tools, ready.
    async fn with_fixture(version: &ProtocolVersion) -> (Self, Fixture) {
        let (app, fixture) = (Self::new().await, Fixture::start(version).await);
        app.post("/api/mcp-servers", fixture.to_add("far")).await.json::<Value>(201);
        let ready = app.mcp_server("far", |server| server["status"] == "ready").await;
        assert_eq!(ready["protocolVersion"], json!(version.as_str()));
        (app, fixture)
    }

    async fn tool(&self, name: &str) -> Option<Value> {
        let list: Value = self.get("/api/tools").await.json(200);
        list["items"].as_array().unwrap().iter().find(|tool| tool["name"] == name).cloned()
    }
}

/// `weir mcp` as a server that is to be added: it speaks with another Weir.
async fn bridge_to(other: &TestApp, folder: &Path) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let weir = env!("CARGO_BIN_EXE_weir");
    // Its number, for whoever wants to kill it.
    let script = format!("echo $$ > {}/pid; echo hello >&2; exec {weir} mcp", folder.display());
    let env = json!({ "WEIR_ADDR": served(other).await.to_string() });
    json!({ "name": "near", "transport": { "type": "stdio", "command": "sh", "args": ["-c", script], "env": env } })
}

#[tokio::test]
async fn mcp_4_a_foreign_tool_is_offered_asked_about_called_and_answered_with() {
    for version in &VERSIONS {
        let (app, _fixture) = TestApp::with_fixture(version).await;
        app.script.set_calls_tools(true);
        let tools = app.mcp_server("far", |_| true).await["tools"].clone();
        let name = tools.as_array().unwrap().iter().find(|name| name.as_str().unwrap().starts_with("far__say_it_"));
        let name = name.unwrap().as_str().unwrap();
        let told = app.tool(name).await.unwrap();
        assert_eq!(
            (&told["source"], &told["server"], &told["permission"]),
            (&json!("mcp"), &json!("far"), &json!("ask"))
        );
        assert_eq!((&told["title"], &told["description"]), (&json!("say it"), &json!("Says what it is told.")));

        let mut events = app.ask("Say good day").await;
        let answer = app.script.answers().await;
        answer.call(name, r#"{"text":"Good day"}"#);
        answer.finish();
        let call = loop {
            let event = events.event().await;
            if event.kind == "tool-status" && event.value()["approval"] == "pending" {
                break event.value()["id"].as_str().unwrap().to_owned();
            }
        };
        app.post(&format!("/api/tool-calls/{call}/approval"), json!({ "decision": "grant" })).await.json::<Value>(200);
        let answer = app.script.answers().await;
        assert_eq!(answer.request.turns.last().unwrap().content, "Good day");
        answer.say("It said so.");
        answer.finish();
        let (message, _) = ending(&events.rest().await);
        assert_eq!(message["toolCalls"][0]["output"], "Good day");

        let job = app.invoke("far__fail", json!({})).await;
        let failed = app.job_events(&job).await.rest().await.pop().unwrap().value();
        assert_eq!((&failed["code"], &failed["message"]), (&json!("tool_failed"), &json!("It does not work.")));
        let refused = app.post(&format!("/api/tools/{name}"), json!({ "args": { "text": 1 } })).await;
        assert_eq!(refused.faults("invalid_request"), ["args.text"]);
    }
}

#[tokio::test]
async fn mcp_5_a_server_that_dies_is_found_again_with_its_tools() {
    let (app, other, folder) = (TestApp::new().await, TestApp::new().await, tempfile::tempdir().unwrap());
    app.post("/api/mcp-servers", bridge_to(&other, folder.path()).await).await.json::<Value>(201);
    let ready = |server: &Value| server["status"] == "ready";
    let server = app.mcp_server("near", ready).await;
    assert!(server["title"].as_str().unwrap().starts_with("Weir "), "{server}");
    let job = app.invoke("near__calculate", json!({ "expression": "6*7" })).await;
    let done = app.job_events(&job).await.rest().await.pop().unwrap().value();
    assert_eq!(done["output"]["result"], "42");

    let waits = app.invoke("near__wait", json!({ "seconds": 600 })).await;
    let mut events = app.job_events(&waits).await;
    while events.event().await.value()["progress"].is_null() {}
    let pid: i32 = std::fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let failed = events.rest().await.pop().unwrap().value();
    assert_eq!(failed["code"], "server_gone", "{failed}");
    app.mcp_server("near", |server| server["status"] == "failed").await;
    assert!(app.tool("near__calculate").await.is_none(), "what is not there is not offered");
    app.mcp_server("near", ready).await;
    let job = app.invoke("near__calculate", json!({ "expression": "1+1" })).await;
    let done = app.job_events(&job).await.rest().await.pop().unwrap().value();
    assert_eq!(done["output"]["result"], "2");

    let log = app.get("/api/mcp-servers/near/log").await.json::<Value>(200);
    let lines: Vec<_> = log["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| **line == "hello").count(), 2, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("went away") && line.contains("signal: 9")), "{lines:?}");
}

#[tokio::test]
async fn mcp_6_another_list_of_tools_is_taken_over() {
    for version in &VERSIONS {
        let (app, fixture) = TestApp::with_fixture(version).await;
        assert!(app.tool("far__new").await.is_none());
        fixture.held.grow();
        app.mcp_server("far", |server| server["tools"].as_array().unwrap().contains(&json!("far__new"))).await;
        assert!(app.tool("far__new").await.is_some());
        app.delete("/api/mcp-servers/far").await;
        app.mcp_gone("far__new").await;
    }
}

#[tokio::test]
async fn mcp_7_progress_is_shown_and_a_cancelled_call_is_cancelled_there() {
    for version in &VERSIONS {
        let (app, fixture) = TestApp::with_fixture(version).await;
        let job = app.invoke("far__slow", json!({})).await;
        let mut events = app.job_events(&job).await;
        let told = loop {
            let event = events.event().await.value();
            if !event["progress"].is_null() {
                break event;
            }
        };
        assert_eq!((&told["progress"], &told["note"]), (&json!(0.75), &json!("nearly")));
        app.delete(&format!("/api/jobs/{job}")).await;
        soon("the server to hear of it", fixture.held.cancelled.notified()).await;
        assert_eq!(events.rest().await.pop().unwrap().value()["code"], "cancelled");

        let job = app.invoke("far__slow", json!({})).await;
        fixture.held.finish.notify_one();
        let done = app.job_events(&job).await.rest().await.pop().unwrap().value();
        assert_eq!(done["output"], json!({ "slow": true }));
    }
}

#[tokio::test]
async fn mcp_5_a_server_over_http_that_went_away_is_found_again() {
    let (app, fixture) = TestApp::with_fixture(&VERSIONS[1]).await;
    drop(fixture);
    assert_eq!(app.post("/api/mcp-servers/far/restart", json!({})).await.status, 202);
    let failed = app.mcp_server("far", |server| server["status"] == "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("did not answer"), "{failed}");
    let fixture = Fixture::start(&VERSIONS[0]).await;
    let transport = fixture.to_add("far")["transport"].clone();
    app.patch("/api/mcp-servers/far", json!({ "transport": transport })).await.json::<Value>(200);
    app.mcp_server("far", |server| server["status"] == "ready").await;
}

impl TestApp {
    /// The one question that waits, and the call that asks it.
    async fn asked(&self) -> (String, Value) {
        let job = self.invoke("far__ask", json!({})).await;
        let mut events = self.job_events(&job).await;
        while events.event().await.value()["note"] != "asks: How old are you?" {}
        let list: Value = self.get("/api/approvals").await.json(200);
        let [question] = list["questions"].as_array().unwrap().as_slice() else { panic!("{list}") };
        assert_eq!((&question["callId"], &question["server"]), (&json!(job), &json!("far")));
        (job, question.clone())
    }
}

#[tokio::test]
async fn mcp_13_what_a_tool_asks_in_the_middle_of_a_call_is_for_the_person_to_answer() {
    for version in &VERSIONS {
        let (app, _fixture) = TestApp::with_fixture(version).await;
        let (job, question) = app.asked().await;
        assert_eq!(question["schema"]["required"], json!(["age"]));
        let path = format!("/api/questions/{}/answer", question["id"].as_str().unwrap());
        let accept = |content: Value| json!({ "action": "accept", "content": content });
        assert_eq!(app.post(&path, accept(json!({ "age": "old" }))).await.faults("invalid_request"), ["content.age"]);
        assert_eq!(app.post(&path, accept(json!({}))).await.faults("invalid_request"), ["content.age"]);
        assert_eq!(app.post(&path, json!({ "action": "accept" })).await.faults("invalid_request"), ["content"]);
        assert_eq!(app.post(&path, accept(json!({ "age": 36 }))).await.status, 204);
        assert_eq!(app.post(&path, accept(json!({ "age": 37 }))).await.status, 404, "the first answer counts");
        let done = app.job_events(&job).await.rest().await.pop().unwrap().value();
        assert_eq!((&done["output"]["action"], &done["output"]["content"]), (&json!("accept"), &json!({ "age": 36 })));

        let (job, question) = app.asked().await;
        let path = format!("/api/questions/{}/answer", question["id"].as_str().unwrap());
        assert_eq!(app.post(&path, json!({ "action": "decline" })).await.status, 204);
        let done = app.job_events(&job).await.rest().await.pop().unwrap().value();
        assert_eq!(done["output"], json!({ "action": "decline" }));

        let (job, question) = app.asked().await;
        app.delete(&format!("/api/jobs/{job}")).await;
        let cancelled = app.job_events(&job).await.rest().await.pop().unwrap().value();
        assert_eq!(cancelled["code"], "cancelled");
        let path = format!("/api/questions/{}/answer", question["id"].as_str().unwrap());
        assert_eq!(app.post(&path, json!({ "action": "decline" })).await.status, 404, "nobody asks any more");
        assert_eq!(app.get("/api/approvals").await.json::<Value>(200)["questions"], json!([]));
    }
}

/// A server of 2025-11-25 that answers whatever it does not know with an empty result.
async fn answer_anything(weir_bench::Json(asked): weir_bench::Json<Value>) -> axum::response::Response {
    let Some(id) = asked.get("id") else { return axum::http::StatusCode::ACCEPTED.into_response() };
    let result = match asked["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "serverInfo": { "name": "old", "version": "1" }, "capabilities": { "tools": {} },
        }),
        "tools/list" => json!({ "tools": [{ "name": "hello", "inputSchema": { "type": "object" } }] }),
        _ => json!({}),
    };
    weir_bench::Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
}

#[tokio::test]
async fn mcp_4_a_server_that_knows_no_discovery_and_does_not_say_so_is_spoken_to_as_an_older_one() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let routes = axum::Router::new().route("/mcp", axum::routing::post(answer_anything));
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let app = TestApp::new().await;
    app.post("/api/mcp-servers", json!({ "name": "old", "transport": { "type": "http", "url": url } }))
        .await
        .json::<Value>(201);
    let ready = app.mcp_server("old", |server| server["status"] == "ready").await;
    assert_eq!((&ready["protocolVersion"], &ready["tools"]), (&json!("2025-11-25"), &json!(["old__hello"])));
    serving.abort();
}
