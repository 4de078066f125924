//! Sessions at `/mcp`: whose they are, and how many.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    http::{Method, Request, Response},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use weir_protocol::AuthMode;
use weir_server::{access::Access, limits::LimitOptions};
use weir_testkit::soon;

use crate::{
    app::{Answered, Options, TestApp, request, text_of},
    people::Who,
};

fn message(method: Method, who: &Who, session: Option<&str>, body: Option<Value>) -> Request<Body> {
    let mut headers = who.headers();
    headers.extend([("host", "127.0.0.1"), ("accept", "application/json, text/event-stream")]);
    headers.extend(session.map(|session| ("mcp-session-id", session)));
    request(method, "/mcp", &headers, body)
}

fn initialize() -> Value {
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })
}

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })
}

impl TestApp {
    async fn mcp(&self, method: Method, who: &Who, session: Option<&str>, body: Option<Value>) -> Answered {
        self.send(message(method, who, session, body)).await
    }

    /// A stream of an MCP client, under way.
    async fn mcp_stream(&self, request: Request<Body>) -> BodyDataStream {
        let response: Response<Body> = self.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(text_of(response.headers(), "content-type"), "text/event-stream");
        response.into_body().into_data_stream()
    }

    async fn mcp_session(&self, who: &Who) -> String {
        let begun = self.mcp(Method::POST, who, None, Some(initialize())).await;
        assert_eq!(begun.status, 200, "{begun:?}");
        let id = begun.header("mcp-session-id").to_owned();
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.mcp(Method::POST, who, Some(&id), Some(ready)).await.status, 202);
        id
    }
}

/// What an answer looks like to the one who asked, but for the id of the request.
fn seen(answer: &Answered) -> (u16, Vec<u8>, Vec<String>) {
    let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (answer.status, answer.body.to_vec(), names)
}

#[tokio::test]
async fn mcp_20_a_session_of_another_user_is_an_unknown_one() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let id = app.mcp_session(&ada).await;
    let params = json!({ "name": "wait", "arguments": { "seconds": 600 }, "_meta": { "progressToken": 1 } });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let mut running = app.mcp_stream(message(Method::POST, &ada, Some(&id), Some(call))).await;
    soon("progress", running.next()).await.unwrap().unwrap();
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    for (method, last, body) in [
        (Method::GET, None, None),
        (Method::GET, Some("0/0"), None),
        (Method::GET, Some("0"), None),
        (Method::POST, None, Some(list())),
        (Method::POST, None, Some(cancel.clone())),
        (Method::POST, None, Some(json!({ "jsonrpc": "2.0", "id": 1, "result": {} }))),
        (Method::DELETE, None, None),
    ] {
        let ask = async |session: &str| {
            let mut request = message(method.clone(), &bob, Some(session), body.clone());
            if let Some(last) = last {
                request.headers_mut().insert("last-event-id", last.parse().unwrap());
            }
            app.send(request).await
        };
        let (hers, unknown) = (ask(&id).await, ask("no-such-session").await);
        assert_eq!(hers.status, 404, "{method} {last:?} {body:?}");
        assert_eq!(seen(&hers), seen(&unknown), "{method} {last:?} {body:?}");
    }
    assert_eq!(app.mcp(Method::POST, &ada, Some(&id), Some(list())).await.status, 200, "nothing was touched");
    soon("the call to run on", async {
        loop {
            let jobs: Value = ada.get(&app, "/api/jobs").await.json(200);
            match jobs["items"][0]["status"].as_str() {
                // The first message of the stream may come before the job is stored.
                None | Some("queued") => tokio::time::sleep(Duration::from_millis(10)).await,
                status => return assert_eq!(status, Some("running")),
            }
        }
    })
    .await;
    assert_eq!(app.mcp(Method::POST, &ada, Some(&id), Some(cancel)).await.status, 202);
    while soon("the end of the call", running.next()).await.is_some() {}
    assert!((200..300).contains(&app.mcp(Method::DELETE, &ada, Some(&id), None).await.status));
    assert_eq!(app.mcp(Method::POST, &ada, Some(&id), Some(list())).await.status, 404);
}

#[tokio::test]
async fn mcp_21_a_user_has_a_bounded_number_of_sessions() {
    let limits = LimitOptions { mcp_sessions: 3, ..LimitOptions::OPEN };
    let access = Access::new(AuthMode::Required, None);
    let app = TestApp::with(Options { access, limits, ..Options::default() }).await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.mcp_session(&bob).await);
    }
    for _ in 0..200 {
        let refused = app.mcp(Method::POST, &bob, None, Some(initialize())).await;
        refused.problem(429, "too_many_mcp_sessions");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    app.mcp_session(&ada).await;
    for id in &ids {
        assert_eq!(app.mcp(Method::POST, &bob, Some(id), Some(list())).await.status, 200, "they still work");
    }
    app.mcp(Method::DELETE, &bob, Some(&ids[0]), None).await;
    app.mcp_session(&bob).await;
}

#[tokio::test]
async fn auth_15_a_stream_at_mcp_ends_with_the_token_that_opened_it() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let (program, token) = ada.token(&app, &["read", "write"]).await;
    let id = app.mcp_session(&program).await;
    let mut open = app.mcp_stream(message(Method::GET, &program, Some(&id), None)).await;
    ada.delete(&app, &format!("/api/me/tokens/{}", token["id"].as_str().unwrap())).await;
    let ended = async { while open.next().await.is_some() {} };
    soon("the end of the stream", ended).await;
    assert_eq!(app.mcp(Method::POST, &program, Some(&id), Some(list())).await.status, 401);
}

/// Takes what is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn mcp_22_the_id_of_a_session_is_in_no_log() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    let app = TestApp::new().await;
    let nobody = Who::nobody();
    let id = app.mcp_session(&nobody).await;
    assert_eq!(app.mcp(Method::POST, &nobody, Some(&id), Some(list())).await.status, 200);
    drop(app.mcp_stream(message(Method::GET, &nobody, Some(&id), None)).await);
    app.mcp(Method::DELETE, &nobody, Some(&id), None).await;
    tokio::task::yield_now().await;
    let logged = String::from_utf8_lossy(&logged.0.lock().unwrap()).into_owned();
    assert!(logged.contains("/mcp"), "requests are logged at this level");
    assert!(!logged.contains(&id), "{logged}");
}

/// The whole body of a response, a stream included.
async fn whole(app: &TestApp, request: Request<Body>) -> (u16, String) {
    let response = app.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = soon("the response", axum::body::to_bytes(response.into_body(), usize::MAX)).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn mcp_31_an_error_quotes_little_of_what_a_client_sends() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let id = app.mcp_session(&ada).await;
    let long = "x".repeat(1_900_000);
    let call = |params: Value| json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let key = json!({ "name": "calculate", "arguments": { long.as_str(): 1 } });
    for (body, status) in [
        (json!({ "jsonrpc": "2.0", "id": 5, "method": long }), 400),
        (json!({ "jsonrpc": "2.0", "id": long, "method": "ping" }), 400),
        (call(json!({ "name": long, "arguments": {} })), 200),
        (call(key.clone()), 200),
        (call(json!({ "name": "calculate", "arguments": { "expression": long } })), 200),
    ] {
        for session in [Some(id.as_str()), None] {
            let mut request = message(Method::POST, &ada, session, Some(body.clone()));
            request.headers_mut().insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
            let (got, text) = whole(&app, request).await;
            assert!(text.len() < 2000, "{got}: {} bytes", text.len());
            assert!(session.is_none() || got == status, "{got}: {text}");
        }
    }
    let mut request = message(Method::POST, &ada, Some(&id), Some(list()));
    request.headers_mut().insert("mcp-protocol-version", "1".repeat(60_000).parse().unwrap());
    let (status, text) = whole(&app, request).await;
    assert!(status == 400 && text.len() < 2000, "{status}: {}", text.len());
    let refused = app.send(request_of(&ada, "/api/tools/calculate", json!({ "args": key["arguments"] }))).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.len() < 5000, "{}", refused.body.len());
}

fn request_of(who: &Who, path: &str, body: Value) -> Request<Body> {
    request(Method::POST, path, &who.headers(), Some(body))
}

#[tokio::test]
async fn mcp_32_a_request_with_an_id_in_use_is_refused_and_the_first_one_is_answered() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let id = app.mcp_session(&ada).await;
    let params = json!({ "name": "wait", "arguments": { "seconds": 1 }, "_meta": { "progressToken": 1 } });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let ask = |body: &Value| message(Method::POST, &ada, Some(&id), Some(body.clone()));
    let mut first = app.mcp_stream(ask(&call)).await;
    let refused = app.send(ask(&call)).await;
    assert_eq!(refused.status, 400);
    let error: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!((&error["error"]["code"], &error["id"]), (&json!(-32600), &Value::Null));
    for same in ["7.0", "7e0"] {
        let text = call.to_string().replace(r#""id":7"#, &format!(r#""id":{same}"#));
        let mut again = ask(&call);
        *again.body_mut() = Body::from(text);
        assert_eq!(app.send(again).await.status, 400, "{same}");
    }
    // A text is another id than a number.
    let mut other = call.clone();
    other["id"] = json!("7");
    let _second = app.mcp_stream(ask(&other)).await;
    let mut text = Vec::new();
    while let Some(chunk) = soon("the first response", first.next()).await {
        text.extend_from_slice(&chunk.unwrap());
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(r#""id":7,"result""#), "{text}");
    drop(first);
    assert_eq!(whole(&app, ask(&call)).await.0, 200, "the id is free again");
}
