//! MCP servers that break the protocol: responses without end, too large, or invalid.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};
use weir_testkit::soon;

use crate::{
    app::{Data as _, TestApp},
    mcp_fixture::Fixture,
};

impl TestApp {
    async fn add_far(&self, addr: SocketAddr) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = json!({ "type": "http", "url": format!("http://{addr}/mcp") });
        self.post("/api/mcp-servers", json!({ "name": "far", "transport": transport })).await.json::<Value>(201);
    }

    /// The last event of a call of `far__call`.
    async fn call_far(&self) -> Value {
        let job = self.invoke("far__call", json!({})).await;
        self.job_events(&job).await.rest().await.pop().unwrap().value()
    }
}

#[tokio::test]
async fn mcp_24_eight_questions_of_a_server_wait_and_one_more_is_declined() {
    let (app, fixture) = (TestApp::new().await, Fixture::start(&ProtocolVersion::V_2025_11_25).await);
    *fixture.held.more.lock().unwrap() = vec![("ask_often", json!({ "type": "object" }))];
    app.post("/api/mcp-servers", fixture.to_add("far")).await.json::<Value>(201);
    app.mcp_server("far", |server| server["status"] == "ready").await;
    let job = app.invoke("far__ask_often", json!({ "times": 9 })).await;
    let done = app.job_events(&job).await.rest().await.pop().unwrap().value();
    assert_eq!(done["output"]["action"], "decline", "{done}");

    let job = app.invoke("far__ask_often", json!({ "times": 8 })).await;
    let mut events = app.job_events(&job).await;
    while events.event().await.value()["note"].is_null() {}
    let waiting: Value = app.get("/api/approvals").await.json(200);
    let question = waiting["questions"].as_array().unwrap().iter().find(|question| question["callId"] == json!(job));
    let path = format!("/api/questions/{}/answer", question.unwrap()["id"].as_str().unwrap());
    assert_eq!(app.post(&path, json!({ "action": "accept", "content": { "age": 36 } })).await.status, 204);
    let done = events.rest().await.pop().unwrap().value();
    assert_eq!(done["output"]["action"], "accept", "{done}");
}

/// Answers each connection with `head`, then with `more` again and again. Tells when a connection begins and when it is lost.
async fn endless(head: &'static str, more: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (told, news) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let mut request = [0; 16 * 1024];
                if !matches!(socket.read(&mut request).await, Ok(1..)) {
                    return;
                }
                let _ = told.send("begun");
                let _ = socket.write_all(head.as_bytes()).await;
                let lost = async {
                    if more.is_empty() {
                        while matches!(socket.read(&mut request).await, Ok(1..)) {}
                    } else {
                        while socket.write_all(more.as_bytes()).await.is_ok() {}
                    }
                };
                lost.await;
                let _ = told.send("lost");
            });
        }
    });
    (addr, news)
}

#[tokio::test]
async fn mcp_25_a_server_that_is_deleted_or_disabled_loses_its_connections_at_once() {
    const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
    const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    for (head, more) in [
        ("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", ""),
        (JSON, ""),
        (EVENTS, ""),
        (EVENTS, ": nothing\n\n"),
    ] {
        let app = TestApp::new().await;
        for disable in [false, true] {
            let (addr, mut news) = endless(head, more).await;
            app.add_far(addr).await;
            assert_eq!(soon("a connection", news.recv()).await, Some("begun"), "{head}{more}");
            if disable {
                app.patch("/api/mcp-servers/far", json!({ "enabled": false })).await.json::<Value>(200);
            } else {
                assert_eq!(app.delete("/api/mcp-servers/far").await.status, 204);
            }
            assert_eq!(soon("the end of the connection", news.recv()).await, Some("lost"), "{head}{more}");
        }
    }
}

/// A server of 2025-11-25 that answers requests of `method` with `body`, in which `ID` is the id of the request.
async fn breaking(method: &'static str, content_type: &'static str, body: String) -> SocketAddr {
    let body: Arc<str> = body.into();
    let answer = move |weir_bench::Json(asked): weir_bench::Json<Value>| {
        let body = body.clone();
        async move {
            let Some(id) = asked.get("id") else { return StatusCode::ACCEPTED.into_response() };
            let result = match asked["method"].as_str().unwrap() {
                asked if asked == method => {
                    let body = body.replace("ID", &id.to_string());
                    return Response::builder().header("content-type", content_type).body(Body::from(body)).unwrap();
                }
                "initialize" => json!({
                    "protocolVersion": "2025-11-25", "serverInfo": { "name": "odd", "version": "1" },
                    "capabilities": { "tools": {} },
                }),
                "tools/list" => json!({ "tools": [{ "name": "call", "inputSchema": { "type": "object" } }] }),
                _ => json!({}),
            };
            weir_bench::Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/mcp", post(answer))).await.unwrap() });
    addr
}

/// Every way in which a response to this method is sent, and what the error says.
fn breaches(method: &str) -> Vec<(&'static str, String, &'static str)> {
    let deep = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{}{}}}"#, "[".repeat(800), "]".repeat(800));
    let mut breaches = Vec::new();
    for body in [&*deep, r#"{"jsonrpc":"2.0","id":ID,"result":{"#, r#"{"jsonrpc":"2.0","id":ID}"#] {
        let what = if body.ends_with("ID}") { "not valid MCP" } else { "not valid JSON" };
        breaches.push(("text/event-stream", format!("data: {body}\n\n"), what));
        breaches.push(("application/json", body.to_owned(), "could not parse JSON response"));
    }
    breaches.push(("application/json", String::new(), "could not parse JSON response"));
    breaches.push(("application/json", "oops".to_owned(), "could not parse JSON response"));
    breaches.push(("text/html", "oops".to_owned(), "ontent type"));
    if method != "initialize" {
        // Valid JSON-RPC whose result is another method's. Its error names no parser.
        let other = r#"{"jsonrpc":"2.0","id":ID,"result":{"tools":5,"content":5}}"#;
        breaches.push(("application/json", other.to_owned(), ""));
    }
    breaches
}

#[tokio::test]
async fn mcp_27_a_server_whose_response_is_not_valid_is_failed_with_the_reason_and_tried_again() {
    let app = TestApp::new().await;
    for method in ["initialize", "tools/list"] {
        for (content_type, body, reason) in breaches(method) {
            let shown = format!("{method}: {content_type}: {body:.60}");
            app.add_far(breaking(method, content_type, body).await).await;
            let failed = app.mcp_server("far", |server| server["status"] == "failed").await;
            assert!(failed["error"].as_str().unwrap().contains(reason), "{shown}: {failed}");
            assert!(failed["retryAt"].is_string(), "{shown}: {failed}");
            app.mcp_server("far", |server| server["status"] == "connecting").await;
            assert_eq!(app.delete("/api/mcp-servers/far").await.status, 204);
        }
    }
}

#[tokio::test]
async fn mcp_27_a_call_whose_response_is_not_valid_fails_at_once_with_the_reason() {
    let app = TestApp::new().await;
    for (content_type, body, reason) in breaches("tools/call") {
        let shown = format!("{content_type}: {body:.60}");
        app.add_far(breaking("tools/call", content_type, body).await).await;
        app.mcp_server("far", |server| server["status"] == "ready").await;
        let failed = app.call_far().await;
        assert!(failed["message"].as_str().is_some_and(|message| message.contains(reason)), "{shown}: {failed}");
        assert_eq!(app.delete("/api/mcp-servers/far").await.status, 204);
        app.mcp_gone("far__call").await;
    }
}

#[tokio::test]
async fn mcp_26_a_call_whose_response_is_too_large_fails_at_once_with_the_limit() {
    let app = TestApp::new().await;
    let text = "x".repeat(17 * 1024 * 1024);
    let large = format!(r#"{{"jsonrpc":"2.0","id":ID,"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#);
    for (content_type, body, limit) in [
        ("text/event-stream", format!("id: 1\ndata: {large}\n\n"), "16 MiB"),
        ("text/event-stream", format!("data: {large}\n\n"), "16 MiB"),
        ("application/json", large.clone(), "16777216 bytes"),
    ] {
        app.add_far(breaking("tools/call", content_type, body).await).await;
        app.mcp_server("far", |server| server["status"] == "ready").await;
        let failed = app.call_far().await;
        assert!(failed["message"].as_str().is_some_and(|message| message.contains(limit)), "{content_type}: {failed}");
        assert_eq!(app.delete("/api/mcp-servers/far").await.status, 204);
        app.mcp_gone("far__call").await;
    }
}

/// A program that answers `tools/call` with this shell command, whose variable `id` is the id of the request.
fn program(answer: &str) -> Value {
    let script = format!(
        r#"while read -r line; do
            id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
            say() {{ printf '{{"jsonrpc":"2.0","id":%s,"result":%s}}\n' "$id" "$1"; }}
            case "$line" in
            *'"initialize"'*) say '{{"protocolVersion":"2025-11-25","serverInfo":{{"name":"odd","version":"1"}},"capabilities":{{"tools":{{}}}}}}';;
            *'"tools/list"'*) say '{{"tools":[{{"name":"call","inputSchema":{{"type":"object"}}}}]}}';;
            *'"tools/call"'*) {answer};;
            *'"id"'*) say '{{}}';;
            esac
        done"#
    );
    json!({ "name": "far", "transport": { "type": "stdio", "command": "sh", "args": ["-c", script] } })
}

#[tokio::test]
async fn mcp_26_a_line_that_is_too_large_fails_its_call_or_the_connection_of_its_program() {
    let app = TestApp::new().await;
    let large = r"head -c 6000000 /dev/zero | tr '\0' x";
    let known = format!(r#"printf '{{"result":"'; {large}; printf '","jsonrpc":"2.0","id":%s}}\n' "$id""#);
    app.post("/api/mcp-servers", program(&known)).await.json::<Value>(201);
    app.mcp_server("far", |server| server["status"] == "ready").await;
    let failed = app.call_far().await;
    assert_eq!(failed["message"], "The server's response is larger than the limit of 5 MiB.", "{failed}");
    let server = app.mcp_server("far", |_| true).await;
    assert_eq!(server["status"], "ready", "one large response does not end the connection");
    assert_eq!(app.delete("/api/mcp-servers/far").await.status, 204);
    app.mcp_gone("far__call").await;

    let unknown = format!(r#"printf '{{"result":"'; {large}; printf '"}}\n'"#);
    app.post("/api/mcp-servers", program(&unknown)).await.json::<Value>(201);
    app.mcp_server("far", |server| server["status"] == "ready").await;
    let failed = app.call_far().await;
    assert_eq!(failed["code"], "server_gone", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("larger than the limit of 5 MiB"), "{failed}");
    let server = app.mcp_server("far", |server| server["status"] == "failed").await;
    assert!(server["error"].as_str().unwrap().contains("larger than the limit of 5 MiB"), "{server}");
}
