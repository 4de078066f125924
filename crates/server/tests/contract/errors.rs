//! What a client does wrong, in words that name it.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use crate::app::{TestApp, request};

async fn raw(app: &TestApp, path: &str, content_type: Option<&str>, body: impl Into<Body>) -> crate::app::Answered {
    let mut request = Request::post(path);
    if let Some(kind) = content_type {
        request = request.header("content-type", kind);
    }
    app.send(request.body(body.into()).unwrap()).await
}

const JSON: Option<&str> = Some("application/json");
const MAKERS: [&str; 3] = ["/api/realtime", "/api/conversations", "/api/messages"];

#[tokio::test]
async fn err_2_a_body_that_is_not_json_is_400() {
    let app = TestApp::new().await;
    let deep = "[".repeat(100_000);
    for path in MAKERS {
        for body in [&b""[..], b"{", b"{\"prompt\": \"a\"} b", b"\xff\xfe", b"nul", deep.as_bytes()] {
            raw(&app, path, JSON, body.to_vec()).await.problem(400, "invalid_json");
        }
    }
}

#[tokio::test]
async fn err_3_an_unknown_path_is_a_problem_for_programs() {
    let app = TestApp::new().await;
    for path in ["/api", "/api/", "/api/nothing", "/api/realtime", "/v1/models", "/healthz/x"] {
        let answer = app.get(path).await;
        if path == "/api/realtime" {
            answer.problem(405, "method_not_allowed");
        } else {
            answer.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn err_5_another_method_is_405_and_names_those_that_are_known() {
    let app = TestApp::new().await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/realtime", "POST"),
        (Method::PATCH, "/api/conversations", "GET,HEAD,POST"),
        (Method::POST, "/api/conversations/01980000-0000-7000-8000-000000000001", "GET,HEAD,PATCH,DELETE"),
        (Method::DELETE, "/api/messages", "GET,HEAD,POST"),
        (Method::POST, "/api/models", "GET,HEAD"),
        (Method::DELETE, "/chat", "GET,HEAD"),
    ] {
        let answer = app.send(request(method, path, &[], None)).await;
        answer.problem(405, "method_not_allowed");
        let mut told: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        let mut allowed: Vec<_> = allowed.split(',').collect();
        told.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(told, allowed, "{path}");
    }
}

#[tokio::test]
async fn err_6_a_body_that_is_too_large_is_413() {
    let app = TestApp::new().await;
    for path in MAKERS {
        let body = json!({ "prompt": "x".repeat(2 * 1024 * 1024 + 1) }).to_string();
        raw(&app, path, JSON, body).await.problem(413, "body_too_large");
    }
}

#[tokio::test]
async fn err_7_a_body_of_another_type_is_415() {
    let app = TestApp::new().await;
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("text/json"), Some("")] {
        for path in MAKERS {
            raw(&app, path, kind, "{}").await.problem(415, "unsupported_media_type");
        }
    }
    let with_charset = raw(&app, "/api/conversations", Some("Application/JSON; charset=utf-8"), "{}").await;
    assert_eq!(with_charset.status, 201);
}

#[tokio::test]
async fn err_8_all_fields_that_are_wrong_are_named_at_once() {
    let app = TestApp::new().await;
    let too_long = "x".repeat(256 * 1024 + 1);
    let cases = [
        ("/api/realtime", json!({}), vec!["prompt"]),
        ("/api/realtime", json!({ "prompt": " \n" }), vec!["prompt"]),
        ("/api/realtime", json!({ "prompt": "a\u{0}" }), vec!["prompt"]),
        ("/api/realtime", json!({ "prompt": too_long, "context": too_long }), vec!["prompt", "context"]),
        ("/api/realtime", json!({ "prompt": "a", "context": "\u{0}", "model": "\u{0}" }), vec!["context", "model"]),
        ("/api/realtime", json!({ "prompt": "a", "model": "m".repeat(201) }), vec!["model"]),
        ("/api/realtime", json!({ "prompt": 1, "tools": "all", "model": [] }), vec!["model", "prompt", "tools"]),
        ("/api/realtime", json!({ "prompt": "a", "tools": [1] }), vec!["tools[0]"]),
        ("/api/realtime", json!({ "prompt": "a", "conversationId": "x" }), vec!["conversationId"]),
        ("/api/realtime", json!({ "prompt": "a", "parentId": NEVER }), vec!["conversationId"]),
        ("/api/realtime", json!({ "parentId": NEVER }), vec!["conversationId"]),
        ("/api/messages", json!({}), vec!["role", "content"]),
        ("/api/messages", json!({ "role": "robot", "content": 1 }), vec!["role", "content"]),
        ("/api/messages", json!({ "role": "user", "content": "" }), vec!["content"]),
        ("/api/messages", json!({ "role": "user", "content": "a", "parentId": NEVER }), vec!["conversationId"]),
        ("/api/conversations", json!({ "title": "  " }), vec!["title"]),
        ("/api/conversations", json!({ "title": "x".repeat(201) }), vec!["title"]),
        ("/api/conversations", json!({ "title": 7 }), vec!["title"]),
    ];
    for (path, body, fields) in cases {
        let mut told = app.post(path, body.clone()).await.faults("invalid_request");
        let mut fields = fields;
        told.sort_unstable();
        fields.sort_unstable();
        assert_eq!(told, fields, "{path} {body}");
    }
}

const NEVER: &str = "01980000-0000-7000-8000-000000000001";

#[tokio::test]
async fn err_8_a_body_that_is_no_object_is_refused() {
    let app = TestApp::new().await;
    for path in MAKERS {
        for body in [json!([]), json!(["Hello"]), json!("Hello"), json!(7), json!(null), json!(true)] {
            assert_eq!(app.post(path, body.clone()).await.faults("invalid_request"), ["body"], "{path} {body}");
        }
    }
}

#[tokio::test]
async fn err_10_a_server_that_stops_begins_nothing_and_says_when_to_come_back() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    assert_eq!(app.get("/readyz").await.status, 200);
    app.app.draining.cancel();
    for path in MAKERS {
        let refused = app.post(path, json!({ "prompt": "a", "role": "user", "content": "a" })).await;
        refused.problem(503, "draining");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    app.get("/readyz").await.problem(503, "draining");
    assert_eq!(app.get("/healthz").await.status, 200);
    assert_eq!(app.follow(run, 0).await.rest().await, log);
}

#[tokio::test]
async fn err_11_another_sites_page_changes_nothing() {
    let app = TestApp::new().await;
    let send = |method: Method, origin: &'static str| {
        let headers = [("origin", origin), ("host", "weir.example:3000")];
        let body = (method != Method::GET).then(|| json!({}));
        app.send(request(method, "/api/conversations", &headers, body))
    };
    for origin in [
        "https://evil.example",
        "http://weir.example",
        "http://weir.example:3001",
        "null",
        "file://",
        "%%",
        "http://localhost:3000",
    ] {
        send(Method::POST, origin).await.problem(403, "origin_not_allowed");
    }
    assert_eq!(send(Method::POST, "http://weir.example:3000").await.status, 201);
    let over_tls = send(Method::POST, "https://weir.example:3000").await.problem(403, "origin_not_allowed");
    assert!(over_tls["detail"].as_str().unwrap().contains("WEIR_PUBLIC_URL=https://weir.example:3000"), "{over_tls}");
    send(Method::GET, "https://evil.example").await.problem(403, "origin_not_allowed");
}

#[tokio::test]
async fn err_14_a_name_that_is_not_the_servers_is_refused() {
    let app = TestApp::new().await;
    let read = |host: &'static str| app.send(request(Method::GET, "/api/conversations", &[("host", host)], None));
    for host in [
        "evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "weir.example.evil.example:80",
        "%%",
        "a@weir.example",
    ] {
        read(host).await.problem(421, "unknown_host");
    }
    for host in [
        "127.0.0.1:3000",
        "[::1]:3000",
        "localhost:3000",
        "weir",
        "weir.example",
        "WEIR.example:443",
        "weir.example.:80",
    ] {
        assert_eq!(read(host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn err_12_nothing_that_a_client_sends_is_a_500() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    let message: Value = serde_json::from_str(&log[0].data).unwrap();
    let conversation = message["conversationId"].as_str().unwrap();
    let endless = "a".repeat(60_000);
    let underscores = "_".repeat(30_000);
    let values =
        ["", "%00", "%ff", "%", "-1", "0", "999999999999999999999", "NaN", "null", "'", "%F0%9F%A6%80", "a&a=b"];
    let values = values.into_iter().chain([endless.as_str(), underscores.as_str()]);
    for value in values {
        for path in [
            format!("/api/conversations?q={value}"),
            format!("/api/conversations?limit={value}"),
            format!("/api/conversations?cursor={value}"),
            format!("/api/conversations?archived={value}"),
            format!("/api/messages?conversationId={value}"),
            format!("/api/messages?conversationId={conversation}&cursor={value}"),
            format!("/api/messages?conversationId={conversation}&limit={value}"),
            format!("/api/realtime/{run}?after={value}"),
            format!("/api/realtime/{value}"),
            format!("/api/conversations/{value}"),
            format!("/{value}"),
        ] {
            let Ok(uri) = path.parse::<axum::http::Uri>() else { continue };
            let status = app.send(Request::get(uri).body(Body::empty()).unwrap()).await.status;
            assert!(status < 500, "{status}: {}", &path[..path.len().min(80)]);
        }
    }
}
