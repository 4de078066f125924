//! What is measured, and who sees what of it.

#![allow(clippy::float_cmp, reason = "what is compared was computed of whole numbers")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use uuid::Uuid;
use weir_protocol::MetricsHistory;
use weir_store::InstanceId;
use weir_testkit::BOB;

use crate::{app::TestApp, client::Client, programs::programs};

async fn history(app: &TestApp) -> MetricsHistory {
    app.get("/api/metrics").await.json(200)
}

#[tokio::test]
async fn met_1_prometheus_reads_what_was_measured_by_route_and_never_by_path() {
    let app = TestApp::new().await;
    let id = "01980000-0000-7000-8000-00000000cafe";
    app.get(&format!("/api/conversations/{id}")).await.problem(404, "not_found");
    app.answered("Hello", "Good day.").await;
    let answered = app.get("/metrics").await;
    assert_eq!((answered.status, answered.header("cache-control")), (200, "no-store"));
    assert_eq!(answered.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(answered.body.to_vec()).unwrap();
    assert!(!text.contains(id), "{text}");
    for series in [
        r#"weir_http_request_duration_seconds_count{method="GET",route="/api/conversations/{id}",status="404"}"#,
        r#"weir_http_request_duration_seconds_count{method="POST",route="/api/realtime",status="200"}"#,
        "weir_runs_started_total",
        r#"weir_runs_ended_total{outcome="stop"}"#,
        "weir_output_tokens_total",
        "weir_first_token_seconds_count",
    ] {
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| value >= 1.0), "{series} is missing in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("weir_") && value.parse::<f64>().is_ok(), "{line}");
    }
}

/// Reads the text with the official client's own parser: how many samples there are, and of which type each family is.
const READ_WITH_PROMETHEUS: &str = "
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
samples = sum(len(family.samples) for family in families)
json.dump({'samples': samples, 'types': {family.name: family.type for family in families}}, sys.stdout)
";

#[tokio::test]
async fn met_1_the_client_of_prometheus_reads_every_line() {
    let Some(programs) = programs() else { return };
    let app = TestApp::new().await;
    app.answered("Hello", "Good day.").await;
    let text = String::from_utf8(app.get("/metrics").await.body.to_vec()).unwrap();
    let mut python = Command::new("python3")
        .args(["-c", READ_WITH_PROMETHEUS])
        .env("PYTHONPATH", programs.join("python"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let read: Value = serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(read["samples"], text.lines().filter(|line| !line.starts_with('#')).count());
    assert_eq!(read["types"]["weir_http_request_duration_seconds"], "histogram");
    // The parser leaves `_total` out of a counter's name.
    assert_eq!(read["types"]["weir_runs_started"], "counter");
    assert!(read["types"].as_object().unwrap().values().all(|kind| kind != "unknown"), "{read}");
}

#[tokio::test]
async fn met_4_the_last_15_minutes_are_there_at_once_as_one_column_for_each_figure() {
    let app = TestApp::new().await;
    let mut sampler = app.sampler();
    app.answered("Hello", "Good day.").await;
    app.clock.advance(1000);
    sampler.look().await;
    let seen = history(&app).await;
    assert_eq!((seen.at.len(), seen.at.last(), seen.interval_ms), (2, Some(&seen.now.at), 1000));
    assert!(seen.now.total.requests_per_second > 0.0 && seen.now.total.tokens_per_second > 0.0);
    assert!(seen.now.total.first_token.is_some() && seen.now.total.commit.is_some());
    assert!(seen.now.total.rows_per_commit.is_some_and(|rows| rows >= 1.0));
    assert_eq!(seen.now.total.bell, None, "what was not measured is absent");
    assert!(seen.now.total.memory_bytes > 0);
    assert_eq!(seen.total.requests_per_second.len(), 2);
    assert_eq!((seen.total.latency.p99[0], seen.total.bell.p50[1]), (None, None), "and null in its column");
    assert!(seen.total.latency.p99[1].is_some());
    let [instance] = &seen.now.instances[..] else { panic!("{:?}", seen.now.instances) };
    assert_eq!(seen.per_instance[&instance.id].runs, [None, Some(0)]);
    for _ in 0..1000 {
        app.clock.advance(1000);
        sampler.look().await;
    }
    let seen = history(&app).await;
    assert_eq!((seen.at.len(), seen.total.cpu.len()), (900, 900));
    assert_eq!(seen.now.total.requests_per_second, 0.0, "a second tells of itself alone");
}

#[tokio::test]
async fn met_8_of_other_peoples_runs_an_administrator_sees_that_they_go_on_and_never_what_they_say() {
    let app = TestApp::new().await;
    let mut sampler = app.sampler();
    let mut own = app.ask("Hello").await;
    let script = app.script.answers().await;
    script.say("A secret answer.");
    while own.event().await.kind != "token" {}
    let body = serde_json::from_value(json!({ "prompt": "A secret question" })).unwrap();
    let foreign = app.app.runs.start(BOB, body, None, u32::MAX).await.unwrap().id;
    sampler.look().await;
    let answered = app.get("/api/metrics").await;
    assert!(!String::from_utf8_lossy(&answered.body).contains("secret"));
    let seen: MetricsHistory = answered.json(200);
    assert_eq!((seen.now.total.runs, seen.now.total.people), (2, 2));
    let [first, second] = &seen.now.runs[..] else { panic!("{:?}", seen.now.runs) };
    assert_eq!((first.id, first.own, first.tokens), (own.run(), true, 1));
    assert!(first.conversation_id.is_some() && first.person.is_none());
    assert_eq!((second.id, second.own, second.person.as_deref()), (foreign, false, Some("Bob")));
    assert_eq!(second.conversation_id, None);
}

#[tokio::test]
async fn met_6_the_topic_goes_on_each_second_without_a_number_of_the_session() {
    let app = TestApp::new().await;
    let mut sampler = app.sampler();
    let (mut client, session) = Client::of(&app).await;
    client.subscribe("metrics", 0).await;
    let first = client.frame().await;
    assert_eq!((&first["type"], &first["seq"]), (&json!("metrics"), &Value::Null));
    app.clock.advance(1000);
    sampler.look().await;
    let second = client.frame().await;
    assert_ne!(second["at"], first["at"]);
    assert_eq!((&second["total"]["sockets"], &second["total"]["people"]), (&json!(1), &json!(1)));
    client.say(json!({ "type": "unsubscribe", "topic": "metrics" })).await;
    client.is_silent().await;
    sampler.look().await;
    client.say(json!({ "type": "subscribe", "topic": "weather" })).await;
    assert_eq!(client.frame().await["seq"], 2, "frames of metrics took no number");
    client.subscribe("metrics", 0).await;
    client.frame().await;
    drop(client);
    let (mut client, _) = Client::of(&app).await;
    assert_eq!(client.resume(&session, 3).await["resumed"], true);
    assert_eq!(client.frame().await["type"], "metrics", "the subscription is still there");
}

/// `SQLite` has one instance at a time, so without `WEIR_TEST_DATABASE_URL` there is nothing to test here.
#[tokio::test]
async fn met_7_instances_are_added_up_and_one_that_is_gone_is_seen_no_more() {
    let app = TestApp::new().await;
    let store = &app.app.store;
    if !store.is_shared() {
        return;
    }
    app.app.runs.join().await.unwrap();
    let mut sampler = app.sampler();
    let other = InstanceId(Uuid::from_u128(7));
    let tell = async |number| {
        let second = json!({
            "started_at": 1, "seconds": 1.0, "sockets": 3, "people": [1, 2],
            "events": { "output_tokens": 7, "requests": { "counts": { "100": 5 }, "sum": 500 } },
        });
        store.exchange_seconds(other, number, &second.to_string()).await
    };
    assert!(tell(1).await.is_err(), "one that is not known tells nothing");
    store.register_instance(other, weir_protocol::Timestamp(1)).await.unwrap();
    tell(1).await.unwrap();
    sampler.look().await;
    let seen = history(&app).await;
    assert_eq!(seen.now.instances.len(), 2);
    assert_eq!((seen.now.total.sockets, seen.now.total.people, seen.now.total.tokens_per_second), (3, 2, 7.0));
    assert!(seen.now.total.latency.is_some_and(|latency| (0.1..0.11).contains(&latency.p50)));
    assert_eq!(seen.per_instance[&other.0.to_string()].sockets, [None, Some(3)]);
    // It stands still: after four looks it counts as gone.
    for _ in 0..4 {
        sampler.look().await;
    }
    assert_eq!(history(&app).await.now.instances.len(), 1);
    tell(2).await.unwrap();
    sampler.look().await;
    assert_eq!(history(&app).await.now.instances.len(), 2);
    store.forget_instance(other).await.unwrap();
    sampler.look().await;
    let seen = history(&app).await;
    assert_eq!((seen.now.instances.len(), seen.now.total.sockets), (1, 0));
    assert_eq!(seen.per_instance[&other.0.to_string()].sockets.last(), Some(&None));
}
