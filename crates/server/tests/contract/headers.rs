//! What every response carries.

use axum::http::{HeaderMap, Method};
use serde_json::json;
use uuid::Uuid;

use crate::app::{TestApp, request, text_of};

#[tokio::test]
async fn hdr_1_every_response_has_an_id_of_its_own() {
    let app = TestApp::new().await;
    let one = app.get("/healthz").await;
    let two = app.get("/healthz").await;
    let id: Uuid = one.header("x-request-id").parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test]
async fn hdr_1_a_sane_id_of_the_caller_comes_back() {
    let app = TestApp::new().await;
    let longest = "r".repeat(128);
    for id in ["7", "trace-01/ab:c.d_e+f=", &longest] {
        let answer = app.send(request(Method::GET, "/api/nothing", &[("x-request-id", id)], None)).await;
        assert_eq!(answer.problem(404, "not_found")["requestId"], id);
    }
}

#[tokio::test]
async fn hdr_1_an_id_that_does_not_belong_into_a_log_is_replaced() {
    let app = TestApp::new().await;
    let too_long = "r".repeat(129);
    for id in ["", "a b", "<script>", "é", "a\"b", &too_long] {
        let answer = app.send(request(Method::GET, "/healthz", &[("x-request-id", id)], None)).await;
        assert!(answer.header("x-request-id").parse::<Uuid>().is_ok(), "{id}");
    }
}

#[tokio::test]
async fn hdr_2_every_response_names_the_version_of_the_contract() {
    let app = TestApp::new().await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    for path in [
        "/",
        "/chat",
        "/_next/static/nothing.js",
        "/favicon.ico",
        "/healthz",
        "/readyz",
        "/api/openapi.json",
        "/api/models",
        "/api/conversations",
        "/api/conversations?limit=0",
        "/api/messages",
        "/api/nothing",
        "/%ff",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("weir-protocol"), "1", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    assert_eq!(app.post("/api/realtime", json!({})).await.header("weir-protocol"), "1");
    assert_eq!(app.delete("/api/models").await.header("weir-protocol"), "1");
    let stream = app.follow(run, 0).await;
    assert_eq!(stream.header("weir-protocol"), "1");
    assert!(!stream.header("x-request-id").is_empty());
}

#[tokio::test]
async fn edge_1_every_response_tells_the_browser_what_not_to_do() {
    let app = TestApp::new().await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    let told = |headers: &HeaderMap, path: &str| {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(text_of(headers, name), value, "{path}");
        }
        assert!(text_of(headers, "permissions-policy").contains("camera=()"), "{path}");
        let policy = text_of(headers, "content-security-policy");
        for part in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src"));
        assert!(!scripts.is_some_and(|scripts| scripts.contains("unsafe")), "{path}: {policy}");
        assert!(headers.get("strict-transport-security").is_none(), "{path}: not without TLS");
    };
    for path in ["/", "/chat", "/nothing.html", "/healthz", "/api/models", "/api/nothing", "/api/openapi.json", "/mcp"]
    {
        told(&app.get(path).await.headers, path);
    }
    told(&app.post("/api/realtime", json!({})).await.headers, "a refusal");
    told(&app.send(request(Method::GET, "/api/me", &[("host", "evil.example")], None)).await.headers, "a foreign name");
    told(&app.follow(run, 0).await.headers, "a stream");
}

#[tokio::test]
async fn edge_20_no_cache_stores_what_programs_are_answered() {
    let document: serde_json::Value = serde_json::from_str(&weir_server::openapi::document()).unwrap();
    let mut routes = vec![("/mcp".to_owned(), "post".to_owned()), ("/api/nothing".to_owned(), "get".to_owned())];
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        routes.extend(methods.map(|method| (path.clone(), method.clone())));
    }
    let guarded = TestApp::guarded().await;
    let ada = guarded.administrator().await;
    for (app, headers) in [(&TestApp::new().await, Vec::new()), (&guarded, ada.headers()), (&guarded, Vec::new())] {
        for (path, method) in &routes {
            // What ends the account comes last, in a test of its own.
            if (path.as_str(), method.as_str()) == ("/api/me", "delete") || path == "/api/auth/sign-out" {
                continue;
            }
            let parts = path.split('/');
            let id = "01980000-0000-7000-8000-000000000001";
            let filled: Vec<_> = parts.map(|part| if part.starts_with('{') { id } else { part }).collect();
            let method: Method = method.to_uppercase().parse().unwrap();
            let body = (method != Method::GET).then(|| json!({}));
            let answer = app.send(request(method.clone(), &filled.join("/"), &headers, body)).await;
            let expected = if path == "/api/openapi.json" { "no-cache" } else { "no-store" };
            assert_eq!(answer.header("cache-control"), expected, "{method} {path}: {}", answer.status);
        }
    }
    let app = TestApp::new().await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    assert_eq!(app.follow(run, 0).await.header("cache-control"), "no-cache, no-transform");
    assert_eq!(app.get("/api/messages?conversationId=x").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn rest_6_health_and_the_description_are_there() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/healthz").await.json::<serde_json::Value>(200)["status"], "ok");
    let ready: serde_json::Value = app.get("/readyz").await.json(200);
    assert_eq!(ready["checks"], json!({ "database": "ok", "writes": "ok", "broadcaster": "ok" }));
    let document: serde_json::Value = app.get("/api/openapi.json").await.json(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    app.app.store.close().await;
    let refused = app.get("/readyz").await;
    refused.problem(503, "database_unavailable");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn err_13_a_database_that_is_down_is_503_with_retry_after() {
    let app = TestApp::new().await;
    app.app.store.close().await;
    for answer in [
        app.get("/api/conversations").await,
        app.post("/api/conversations", json!({})).await,
        app.post("/api/realtime", json!({ "prompt": "Hello" })).await,
        app.delete("/api/realtime/01980000-0000-7000-8000-000000000001").await,
    ] {
        answer.problem(503, "database_unavailable");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert_eq!(app.get("/healthz").await.status, 200);
    assert_eq!(app.app.runs.under_way(), 0);
}
