//! Stop: from anywhere, at once, up to the provider's socket.

use serde_json::{Value, json};

use crate::app::{TestApp, ending, kinds};

#[tokio::test]
async fn can_1_cancel_ends_the_log_with_the_partial_message() {
    let app = TestApp::new().await;
    let mut events = app.ask("Tell me a long story").await;
    events.event().await;
    let answer = app.script.answers().await;
    answer.say("Once upon");
    events.event().await;
    answer.count(5, 2);
    let cancelled = app.delete(&format!("/api/realtime/{}", events.run())).await;
    assert_eq!((cancelled.status, cancelled.body.len()), (202, 0));
    answer.dropped().await;
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "done"]);
    let (message, done) = ending(&log);
    assert_eq!(message["status"], "cancelled");
    assert_eq!(message["content"], "Once upon");
    assert_eq!(done["finishReason"], "cancelled");
    let stored = app.messages(events.conversation()).await.pop().unwrap();
    assert_eq!(serde_json::to_value(stored).unwrap(), message);
    assert_eq!(app.conversation(events.conversation()).await.active_run_id, None);
}

#[tokio::test]
async fn can_2_cancel_is_idempotent() {
    let app = TestApp::new().await;
    let mut events = app.ask("Tell me a long story").await;
    let path = format!("/api/realtime/{}", events.run());
    for _ in 0..3 {
        assert_eq!(app.delete(&path).await.status, 202);
    }
    let log = events.rest().await;
    assert_eq!(log.iter().filter(|event| event.kind == "done").count(), 1);
    assert_eq!(app.delete(&path).await.status, 202);
    assert_eq!(app.follow(events.run(), 0).await.rest().await, log);
}

#[tokio::test]
async fn can_2_a_finished_answer_stays_what_it_is() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    assert_eq!(app.delete(&format!("/api/realtime/{run}")).await.status, 202);
    assert_eq!(app.follow(run, 0).await.rest().await, log);
}

#[tokio::test]
async fn can_3_a_question_that_waits_for_its_provider_can_be_stopped() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello?").await;
    let mut asked = app.script.asked().await;
    app.delete(&format!("/api/realtime/{}", events.run())).await;
    asked.given_up().await;
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "message", "done"]);
    assert_eq!(ending(&log).0["content"], "");
}

#[tokio::test]
async fn can_4_a_stopped_run_gives_its_place_back() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    assert_eq!(app.script.places_taken(), 1);
    app.delete(&format!("/api/realtime/{}", events.run())).await;
    answer.dropped().await;
    events.rest().await;
    app.app.runs.drain(weir_testkit::PATIENCE).await;
    assert_eq!(app.script.places_taken(), 0);
    assert_eq!(app.app.runs.under_way(), 0);
}

#[tokio::test]
async fn can_5_an_unknown_run_is_404() {
    let app = TestApp::new().await;
    let unknown = app.delete("/api/realtime/01980000-0000-7000-8000-000000000001").await;
    let problem: Value = unknown.problem(404, "not_found");
    assert_eq!(problem["errors"], json!(null));
}
