//! Schemas of foreign tools that are hostile, and arguments that take long to check.

use std::time::{Duration, Instant};

use rmcp::model::ProtocolVersion;
use serde_json::{Map, Value, json};

use crate::{app::TestApp, mcp_fixture::Fixture};

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
