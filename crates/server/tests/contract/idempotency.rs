//! The same key and body give the first answer again.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Events, TestApp, kinds, request};

async fn start(app: &TestApp, key: &str, body: Value) -> Events {
    app.stream(request(Method::POST, "/api/realtime", &[("idempotency-key", key)], Some(body))).await
}

/// A body for each of the requests that make something.
fn makers() -> [(&'static str, Value, Value); 3] {
    [
        ("/api/realtime", json!({ "prompt": "Hello" }), json!({ "prompt": "Hello!" })),
        ("/api/conversations", json!({ "title": "Weirs" }), json!({ "title": "Weir" })),
        ("/api/messages", json!({ "role": "user", "content": "Hi" }), json!({ "role": "system", "content": "Hi" })),
    ]
}

#[tokio::test]
async fn idem_1_the_same_key_gives_the_same_run_from_its_start() {
    let app = TestApp::new().await;
    let mut first = start(&app, "k-1", json!({ "prompt": "Hello" })).await;
    let answer = app.script.answers().await;
    answer.say("Good ");
    let mut log = vec![first.event().await, first.event().await];
    let mut second = start(&app, "k-1", json!({ "prompt": "Hello" })).await;
    assert_eq!((second.run(), second.conversation()), (first.run(), first.conversation()));
    answer.say("day.");
    answer.finish();
    log.extend(first.rest().await);
    assert_eq!(second.rest().await, log);
    assert_eq!(start(&app, "k-1", json!({ "prompt": "Hello" })).await.rest().await, log);
    assert_eq!(app.messages(first.conversation()).await.len(), 2);
    assert!(!app.script.is_asked().await);
}

#[tokio::test]
async fn idem_1_the_same_key_gives_the_same_conversation_and_the_same_message() {
    let app = TestApp::new().await;
    for (path, body, _) in &makers()[1..] {
        let first = app.post_with(path, &[("idempotency-key", "k-1")], body.clone()).await;
        app.clock.advance(60_000);
        let second = app.post_with(path, &[("idempotency-key", "k-1")], body.clone()).await;
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(first.body, second.body);
        let third = app.post_with(path, &[("idempotency-key", "k-2")], body.clone()).await;
        assert_ne!(first.body, third.body, "another key is another thing");
        app.clock.advance(24 * 60 * 60 * 1000);
    }
}

#[tokio::test]
async fn idem_2_the_same_key_with_another_body_is_a_conflict() {
    for (path, body, other) in makers() {
        let app = TestApp::new().await;
        let key = [("idempotency-key", "k-1")];
        if path == "/api/realtime" {
            drop(start(&app, "k-1", body).await);
        } else {
            assert_eq!(app.post_with(path, &key, body).await.status, 201);
        }
        app.post_with(path, &key, other).await.problem(409, "idempotency_key_reused");
    }
}

#[tokio::test]
async fn idem_2_the_same_key_at_another_path_is_a_conflict() {
    let app = TestApp::new().await;
    let key = [("idempotency-key", "k-1")];
    assert_eq!(app.post_with("/api/conversations", &key, json!({})).await.status, 201);
    for (path, body, _) in [&makers()[0], &makers()[2]] {
        app.post_with(path, &key, body.clone()).await.problem(409, "idempotency_key_reused");
    }
}

#[tokio::test]
async fn idem_3_concurrent_twins_start_one_run() {
    let app = TestApp::new().await;
    let twins = (0..8).map(|_| start(&app, "k-1", json!({ "prompt": "Hello" })));
    let mut twins = futures_util::future::join_all(twins).await;
    let answer = app.script.answers().await;
    answer.say("Good day.");
    answer.finish();
    let mut logs = Vec::new();
    for twin in &mut twins {
        logs.push((twin.run(), twin.rest().await));
    }
    assert!(logs.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(kinds(&logs[0].1), ["message", "token", "message", "done"]);
    assert!(!app.script.is_asked().await, "the provider was asked once");
    let list: Value = app.get("/api/conversations").await.json(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    app.app.runs.drain(weir_testkit::PATIENCE).await;
    assert_eq!((app.app.runs.under_way(), app.script.places_taken()), (0, 0));
}

#[tokio::test]
async fn idem_3_concurrent_twins_make_one_conversation() {
    let app = TestApp::new().await;
    let twins = (0..8).map(|_| app.post_with("/api/conversations", &[("idempotency-key", "k-1")], json!({})));
    let twins = futures_util::future::join_all(twins).await;
    assert!(twins.iter().all(|twin| twin.status == 201 && twin.body == twins[0].body));
    let list: Value = app.get("/api/conversations").await.json(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn idem_4_a_key_is_visible_ascii_of_bounded_length() {
    let app = TestApp::new().await;
    let long = "k".repeat(255);
    assert_eq!(app.post_with("/api/conversations", &[("idempotency-key", &long)], json!({})).await.status, 201);
    let too_long = "k".repeat(256);
    for key in ["", " ", "a key", "clé", too_long.as_str()] {
        for (path, body, _) in makers() {
            let refused = app.post_with(path, &[("idempotency-key", key)], body).await;
            assert_eq!(refused.faults("invalid_idempotency_key"), ["Idempotency-Key"], "{key}");
        }
    }
}

#[tokio::test]
async fn idem_5_a_key_is_honoured_for_24_hours() {
    let app = TestApp::new().await;
    let key = [("idempotency-key", "k-1")];
    let first = app.post_with("/api/conversations", &key, json!({})).await;
    app.clock.advance(24 * 60 * 60 * 1000 - 1);
    assert_eq!(app.post_with("/api/conversations", &key, json!({})).await.body, first.body);
    app.clock.advance(1);
    let other = app.post_with("/api/conversations", &key, json!({ "title": "Other" })).await;
    assert_eq!(other.status, 201);
    assert_ne!(other.body, first.body);
}

#[tokio::test]
async fn idem_6_a_request_that_was_refused_leaves_its_key_free() {
    let app = TestApp::new().await;
    let key = [("idempotency-key", "k-1")];
    let elsewhere = json!({ "prompt": "Hi", "conversationId": "01980000-0000-7000-8000-000000000001" });
    app.post_with("/api/realtime", &key, elsewhere).await.problem(404, "not_found");
    app.script.fill(std::time::Duration::from_secs(1));
    app.post_with("/api/realtime", &key, json!({ "prompt": "Hi" })).await.problem(503, "model_overloaded");
    assert_eq!(app.post_with("/api/conversations", &key, json!({})).await.status, 201);
}

#[tokio::test]
async fn idem_7_spacing_and_the_order_of_fields_make_no_other_body() {
    let app = TestApp::new().await;
    let send = |body: &'static str| {
        let request = axum::http::Request::post("/api/messages")
            .header("content-type", "application/json")
            .header("idempotency-key", "k-1");
        app.send(request.body(axum::body::Body::from(body)).unwrap())
    };
    let first = send(r#"{"role":"user","content":"Hi"}"#).await;
    let second = send(r#"{ "content": "Hi", "role": "user", "parentId": null }"#).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body, second.body);
}
