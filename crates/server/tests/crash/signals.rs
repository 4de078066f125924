//! The life of the process: settings, signals, the data directory, and the upstream's socket.

use std::time::{Duration, Instant};

use serde_json::json;
use weir_bench::upstream::RequestState;
use weir_testkit::{WriteLock, soon};

use crate::{
    process::{Weir, World},
    reading::{Reading, Whole},
};

/// Starts an answer and reads until so many tokens have come.
async fn in_mid_answer(weir: &Weir, prompt: &str, tokens: usize) -> (crate::reading::Journal, Reading, Vec<String>) {
    let (journal, mut reading) = Reading::start(&weir.url, prompt, "key").await;
    let mut seen = Vec::new();
    while seen.iter().filter(|kind| *kind == "token").count() < tokens {
        seen.push(reading.next().await.expect("the answer goes on").kind);
    }
    (journal, reading, seen)
}

#[tokio::test]
async fn dur_7_a_signal_lets_an_answer_in_reach_end() {
    let world = World::new(&[("WEIR_SHUTDOWN_GRACE", "15s")]).await;
    let weir = world.start().await;
    let prompt = "Be brief [[tokens=60 rate=100]]";
    let (_, reading, _) = in_mid_answer(&weir, prompt, 2).await;
    weir.terminate();
    let rest = reading.rest().await;
    assert_eq!(rest.last().unwrap().kind, "done");
    assert!(weir.ended().await.success());
    assert_eq!(world.upstream.requests().len(), 1);
}

#[tokio::test]
async fn dur_7_a_signal_leaves_a_long_answer_to_the_next_server() {
    let world = World::new(&[("WEIR_SHUTDOWN_GRACE", "100ms")]).await;
    let weir = world.start().await;
    let prompt = "Take your time [[tokens=120 rate=60]]";
    let (journal, reading, seen) = in_mid_answer(&weir, prompt, 3).await;
    weir.terminate();
    let rest = reading.rest().await;
    assert!(rest.iter().all(|event| event.kind == "token"), "the stream ends without done: {rest:?}");
    assert!(weir.ended().await.success());
    let weir = world.start().await;
    let log = Reading::follow(&weir.url, &journal.run, 0).await.unwrap().rest().await;
    let whole = Whole::of(log, prompt);
    assert!(whole.log.len() > seen.len() + rest.len());
    assert_eq!(whole.log[seen.len()..][..rest.len()], rest);
    assert_eq!(whole.text(), world.truth(prompt));
    assert_eq!(whole.done["attempts"], 2);
}

#[tokio::test]
async fn dur_7_a_server_that_stops_takes_nothing_new_and_says_so() {
    let world = World::new(&[("WEIR_SHUTDOWN_GRACE", "15s")]).await;
    let weir = world.start().await;
    let (_, reading, _) = in_mid_answer(&weir, "Go on [[tokens=400 rate=100]]", 1).await;
    weir.terminate();
    let refused = async {
        loop {
            let request = reqwest::Client::new().post(format!("{}/api/conversations", weir.url));
            let request = request.header("content-type", "application/json").body(json!({}).to_string());
            let response = request.send().await.unwrap();
            if response.status() == 503 {
                return response;
            }
            // The signal is on its way.
            assert_eq!(response.status(), 201);
        }
    };
    let refused = soon("the server to refuse", refused).await;
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(weir.get("/readyz").await.status(), 503);
    drop(reading);
    // A second signal does not wait for anybody, and the exit code says that an answer was not committed.
    weir.terminate();
    assert_eq!(weir.ended().await.code(), Some(3));
}

#[tokio::test]
async fn life_8_a_signal_ends_the_process_in_time_though_the_database_takes_no_writes() {
    let world = World::new(&[("WEIR_SHUTDOWN_GRACE", "1s")]).await;
    let weir = world.start().await;
    let prompt = "Take your time [[tokens=600 rate=60]]";
    let (journal, reading, seen) = in_mid_answer(&weir, prompt, 3).await;
    let lock = WriteLock::of_file(&world.data_dir().join("weir.db")).await;
    let not_ready = async {
        loop {
            let answer = weir.get("/readyz").await;
            if answer.status() == 503 {
                return answer.text().await.unwrap();
            }
        }
    };
    let problem = soon("the server to notice", not_ready).await;
    assert!(problem.contains("another process has locked it"), "{problem}");
    weir.terminate();
    let asked = Instant::now();
    let status = weir.ended().await;
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(3), "not everything was committed");
    lock.release().await;
    let rest = reading.rest().await;
    let weir = world.start().await;
    let log = Reading::follow(&weir.url, &journal.run, 0).await.unwrap().rest().await;
    let whole = Whole::of(log, prompt);
    assert_eq!(whole.log[seen.len()..][..rest.len()], rest, "what was shown is in the log");
    assert_eq!(whole.text(), world.truth(prompt));
}

#[tokio::test]
async fn life_8_a_signal_ends_an_idle_process_though_the_database_takes_no_writes() {
    let world = World::new(&[("WEIR_SHUTDOWN_GRACE", "100ms")]).await;
    let weir = world.start().await;
    let lock = WriteLock::of_file(&world.data_dir().join("weir.db")).await;
    weir.terminate();
    let asked = Instant::now();
    assert!(weir.ended().await.success(), "nothing was left to commit");
    assert!(asked.elapsed() < Duration::from_millis(5100), "{:?}", asked.elapsed());
    lock.release().await;
}

#[tokio::test]
async fn dur_5_process_durability_holds_through_the_death_of_the_process() {
    let world = World::new(&[("WEIR_DURABILITY", "process")]).await;
    let weir = world.start().await;
    let prompt = "Hold on [[tokens=120 rate=120]]";
    let (journal, reading, seen) = in_mid_answer(&weir, prompt, 5).await;
    weir.kill().await;
    let rest = reading.rest().await;
    let weir = world.start().await;
    let log = Reading::follow(&weir.url, &journal.run, 0).await.unwrap().rest().await;
    let whole = Whole::of(log, prompt);
    assert_eq!(whole.log[seen.len()..][..rest.len()], rest);
    assert_eq!(whole.text(), world.truth(prompt));
}

#[tokio::test]
async fn dur_3_an_upstream_that_cannot_continue_leaves_an_interrupted_answer() {
    let world = World::new(&[("OPENAI_CONTINUES", "false")]).await;
    let weir = world.start().await;
    let prompt = "Hold on [[tokens=200 rate=60]]";
    let (journal, _, _) = in_mid_answer(&weir, prompt, 3).await;
    weir.kill().await;
    let weir = world.start().await;
    let whole = Whole::of(Reading::follow(&weir.url, &journal.run, 0).await.unwrap().rest().await, prompt);
    assert_eq!(whole.done["finishReason"], "interrupted");
    assert!(!whole.text().is_empty() && world.truth(prompt).starts_with(whole.text()));
    assert_eq!(world.upstream.requests().len(), 1, "it is not asked again");
}

#[tokio::test]
async fn can_1_the_upstreams_connection_is_closed_within_a_second() {
    let world = World::new(&[]).await;
    let weir = world.start().await;
    let (journal, reading, _) = in_mid_answer(&weir, "Never end [[tokens=5000 rate=50]]", 2).await;
    let before = Instant::now();
    let cancel = reqwest::Client::new().delete(format!("{}/api/realtime/{}", weir.url, journal.run)).send();
    assert_eq!(cancel.await.unwrap().status(), 202);
    let closed = world.upstream.request_where(|request| request.state == RequestState::ClosedEarly);
    soon("the upstream to see it", closed).await;
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert_eq!(reading.rest().await.last().unwrap().kind, "done");
}

#[tokio::test]
async fn dur_8_a_second_process_on_the_same_data_is_refused() {
    let world = World::new(&[]).await;
    let weir = world.start().await;
    let second = world.run().await;
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(told.contains("another Weir server is using it"), "{told}");
    assert_eq!(weir.get("/readyz").await.status(), 200, "the first one goes on");
}

#[tokio::test]
async fn cfg_1_every_fault_of_the_settings_is_told_at_once() {
    let mut world = World::new(&[]).await;
    let wrong = [
        ("WEIR_ADDR", "here"),
        ("WEIR_HEARTBEAT", "soon"),
        ("WEIR_DURABILITY", "maybe"),
        ("WEIR_RUN_RETENTION", "-1h"),
        ("WEIR_SHUTDOWN_GRACE", "x"),
        ("WEIR_LOG_FORMAT", "xml"),
        ("WEIR_MODEL", "gpt"),
        ("WEIR_AUTH", "sometimes"),
        ("OPENAI_BASE_URL", "not a url"),
        ("OPENAI_CONTINUES", "perhaps"),
    ];
    for (key, value) in wrong {
        world.set(key, value);
    }
    let refused = world.run().await;
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(String::from_utf8(refused.stdout).unwrap(), "");
    let told = String::from_utf8(refused.stderr).unwrap();
    for (key, _) in wrong {
        assert!(told.lines().any(|line| line.trim_start().starts_with(&format!("{key}: "))), "{key} in {told}");
    }
}

#[tokio::test]
async fn cfg_1_an_address_that_is_taken_is_told_with_what_to_do() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut world = World::new(&[]).await;
    world.set("WEIR_ADDR", &taken.local_addr().unwrap().to_string());
    let refused = world.run().await;
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("set WEIR_ADDR to another address"), "{told}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn err_15_without_room_newcomers_are_told_to_come_back_and_readers_go_on() {
    let world = World::new(&[]).await;
    let weir = world.start().await;
    let prompt = "Go on [[tokens=150 rate=100]]";
    let (_, reading, seen) = in_mid_answer(&weir, prompt, 1).await;
    // Enough that the database may open all its connections while newcomers are refused.
    weir.limit_descriptors(160);
    let address = weir.url.strip_prefix("http://").unwrap().to_owned();
    let mut idle = Vec::new();
    // How many there is room for depends on what the process has inherited.
    let refused = loop {
        let answered = weir.get("/readyz").await;
        if answered.status() != 200 {
            break answered;
        }
        // Some at a time: on a busy machine those that came first would be sent away meanwhile, as they say nothing.
        for _ in 0..5 {
            idle.push(tokio::net::TcpStream::connect(&address).await.unwrap());
        }
        assert!(idle.len() < 160, "nobody is refused");
    };
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    let problem: serde_json::Value = serde_json::from_slice(&refused.bytes().await.unwrap()).unwrap();
    assert_eq!(problem["code"], "overloaded");
    let rest = reading.rest().await;
    assert_eq!(rest.last().unwrap().kind, "done");
    assert_eq!(rest.first().unwrap().id, seen.len() as u64 + 1);
    drop(idle);
    let let_in = async { while weir.get("/readyz").await.status() != 200 {} };
    soon("somebody to be let in again", let_in).await;
}
