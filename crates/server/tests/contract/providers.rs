//! What the provider does wrong, and what a run makes of it.

use std::time::Duration;

use serde_json::{Value, json};
use weir_providers::{FinishedWith, ProviderError, ProviderErrorKind};

use crate::app::{Data, Options, TestApp, ending, kinds};

#[tokio::test]
async fn run_5_a_failure_is_told_before_the_partial_message_and_done() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good ");
    answer.fail(ProviderErrorKind::Silent, "The model's server fell silent. Try again.");
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "token", "error", "message", "done"]);
    let told = json!({ "code": "provider_timeout", "message": "The model's server fell silent. Try again." });
    assert_eq!(log[2].value(), told);
    let (message, done) = ending(&log);
    assert_eq!((message["status"].as_str(), message["content"].as_str()), (Some("error"), Some("Good ")));
    assert_eq!(done["finishReason"], "error");
    assert_eq!(app.conversation(events.conversation()).await.active_run_id, None);
}

#[tokio::test]
async fn run_5_a_question_that_is_refused_ends_with_an_error() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let wrong_key = ProviderError::new(ProviderErrorKind::Unauthorized, "The key is wrong. Check OPENAI_API_KEY.");
    app.script.asked().await.refuse(wrong_key);
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "error", "message", "done"]);
    assert_eq!(log[1].value()["code"], "provider_unauthorized");
}

#[tokio::test]
async fn run_6_a_stream_that_ends_without_a_finish_is_no_answer() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good day. That looks whole.");
    drop(answer);
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "token", "error", "message", "done"]);
    assert_eq!(log[2].value()["code"], "provider_failed");
    assert_eq!(ending(&log).0["status"], "error");
}

#[tokio::test]
async fn run_14_a_limit_of_tokens_is_told() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good");
    answer.finish_with(FinishedWith::Length);
    let (message, done) = ending(&events.rest().await);
    assert_eq!((message["status"].as_str(), done["finishReason"].as_str()), (Some("complete"), Some("length")));
}

#[tokio::test]
async fn dur_6_an_engine_that_crashes_is_asked_afresh_for_the_rest() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good ");
    answer.count(7, 1);
    answer.fail(ProviderErrorKind::Crashed, "The engine ended.");
    let fresh = app.script.answers().await;
    assert_eq!(fresh.request.partial.as_deref(), Some("Good "));
    fresh.say("day.");
    fresh.count(8, 1);
    fresh.finish();
    let log = events.rest().await;
    assert_eq!(kinds(&log).iter().filter(|kind| **kind == "error").count(), 0);
    let (message, done) = ending(&log);
    assert_eq!(message["content"], "Good day.");
    assert_eq!(done["attempts"], 2);
    assert_eq!(done["usage"], json!({ "inputTokens": 15, "outputTokens": 2 }));
}

#[tokio::test]
async fn dur_6_an_engine_that_crashes_each_time_ends_the_run() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    for _ in 0..5 {
        app.script.answers().await.fail(ProviderErrorKind::Crashed, "The engine ended.");
    }
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "error", "message", "done"]);
    let (_, done) = ending(&log);
    assert_eq!((done["finishReason"].as_str(), &done["attempts"]), (Some("error"), &json!(5)));
    assert!(!app.script.is_asked().await);
}

#[tokio::test]
async fn err_9_an_overloaded_model_is_503_with_retry_after_and_stores_nothing() {
    let app = TestApp::new().await;
    app.script.fill(Duration::from_millis(2500));
    let refused = app.post("/api/realtime", json!({ "prompt": "Hello" })).await;
    refused.problem(503, "model_overloaded");
    assert_eq!(refused.header("retry-after"), "3");
    let list: Value = app.get("/api/conversations").await.json(200);
    assert_eq!(list["items"], json!([]));
    assert_eq!(app.app.runs.under_way(), 0);
}

#[tokio::test]
async fn err_9_no_model_is_503_with_what_to_do() {
    let app = TestApp::with(Options { without_provider: true, ..Options::default() }).await;
    let refused = app.post("/api/realtime", json!({ "prompt": "Hello" })).await;
    let problem = refused.problem(503, "no_model_available");
    assert!(problem["detail"].as_str().unwrap().contains("weir model pull"), "{problem}");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(app.get("/api/models").await.json::<Value>(200), json!({ "items": [] }));
}

#[tokio::test]
async fn err_9_models_that_are_away_say_so() {
    let app = TestApp::new().await;
    app.script.take_models_away();
    let problem = app.post("/api/realtime", json!({ "prompt": "Hello" })).await.problem(503, "no_model_available");
    assert!(problem["detail"].as_str().unwrap().contains("The script has ended."), "{problem}");
}

#[tokio::test]
async fn rest_5_models_name_the_default_and_what_each_can_do() {
    let app = TestApp::new().await;
    let models: Value = app.get("/api/models").await.json(200);
    let brief: Vec<_> = models["items"].as_array().unwrap().iter().map(|one| (&one["id"], &one["default"])).collect();
    assert_eq!(brief, [(&json!("scripted/one"), &json!(true)), (&json!("scripted/two"), &json!(false))]);
    assert_eq!(models["items"][0]["capabilities"], json!({ "tools": false, "continues": true }));
}

#[tokio::test]
async fn rest_5_a_model_that_is_not_there_is_refused() {
    let app = TestApp::new().await;
    for model in ["other/one", "scripted", "scripted/", "/one", "", "🦀/🦀"] {
        let refused = app.post("/api/realtime", json!({ "prompt": "Hi", "model": model })).await;
        assert_eq!(refused.faults("invalid_request"), ["model"], "{model}");
    }
}
