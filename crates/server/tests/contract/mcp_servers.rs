//! MCP servers: set in the app, started, and told how they are.

use axum::http::Method;
use serde_json::{Value, json};
use weir_testkit::soon;

use crate::app::{TestApp, request};

impl TestApp {
    /// The server, once it is as it should be.
    pub(crate) async fn mcp_server(&self, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut changes = self.app.fleet.changes();
        loop {
            let list: Value = self.get("/api/mcp-servers").await.json(200);
            let server = list["items"].as_array().unwrap().iter().find(|server| server["name"] == name);
            if let Some(server) = server.filter(|server| is(server)) {
                return server.clone();
            }
            soon("a change of an MCP server", changes.changed()).await.unwrap();
        }
    }
}

impl TestApp {
    /// Returns when there is no such tool any more.
    pub(crate) async fn mcp_gone(&self, tool: &str) {
        let mut changes = self.app.fleet.changes();
        while self.app.runs.jobs().registry().find(tool).is_some() {
            soon("a change of an MCP server", changes.changed()).await.unwrap();
        }
    }

    /// The call that waits for a person's word, once there is one.
    pub(crate) async fn waiting(&self) -> String {
        let mut bell = self.app.log.listen(weir_realtime::Topic::Inbox(weir_server::app::LOCAL_USER));
        loop {
            let list: Value = self.get("/api/approvals").await.json(200);
            if let Some(call) = list["items"][0]["id"].as_str() {
                return call.to_owned();
            }
            soon("a call that waits", bell.rung()).await;
        }
    }
}

fn missing(name: &str) -> Value {
    json!({ "name": name, "transport": { "type": "stdio", "command": "/nowhere/at-all", "env": { "KEY": "secret" } } })
}

#[tokio::test]
async fn mcp_1_a_server_is_added_told_changed_and_forgotten() {
    let app = TestApp::new().await;
    let made = app.post("/api/mcp-servers", missing("files")).await;
    let made: Value = made.json(201);
    assert_eq!((&made["name"], &made["source"], &made["enabled"]), (&json!("files"), &json!("app"), &json!(true)));
    let failed = app.mcp_server("files", |server| server["status"] == "failed").await;
    assert!(failed["error"].as_str().unwrap().contains("/nowhere/at-all"), "{failed}");
    assert!(failed["retryAt"].is_string() && failed["tools"] == json!([]), "{failed}");
    let log: Value = app.get("/api/mcp-servers/files/log").await.json(200);
    assert!(log["lines"][0]["text"].as_str().unwrap().contains("/nowhere/at-all"), "{log}");
    assert!(log["lines"][0]["at"].is_string());
    assert_eq!(app.post("/api/mcp-servers/files/restart", json!({})).await.status, 202);

    let off: Value = app.patch("/api/mcp-servers/files", json!({ "enabled": false })).await.json(200);
    assert_eq!((&off["status"], &off["error"]), (&json!("off"), &Value::Null));
    assert_eq!(app.delete("/api/mcp-servers/files").await.status, 204);
    app.delete("/api/mcp-servers/files").await.problem(404, "not_found");
    app.get("/api/mcp-servers/files/log").await.problem(404, "not_found");
    app.post("/api/mcp-servers/files/restart", json!({})).await.problem(404, "not_found");
    assert_eq!(app.get("/api/mcp-servers").await.json::<Value>(200)["items"], json!([]));
}

#[tokio::test]
async fn mcp_2_secrets_are_taken_and_never_told() {
    let app = TestApp::new().await;
    let made = app.post("/api/mcp-servers", missing("files")).await;
    assert_eq!(made.json::<Value>(201)["transport"]["env"], json!({ "KEY": null }));
    let transport = json!({ "type": "stdio", "command": "/nowhere/else", "env": { "KEY": null, "NEW": "x" } });
    let changed = app.patch("/api/mcp-servers/files", json!({ "transport": transport })).await;
    assert_eq!(changed.json::<Value>(200)["transport"]["env"], json!({ "KEY": null, "NEW": null }));
    let kept = app.app.store.mcp_servers().await.unwrap().remove(0).transport;
    assert_eq!(serde_json::to_value(kept).unwrap()["env"], json!({ "KEY": "secret", "NEW": "x" }));
    for path in ["/api/mcp-servers", "/api/mcp-servers/files/log"] {
        let body = app.get(path).await.body;
        assert!(!String::from_utf8_lossy(&body).contains("secret"), "{path}");
    }
    let open =
        json!({ "transport": { "type": "http", "url": "http://127.0.0.1:1/mcp", "headers": { "X-Key": null } } });
    assert_eq!(app.patch("/api/mcp-servers/files", open).await.faults("invalid_request"), ["transport.headers.X-Key"]);
}

#[tokio::test]
async fn mcp_3_what_cannot_be_a_server_is_refused_field_by_field() {
    let app = TestApp::new().await;
    let refused = app.post("/api/mcp-servers", json!({ "transport": { "type": "carrier pigeon" } })).await;
    assert_eq!(refused.status, 422);
    let body = json!({ "name": "a_b", "transport": { "type": "stdio", "command": "" } });
    let refused = app.post("/api/mcp-servers", body).await;
    assert_eq!(refused.faults("invalid_request"), ["name", "transport.command"]);
    let body =
        json!({ "name": "web", "transport": { "type": "http", "url": "file:///etc", "headers": { "a b": "x" } } });
    let refused = app.post("/api/mcp-servers", body).await;
    assert_eq!(refused.faults("invalid_request"), ["transport.url", "transport.headers.a b"]);
    app.post("/api/mcp-servers", missing("files")).await.json::<Value>(201);
    app.post("/api/mcp-servers", missing("files")).await.problem(409, "name_taken");
    app.patch("/api/mcp-servers/nobody", json!({ "enabled": true })).await.problem(404, "not_found");
    let foreign = [("origin", "https://evil.example")];
    let foreign = request(Method::POST, "/api/mcp-servers", &foreign, Some(missing("evil")));
    app.send(foreign).await.problem(403, "origin_not_allowed");
}
