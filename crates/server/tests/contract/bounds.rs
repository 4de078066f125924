//! What one user may make the server keep and do, and what is left of it.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use weir_server::limits::LimitOptions;
use weir_testkit::soon;

use crate::{
    app::{Options, TestApp, ending, request},
    people::{PASSWORD, Who},
};

#[tokio::test]
async fn lim_42_requests_at_the_same_moment_start_as_many_answers_as_may_be() {
    let limits = LimitOptions { runs: 2, ..LimitOptions::OPEN };
    let app = TestApp::with(Options { limits, ..Options::default() }).await;
    let starts = (0..40).map(|_| async {
        let body = json!({ "prompt": "Hello" });
        let started = app.router().oneshot(request(Method::POST, "/api/realtime", &[], Some(body))).await.unwrap();
        (started.status().as_u16(), started)
    });
    let started = join_all(starts).await;
    let count = |wanted| started.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((count(200), count(429)), (2, 38));
}

#[tokio::test]
async fn lim_43_a_full_storage_says_how_much_is_used_and_what_to_do() {
    let limits = LimitOptions { storage: 200_000, ..LimitOptions::OPEN };
    let app = TestApp::with(Options { limits, ..Options::default() }).await;
    let body = json!({ "role": "user", "content": "x".repeat(190_000) });
    let stored: Value = app.post("/api/messages", body.clone()).await.json(201);
    let refused = app.post("/api/messages", body).await.problem(403, "storage_quota_exceeded");
    let detail = refused["detail"].as_str().unwrap();
    assert_eq!(detail, "Your storage is full: 186.5 KiB of 195.3 KiB are used. Delete conversations and try again.");
    let prompt = json!({ "prompt": "x".repeat(20_000) });
    app.post("/api/realtime", prompt).await.problem(403, "storage_quota_exceeded");
    let args = json!({ "args": { "expression": "1".repeat(20_000) } });
    let refused = app.post("/api/tools/calculate", args).await;
    assert!(refused.status == 403 || refused.status == 422, "{}", refused.status);
    let me: Value = app.get("/api/me").await.json(200);
    assert_eq!(me["storage"], json!({ "used": 191_024, "limit": 200_000 }));
    let path = format!("/api/conversations/{}", stored["conversationId"].as_str().unwrap());
    assert_eq!(app.delete(&path).await.status, 204);
    let (_, log) = app.answered("Hello", "Good day.").await;
    assert_eq!(ending(&log).1["finishReason"], "stop");
}

#[tokio::test]
async fn priv_3_a_person_who_is_disabled_loses_their_running_answers_and_jobs() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let body = json!({ "prompt": "Hello" });
    let mut events = app.stream(request(Method::POST, "/api/realtime", &bob.headers(), Some(body))).await;
    let answer = app.script.answers().await;
    answer.say("one");
    while events.event().await.kind != "token" {}
    let run = events.run();
    let wait = json!({ "args": { "seconds": 60 } });
    let job: Value = bob.post(&app, "/api/tools/wait", wait).await.json(202);
    let user: weir_protocol::UserId = bob.id(&app).await.parse().unwrap();
    let path = format!("/api/people/{user}");
    ada.send(&app, Method::PATCH, &path, Some(json!({ "disabled": true }))).await.json::<Value>(200);
    let ended = async {
        while app.app.runs.under_way() > 0 || app.app.runs.jobs().under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the end of what ran", ended).await;
    let run = app.app.store.run(user, run).await.unwrap();
    assert!(run.cancel_requested && run.state != weir_store::RunState::Running);
    let job = app.app.store.job(user, job["jobId"].as_str().unwrap().parse().unwrap()).await.unwrap();
    assert_eq!(job.job.error.unwrap().code, "cancelled");
}

#[tokio::test]
async fn priv_4_a_new_password_ends_the_tokens_where_the_person_says_so() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let (token, _) = ada.token(&app, &["read"]).await;
    let change = async |who: &Who, current: &str, new: &str, revoke: Value| {
        let body = json!({ "current": current, "new": new, "revokeTokens": revoke });
        let changed = who.send(&app, Method::PUT, "/api/me/password", Some(body)).await;
        assert_eq!(changed.status, 204);
        Who::of(&changed)
    };
    let ada = change(&ada, PASSWORD, "eighteen quiet herons", Value::Null).await;
    token.get(&app, "/api/me").await.json::<Value>(200);
    let list: Value = ada.get(&app, "/api/me/tokens").await.json(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "the page knows that there is one, and asks");
    let ada = change(&ada, "eighteen quiet herons", "nineteen quiet herons", true.into()).await;
    token.get(&app, "/api/me").await.problem(401, "unauthenticated");
    let list: Value = ada.get(&app, "/api/me/tokens").await.json(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn priv_1_the_tool_calls_of_a_conversation_are_gone_with_it() {
    let app = TestApp::new().await;
    let mut events = app.ask("Wait").await;
    let answer = app.script.answers().await;
    answer.call("wait", r#"{"seconds":60}"#);
    answer.finish();
    // The answer's log tells of the call when its job is stored and works.
    let job = loop {
        let event = events.event().await;
        let status: Value = serde_json::from_str(&event.data).unwrap();
        if event.kind == "tool-status" && status["status"] == "running" {
            break status["id"].as_str().unwrap().to_owned();
        }
    };
    app.get(&format!("/api/jobs/{job}")).await.json::<Value>(200);
    let path = format!("/api/conversations/{}", events.conversation());
    assert_eq!(app.delete(&path).await.status, 204);
    app.get(&format!("/api/jobs/{job}")).await.problem(404, "not_found");
    assert_eq!(app.get("/api/jobs").await.json::<Value>(200)["items"], json!([]));
}
