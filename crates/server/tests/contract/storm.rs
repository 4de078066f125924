//! Many clients at once that start, stop, read and delete without regard for one another.

use std::sync::{Arc, Mutex};

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use weir_protocol::{ConversationPage, MessageStatus};
use weir_testkit::soon;

use crate::app::{Options, TestApp, joined, request};

/// What the clients know of.
#[derive(Default)]
struct Known {
    runs: Vec<String>,
    conversations: Vec<String>,
}

fn one_of(list: &[String], random: &mut fastrand::Rng) -> Option<String> {
    random.choice(list).cloned()
}

/// Answers every question with a few words, now and then wrongly, until it is told to stop.
async fn answer_all(app: Arc<TestApp>, mut random: fastrand::Rng) {
    loop {
        let answer = app.script.answers().await;
        let words = random.usize(0..20);
        let breaks_off = random.u8(0..5) == 0;
        tokio::spawn(async move {
            for word in 0..words {
                answer.say(&format!("word {word} "));
                tokio::task::yield_now().await;
            }
            if breaks_off { drop(answer) } else { answer.finish() }
        });
    }
}

async fn start(app: &TestApp, known: &Mutex<Known>, body: Value) {
    let response = app.router().oneshot(request(Method::POST, "/api/realtime", &[], Some(body))).await.unwrap();
    assert!(response.status().as_u16() < 500, "{}", response.status());
    if response.status() == 200 {
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let mut known = known.lock().unwrap();
        known.runs.push(header("weir-run-id"));
        known.conversations.push(header("weir-conversation-id"));
    }
}

/// Reads to the end, whatever becomes of the run.
async fn read(app: &TestApp, run: &str) {
    let response = app.send(request(Method::GET, &format!("/api/realtime/{run}"), &[], None)).await;
    assert!(response.status < 500, "{response:?}");
}

async fn client(app: Arc<TestApp>, known: Arc<Mutex<Known>>, mut random: fastrand::Rng) {
    for _ in 0..20 {
        let (run, conversation) = {
            let known = known.lock().unwrap();
            (one_of(&known.runs, &mut random), one_of(&known.conversations, &mut random))
        };
        match (random.u8(0..8), run, conversation) {
            (0 | 1, ..) | (_, None, _) | (_, _, None) => start(&app, &known, json!({ "prompt": "Hello" })).await,
            (2, _, Some(id)) => start(&app, &known, json!({ "prompt": "Go on", "conversationId": id })).await,
            (3, Some(run), _) => drop(app.delete(&format!("/api/realtime/{run}")).await),
            (4, _, Some(id)) => {
                let status = app.delete(&format!("/api/conversations/{id}")).await.status;
                assert!([204, 404].contains(&status), "{status}");
            }
            (5, _, Some(id)) => {
                let status = app.get(&format!("/api/messages?conversationId={id}")).await.status;
                assert!([200, 404].contains(&status), "{status}");
            }
            (_, Some(run), _) => soon("the reader to be let go", read(&app, &run)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_4_in_a_storm_of_clients_every_answer_ends_and_every_reader_is_let_go() {
    let window = std::time::Duration::from_millis(2);
    for seed in 1..=3 {
        let app = Arc::new(TestApp::with(Options { window, ..Options::default() }).await);
        let mut random = fastrand::Rng::with_seed(seed);
        let answering = tokio::spawn(answer_all(app.clone(), random.fork()));
        let known = Arc::<Mutex<Known>>::default();
        let clients = (0..12).map(|_| tokio::spawn(client(app.clone(), known.clone(), random.fork())));
        let ended = join_all(clients.collect::<Vec<_>>()).await;
        app.app.runs.drain(weir_testkit::PATIENCE).await;
        answering.abort();
        assert!(ended.iter().all(Result::is_ok), "seed {seed}: {ended:?}");
        assert_eq!(app.app.store.runs_to_look_after(weir_testkit::NOBODY).await.unwrap(), [], "nothing spins");
        assert_eq!((app.app.runs.under_way(), app.script.places_taken()), (0, 0));
        let left: ConversationPage = app.get("/api/conversations?limit=200").await.json(200);
        assert!(!left.items.is_empty());
        for conversation in left.items {
            for message in app.messages(conversation.id).await {
                assert_ne!(message.status, MessageStatus::Streaming);
                if let Some(run) = message.run_id {
                    assert_eq!(joined(&app.follow(run, 0).await.rest().await), message.content);
                }
            }
        }
    }
}
