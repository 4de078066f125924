//! Readers: from any number on, again and again, the same bytes.

use axum::http::Method;
use serde_json::json;
use weir_protocol::{RunId, Timestamp};
use weir_store::Clock as _;

use crate::app::{Data, Events, Options, TestApp, joined, kinds, request};

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn with_header(app: &TestApp, path: &str, last_event_id: &str) -> Events {
    app.stream(request(Method::GET, path, &[("last-event-id", last_event_id)], None)).await
}

#[tokio::test]
async fn log_1_a_reader_goes_on_after_the_event_it_names() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    let path = format!("/api/realtime/{run}");
    assert_eq!(app.follow(run, 2).await.rest().await, log[2..]);
    assert_eq!(with_header(&app, &path, "1").await.rest().await, log[1..]);
    assert_eq!(app.stream(request(Method::GET, &path, &[], None)).await.rest().await, log);
    assert_eq!(app.follow(run, 0).await.rest().await, log);
}

#[tokio::test]
async fn log_1_the_query_wins_over_the_header() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    let mut events = with_header(&app, &format!("/api/realtime/{run}?after=3"), "1").await;
    assert_eq!(events.rest().await, log[3..]);
    assert_eq!(events.run(), run);
}

#[tokio::test]
async fn log_2_a_replay_carries_the_same_bytes() {
    let app = TestApp::new().await;
    let mut live = app.ask("Sing").await;
    let run = live.run();
    let answer = app.script.answers().await;
    let mut log = vec![live.event().await];
    for piece in ["La \u{2028}", "là", "\u{1F3B6}\n"] {
        answer.say(piece);
        log.push(live.event().await);
    }
    answer.finish();
    log.extend(live.rest().await);
    for after in 0..log.len() {
        assert_eq!(app.follow(run, after as u64).await.rest().await, log[after..]);
    }
}

#[tokio::test]
async fn log_3_a_number_beyond_the_log_is_refused() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    let beyond = app.get(&format!("/api/realtime/{run}?after={}", log.len() + 1)).await;
    assert_eq!(beyond.faults("invalid_offset"), ["after"]);
    let headers = [("last-event-id", "99")];
    let beyond = app.send(request(Method::GET, &format!("/api/realtime/{run}"), &headers, None)).await;
    assert_eq!(beyond.faults("invalid_offset"), ["after"]);
}

#[tokio::test]
async fn log_4_garbage_for_a_number_is_refused() {
    let app = TestApp::new().await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    for garbage in ["-1", "1.5", "0x1", "one", "18446744073709551615", "18446744073709551616", "%F0%9F%A6%80", "1%00"] {
        let refused = app.get(&format!("/api/realtime/{run}?after={garbage}")).await;
        assert_eq!(refused.faults("invalid_offset"), ["after"], "{garbage}");
    }
    for garbage in ["one", "é", "1 2"] {
        let headers = [("last-event-id", garbage)];
        let refused = app.send(request(Method::GET, &format!("/api/realtime/{run}"), &headers, None)).await;
        assert_eq!(refused.faults("invalid_offset"), ["after"], "{garbage}");
    }
}

#[tokio::test]
async fn log_5_a_replay_after_the_end_is_an_empty_stream_that_closes() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    assert_eq!(app.follow(run, log.len() as u64).await.heard().await, None);
}

#[tokio::test]
async fn log_6_a_log_is_kept_for_its_retention_and_no_longer() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    app.clock.advance(DAY);
    assert_eq!(app.follow(run, 0).await.rest().await, log);
    app.clock.advance(1);
    for query in ["", "?after=2", "?after=4"] {
        app.get(&format!("/api/realtime/{run}{query}")).await.problem(410, "run_log_expired");
    }
}

#[tokio::test]
async fn log_7_a_log_that_was_swept_is_gone_and_its_messages_stay() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good day.");
    answer.finish();
    events.rest().await;
    let running = app.ask("Think").await;
    app.clock.advance(DAY + 1);
    let before = Timestamp(app.clock.now().0 - DAY);
    assert_eq!(app.app.store.delete_expired_run_logs(before).await.unwrap(), 1);
    app.get(&format!("/api/realtime/{}", events.run())).await.problem(410, "run_log_expired");
    app.get(&format!("/api/realtime/{}?after=99", events.run())).await.problem(410, "run_log_expired");
    assert_eq!(app.messages(events.conversation()).await[1].content, "Good day.");
    assert_eq!(app.follow(running.run(), 0).await.event().await.id, 1, "a run that goes on keeps its log");
}

#[tokio::test]
async fn log_8_two_readers_at_once_see_the_same() {
    let app = TestApp::new().await;
    let mut one = app.ask("Count").await;
    let mut two = app.follow(one.run(), 0).await;
    let answer = app.script.answers().await;
    let (mut seen_by_one, mut seen_by_two) = (vec![one.event().await], vec![two.event().await]);
    for number in ["1 ", "2 ", "3 "] {
        answer.say(number);
        seen_by_two.push(two.event().await);
        seen_by_one.push(one.event().await);
    }
    answer.finish();
    seen_by_one.extend(one.rest().await);
    seen_by_two.extend(two.rest().await);
    assert_eq!(seen_by_one, seen_by_two);
    assert_eq!(joined(&seen_by_one), "1 2 3 ");
}

#[tokio::test]
async fn log_9_what_a_reader_sees_is_in_the_store_already() {
    let app = TestApp::new().await;
    let mut events = app.ask("Count").await;
    let run = events.run();
    let answer = app.script.answers().await;
    for number in 0..20 {
        answer.say(&format!("{number} "));
        let seen = events.event().await;
        assert!(app.app.store.last_seq(weir_store::LogId::Run(run)).await.unwrap().0 >= seen.id);
        let stored =
            app.app.store.events(weir_store::LogId::Run(run), weir_protocol::Seq(seen.id - 1), 1).await.unwrap();
        assert_eq!(stored[0].data, seen.data);
    }
    answer.finish();
}

#[tokio::test]
async fn log_11_a_reader_far_behind_gets_every_event_of_a_long_answer() {
    let window = std::time::Duration::from_millis(1);
    let app = TestApp::with(Options { window, ..Options::default() }).await;
    let mut events = app.ask("Tell me everything").await;
    let run = events.run();
    events.event().await;
    let answer = app.script.answers().await;
    // More than what is kept in memory for readers, and more than one page of the store.
    for number in 0..400 {
        answer.say(&format!("{number}{}", "~".repeat(400)));
        events.event().await;
    }
    answer.finish();
    let (whole, rest) = (app.follow(run, 0).await.rest().await, events.rest().await);
    assert_eq!(whole.len(), 403);
    assert_eq!(whole[401..], rest);
    assert_eq!(kinds(&whole[..2]), ["message", "token"]);
    assert!(whole.iter().zip(1..).all(|(event, id)| event.id == id));
    assert_eq!(whole[401].value()["content"], joined(&whole));
}

#[tokio::test]
async fn log_12_a_run_that_never_was_does_not_exist() {
    let app = TestApp::new().await;
    for id in ["01980000-0000-7000-8000-000000000001", "not-an-id", "%F0%9F%A6%80", "%ff", "1"] {
        app.get(&format!("/api/realtime/{id}")).await.problem(404, "not_found");
        app.delete(&format!("/api/realtime/{id}")).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn log_13_deleting_a_conversation_ends_the_readers_of_its_running_answer() {
    let app = TestApp::new().await;
    let mut events = app.ask("Tell me a long story").await;
    let run: RunId = events.run();
    let (mut other, mut behind) = (app.follow(run, 0).await, app.follow(run, 0).await);
    other.event().await;
    let answer = app.script.answers().await;
    answer.say("Once");
    assert_eq!(kinds(&[events.event().await, events.event().await]), ["message", "token"]);
    let path = format!("/api/conversations/{}", events.conversation());
    assert_eq!(app.delete(&path).await.status, 204);
    answer.dropped().await;
    assert_eq!(events.rest().await.last().unwrap().value()["finishReason"], "cancelled");
    assert_eq!(other.rest().await.last().unwrap().kind, "done");
    assert_eq!(behind.rest().await.last().unwrap().kind, "done", "its stream is closed, not left open");
    app.get(&path).await.problem(404, "not_found");
    app.get(&format!("/api/realtime/{run}")).await.problem(404, "not_found");
    app.get(&format!("/api/messages?conversationId={}", events.conversation())).await.problem(404, "not_found");
    app.delete(&path).await.problem(404, "not_found");
    let again = json!({ "prompt": "Go on", "conversationId": events.conversation() });
    app.post("/api/realtime", again).await.problem(404, "not_found");
}
