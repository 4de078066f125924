//! How much each may ask for.

use std::{env, sync::Arc, time::Duration};

use serde_json::json;
use uuid::Uuid;
use weir_protocol::UserId;
use weir_realtime::RedisBell;
use weir_server::limits::{Exhausted, Kind, LimitOptions, Limits, Shared};
use weir_testkit::{ALICE, PATIENCE, TestClock, TestStore, soon};

use crate::{
    app::{Options, TestApp, ending},
    client::Client,
    sockets::served,
};

async fn app(limits: LimitOptions) -> TestApp {
    TestApp::with(Options { limits, ..Options::default() }).await
}

#[tokio::test]
async fn lim_1_too_much_at_once_is_429_until_the_time_that_it_says() {
    let app = app(LimitOptions { per_second: 1, burst: 20, ..LimitOptions::OPEN }).await;
    for _ in 0..20 {
        assert_eq!(app.get("/api/conversations").await.status, 200);
    }
    let refused = app.post("/api/realtime", json!({ "prompt": "Hello" })).await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "10");
    assert_eq!(app.get("/api/conversations").await.header("retry-after"), "1");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.get(path).await.status, 200, "{path} is free");
    }
    app.clock.advance(9_000);
    app.post("/api/realtime", json!({ "prompt": "Hello" })).await.problem(429, "rate_limited");
    app.clock.advance(1_000);
    let (_, log) = app.answered("Hello", "Good day.").await;
    assert_eq!(ending(&log).1["finishReason"], "stop");
}

#[tokio::test]
async fn lim_7_as_many_answers_are_under_way_as_may_be() {
    let app = app(LimitOptions { runs: 2, ..LimitOptions::OPEN }).await;
    let mut first = app.ask("One").await;
    let script = app.script.answers().await;
    let _second = app.ask("Two").await;
    let other = app.script.answers().await;
    let key = [("idempotency-key", "three")];
    let body = json!({ "prompt": "Three" });
    let refused = app.post_with("/api/realtime", &key, body.clone()).await;
    refused.problem(429, "too_many_runs");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    script.say("Done.");
    script.finish();
    first.rest().await;
    let (_, log) = app.answered("Three", "Good day.").await;
    assert_eq!(ending(&log).0["content"], "Good day.");
    other.finish();
}

#[tokio::test]
async fn lim_20_as_many_tool_calls_are_unfinished_as_may_be() {
    let app = app(LimitOptions { jobs: 2, ..LimitOptions::OPEN }).await;
    let first = app.invoke("wait", json!({ "seconds": 600 })).await;
    app.invoke("wait", json!({ "seconds": 600 })).await;
    let body = json!({ "args": { "seconds": 0 } });
    let key = [("idempotency-key", "three")];
    let refused = app.post_with("/api/tools/wait", &key, body.clone()).await;
    refused.problem(429, "too_many_jobs");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let (mut client, _) = Client::of(&app).await;
    let id = Uuid::now_v7();
    client.say(json!({ "type": "invoke_tool", "id": id, "name": "wait", "args": { "seconds": 0 } })).await;
    let frame = client.frame().await;
    assert_eq!((&frame["type"], &frame["code"], &frame["id"]), (&json!("error"), &json!("too_many_jobs"), &json!(id)));

    app.script.set_calls_tools(true);
    let mut events = app.ask("Wait a moment").await;
    let answer = app.script.answers().await;
    answer.call("wait", r#"{"seconds":0}"#);
    answer.finish();
    let answer = app.script.answers().await;
    let told = &answer.request.turns.last().unwrap().content;
    assert!(told.contains("too_many_jobs") && told.contains("the limit"), "{told}");
    answer.finish();
    events.rest().await;

    app.delete(&format!("/api/jobs/{first}")).await;
    app.job_events(&first).await.rest().await;
    app.post_with("/api/tools/wait", &key, body).await.json::<serde_json::Value>(202);
}

#[tokio::test]
async fn lim_8_a_person_holds_as_many_sockets_as_may_be() {
    let app = app(LimitOptions { sockets: 2, ..LimitOptions::OPEN }).await;
    let addr = served(&app).await;
    let (first, _second) = (Client::connect(addr).await, Client::connect(addr).await);
    let Err(refused) = Client::let_in(addr, &[]).await else { panic!("a third one") };
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    drop(first);
    let place = async { while Client::let_in(addr, &[]).await.is_err() {} };
    soon("the place of the one that was closed", place).await;
}

/// What one instance has given away the other refuses, and says for how long.
async fn hold_together(shared: impl Fn() -> Shared, user: UserId) {
    let instance = || {
        let options = LimitOptions { per_second: 1, burst: 200, ..LimitOptions::SHARED };
        Limits::new(options, Some(shared().patient(PATIENCE)), Arc::<TestClock>::default())
    };
    let (one, two, address) = (instance(), instance(), "192.0.2.1".parse().unwrap());
    for _ in 0..10 {
        one.take(Some(user), Some(address), Kind::Start).await.unwrap();
        two.take(Some(user), Some(address), Kind::Start).await.unwrap();
    }
    for limits in [one, two] {
        let refused = limits.take(Some(user), Some(address), Kind::Start).await;
        let Err(Exhausted(wait)) = refused else { panic!("200 units were given away") };
        assert!(!wait.is_zero() && wait <= Duration::from_secs(10), "{wait:?}");
    }
}

#[tokio::test]
async fn lim_4_the_limits_of_instances_at_one_postgresql_hold_together() {
    let stored = TestStore::open().await;
    if stored.store.is_shared() {
        hold_together(|| Shared::postgres(stored.store.clone()), ALICE).await;
        let now = stored.store.forget_full_buckets().await.unwrap();
        assert_eq!(now, 0, "none of them is full");
    }
}

#[tokio::test]
async fn lim_4_the_limits_of_instances_at_one_redis_hold_together() {
    let Ok(url) = env::var("WEIR_TEST_REDIS_URL") else { return };
    // The Redis outlives the test.
    let user = UserId(Uuid::now_v7());
    hold_together(|| Shared::redis(RedisBell::new(&url).unwrap().client()), user).await;
}

#[tokio::test]
async fn lim_4_an_instance_that_cannot_ask_goes_by_what_it_admitted_itself() {
    let nobody = RedisBell::new("redis://127.0.0.1:1").unwrap();
    let options = LimitOptions { per_second: 1, burst: 20, ..LimitOptions::SHARED };
    let limits = Limits::new(options, Some(Shared::redis(nobody.client())), Arc::<TestClock>::default());
    for _ in 0..2 {
        limits.take(Some(ALICE), None, Kind::Start).await.expect("it refuses nobody for that");
    }
    let refused = limits.take(Some(ALICE), None, Kind::Start).await;
    assert_eq!(refused, Err(Exhausted(Duration::from_secs(10))), "nor does it admit everybody");
}
