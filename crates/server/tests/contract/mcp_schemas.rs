//! Schemas of foreign tools that are hostile, and arguments that take long to check.

use std::time::{Duration, Instant};

use axum::http::Method;
use rmcp::model::ProtocolVersion;
use serde_json::{Map, Value, json};
use weir_protocol::ToolList;

use crate::{
    app::{TestApp, request},
    mcp_fixture::Fixture,
};

/// `$defs` d0 … dN, each `anyOf` of the next one twice.
fn doubling(levels: usize) -> Value {
    let link = |level: usize| json!({ "$ref": format!("#/$defs/d{}", level + 1) });
    let mut definitions: Map<_, _> =
        (0..levels).map(|level| (format!("d{level}"), json!({ "anyOf": [link(level), link(level)] }))).collect();
    definitions.insert(format!("d{levels}"), json!({ "type": "string" }));
    json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/d0" } }, "$defs": definitions })
}

async fn with(tools: Vec<(&'static str, Value)>) -> (TestApp, Fixture) {
    let (app, fixture) = (TestApp::new().await, Fixture::start(&ProtocolVersion::V_2025_11_25).await);
    *fixture.held.more.lock().unwrap() = tools;
    app.post("/api/mcp-servers", fixture.to_add("far")).await.json::<Value>(201);
    app.mcp_server("far", |server| server["status"] == "ready").await;
    (app, fixture)
}

#[tokio::test]
async fn sch_1_a_tool_with_a_hostile_schema_is_left_out_and_the_log_says_why() {
    let (app, _fixture) = with(vec![("d20", doubling(20)), ("d28", doubling(28)), ("d200", doubling(200))]).await;
    let tools: Value = app.get("/api/tools").await.json(200);
    let names: Vec<_> = tools["items"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"far__slow"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("far__d")), "{names:?}");
    let log = app.get("/api/mcp-servers/far/log").await.json::<Value>(200).to_string();
    for name in ["d20", "d28", "d200"] {
        let line = format!("{name} is left out, the schema of its arguments can be evaluated in more than 10000 ways");
        assert!(log.contains(&line), "{log}");
    }
    app.post("/api/tools/far__d28", json!({ "args": { "x": 1 } })).await.problem(404, "not_found");
}

#[tokio::test]
async fn sch_2_arguments_that_take_long_to_check_are_checked_in_the_sandbox() {
    // Each level evaluates the next one twice, and only the second time finds that a number fits. The first time it is compared
    // with many others.
    let others: Vec<_> = (1000..1200).collect();
    let link = |level: usize| json!({ "$ref": format!("#/$defs/d{}", level + 1) });
    let level = |level: usize| json!({ "anyOf": [{ "allOf": [link(level), { "enum": others }] }, link(level)] });
    let mut definitions: Map<_, _> = (0..10).map(|number| (format!("d{number}"), level(number))).collect();
    definitions.insert("d10".to_owned(), json!({ "type": "integer" }));
    let items = json!({ "type": "array", "items": { "$ref": "#/$defs/d0" } });
    let list = json!({ "type": "object", "properties": { "x": items }, "$defs": definitions });
    let (app, _fixture) = with(vec![("list", list)]).await;
    let call = |args: Value| json!({ "args": args });
    app.post("/api/tools/far__list", call(json!({ "x": vec![1; 20] }))).await.json::<Value>(202);
    let refused = app.post("/api/tools/far__list", call(json!({ "x": vec!["a"; 20] }))).await;
    assert!(!refused.faults("invalid_request").is_empty());
    let start = Instant::now();
    let refused = app.post("/api/tools/far__list", call(json!({ "x": vec![1; 49_000] }))).await;
    assert_eq!(refused.faults("invalid_request"), ["args"]);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let jobs: Value = app.get("/api/jobs").await.json(200);
    assert_eq!(jobs["items"].as_array().unwrap().len(), 1);
}

/// So many tools, each with a schema of 60 KB.
fn large_tools(count: usize) -> Vec<(&'static str, Value)> {
    const NAMES: [&str; 18] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];
    let schema = json!({ "type": "object", "description": "x".repeat(60_000) });
    NAMES.into_iter().take(count).map(|name| (name, schema.clone())).collect()
}

#[tokio::test]
async fn mcp_28_tool_definitions_are_bounded_for_a_server_and_for_all_servers() {
    let (app, fixture) = with(large_tools(17)).await;
    for name in ["b", "c", "d"] {
        app.post("/api/mcp-servers", fixture.to_add(name)).await.json::<Value>(201);
        app.mcp_server(name, |server| server["status"] == "ready").await;
    }
    app.post("/api/mcp-servers", fixture.to_add("e")).await.json::<Value>(201);
    let failed = app.mcp_server("e", |server| server["status"] == "failed").await.to_string();
    assert!(failed.contains("KiB. The limit is 4096 KiB for all MCP servers."), "{failed}");
    let list: ToolList = app.get("/api/tools").await.json(200);
    let count = |server: &str| list.items.iter().filter(|tool| tool.server.as_deref() == Some(server)).count();
    assert_eq!(["far", "b", "c", "d", "e"].map(count), [21, 21, 21, 21, 0]);
    // The server is tried again, and takes the room of another one.
    assert_eq!(app.delete("/api/mcp-servers/b").await.status, 204);
    app.mcp_server("e", |server| server["status"] == "ready").await;

    *fixture.held.more.lock().unwrap() = large_tools(18);
    assert_eq!(app.delete("/api/mcp-servers/c").await.status, 204);
    app.post("/api/mcp-servers", fixture.to_add("huge")).await.json::<Value>(201);
    let failed = app.mcp_server("huge", |server| server["status"] == "failed").await.to_string();
    assert!(failed.contains("KiB or more. The limit is 1024 KiB for an MCP server."), "{failed}");
}

#[tokio::test]
async fn run_20_the_list_of_tools_is_the_encoded_definitions_and_the_permissions() {
    let app = TestApp::new().await;
    let rules = json!([{ "argument": "url", "matches": "host", "value": "example.com", "permission": "deny" }]);
    let set = json!({ "permission": "ask", "rules": rules });
    let set = request(Method::PUT, "/api/tools/fetch_page/permission", &[], Some(set));
    let set: Value = app.send(set).await.json(200);
    let list: Value = app.get("/api/tools").await.json(200);
    let tools = list["items"].as_array().unwrap();
    assert_eq!(tools.iter().find(|tool| tool["name"] == "fetch_page"), Some(&set));
    assert!(tools.iter().any(|tool| tool["rules"].is_null() && tool["permission"] == "allow"), "{list}");
}
