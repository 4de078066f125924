//! An instance that is cut off from the database that it shares with others.

use std::time::Duration;

use serde_json::json;
use weir_testkit::PATIENCE;

use crate::{
    app::{TestApp, kinds},
    client::Client,
};

#[tokio::test]
async fn ins_8_readers_of_an_instance_that_is_cut_off_are_let_go_and_are_served_when_it_is_back() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let run = events.run();
    let answer = app.script.answers().await;
    answer.say("Good ");
    assert_eq!(kinds(&[events.event().await, events.event().await]), ["message", "token"]);
    let (mut client, _) = Client::of(&app).await;
    assert_eq!(app.get("/readyz").await.status, 200);

    app.app.contact.lose();
    assert_eq!(events.heard().await, None, "the body ends without done");
    assert_eq!(client.closed().await, 1001);
    for refused in [
        app.get("/readyz").await,
        app.get(&format!("/api/realtime/{run}?after=2")).await,
        app.post("/api/realtime", json!({ "prompt": "More" })).await,
    ] {
        refused.problem(503, "database_unavailable");
        assert_eq!(refused.header("retry-after"), "1");
    }
    assert_eq!(app.get("/healthz").await.status, 200, "it is alive");
    assert!(answer.is_heard(), "who drives the run is not decided here");

    app.app.contact.regain();
    assert_eq!(app.get("/readyz").await.status, 200);
    Client::of(&app).await;
    let mut events = app.follow(run, 2).await;
    answer.say("day.");
    answer.finish();
    assert_eq!(kinds(&events.rest().await), ["token", "message", "done"]);
}

#[tokio::test]
async fn life_9_readyz_says_that_writes_fail_and_why() {
    let app = TestApp::new().await;
    app.app.runs.join().await.unwrap();
    let probe = async |limit| app.app.store.probe_writes(app.app.runs.instance(), limit).await;
    let lock = app.stored.lock_writes().await;
    probe(Duration::from_millis(100)).await;
    let problem = app.get("/readyz").await.problem(503, "database_unavailable");
    assert_eq!(problem["detail"], "Writes to the database fail: a write takes too long.");
    lock.release().await;
    probe(PATIENCE).await;
    assert_eq!(app.get("/readyz").await.status, 200);
}
