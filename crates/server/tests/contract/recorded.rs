//! Real responses for the web app's tests, which parse each of them with the generated schema that it names.
//!
//! The files are in `web/tests/fixtures/recorded`; `WEIR_RECORD=1` writes them anew.

use std::{collections::BTreeMap, env, fs, path::Path};

use axum::http::Method;
use serde_json::{Value, json};
use weir_providers::ProviderErrorKind;
use weir_testkit::Event;

use crate::app::{Answered, Data, Events, TestApp, request};

#[derive(Default)]
struct Recording(BTreeMap<String, Value>);

impl Recording {
    fn keep(&mut self, name: &str, schema: &str, body: &Value) {
        let file = json!({ "schema": format!("z{schema}"), "body": body });
        assert!(self.0.insert(format!("{name}.json"), file).is_none(), "{name} is recorded twice");
    }

    fn response(&mut self, name: &str, schema: &str, response: &Answered) -> Value {
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        self.keep(name, schema, &body);
        body
    }

    fn event(&mut self, name: &str, event: &Event) {
        self.keep(name, "StreamChunk", &json!({ "type": event.kind, "data": event.value() }));
    }

    /// Compares with what is there, or writes it.
    fn check(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/tests/fixtures/recorded");
        let recorded = |folder: &Path| -> BTreeMap<String, Value> {
            let entries = fs::read_dir(folder).into_iter().flatten();
            let files =
                entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension() == Some("json".as_ref()));
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            files.map(|path| (name(&path), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())).collect()
        };
        if env::var_os("WEIR_RECORD").is_some_and(|value| value == "1") {
            fs::create_dir_all(&folder).unwrap();
            for name in recorded(&folder).keys() {
                fs::remove_file(folder.join(name)).unwrap();
            }
            for (name, file) in &self.0 {
                fs::write(folder.join(name), serde_json::to_string_pretty(file).unwrap() + "\n").unwrap();
            }
        }
        let there = recorded(&folder);
        assert_eq!(
            there.keys().collect::<Vec<_>>(),
            self.0.keys().collect::<Vec<_>>(),
            "WEIR_RECORD=1 records the responses anew"
        );
        for (name, file) in &self.0 {
            assert_eq!(&there[name], file, "{name} is stale: WEIR_RECORD=1 records the responses anew");
        }
    }
}

#[tokio::test]
async fn rec_1_recorded_responses_are_those_of_this_version() {
    let app = TestApp::new().await;
    let mut recording = Recording::default();
    streams(&app, &mut recording).await;
    lists(&app, &mut recording).await;
    problems(&app, &mut recording).await;
    recording.check();
}

/// Every kind of event that this version sends, and a page that is loaded in mid-answer.
async fn streams(app: &TestApp, recording: &mut Recording) {
    let mut events = app.ask("What is a weir?").await;
    let user = events.event().await;
    recording.event("event-message-user", &user);
    let answer = app.script.answers().await;
    answer.say("A *weir* is a low dam");
    recording.event("event-token", &events.event().await);
    let page = format!("/api/messages?conversationId={}", events.conversation());
    recording.response("messages-streaming", "MessagePage", &app.get(&page).await);
    let conversation = format!("/api/conversations/{}", events.conversation());
    recording.response("conversation-answering", "Conversation", &app.get(&conversation).await);
    answer.say(" across a river. 🌊\n");
    answer.count(12, 9);
    answer.finish();
    let log = events.rest().await;
    recording.event("event-message-assistant", &log[1]);
    recording.event("event-done-stop", &log[2]);
    recording.response("messages-complete", "MessagePage", &app.get(&page).await);

    let body = json!({ "conversationId": events.conversation(), "parentId": user.value()["id"] });
    let mut anew = app.start(body).await;
    anew.event().await;
    let answer = app.script.answers().await;
    answer.say("Well,");
    anew.event().await;
    answer.fail(ProviderErrorKind::Crashed, "The engine ended.");
    let fresh = app.script.answers().await;
    fresh.fail(ProviderErrorKind::Silent, "The model's server fell silent. Try again.");
    let log = anew.rest().await;
    recording.event("event-error", &log[0]);
    recording.event("event-message-error", &log[1]);
    recording.event("event-done-error", &log[2]);

    let mut stopped: Events = app.ask("Tell me a long story").await;
    let answer = app.script.answers().await;
    app.delete(&format!("/api/realtime/{}", stopped.run())).await;
    answer.dropped().await;
    let log = stopped.rest().await;
    recording.event("event-message-cancelled", &log[1]);
    recording.event("event-done-cancelled", &log[2]);
}

async fn lists(app: &TestApp, recording: &mut Recording) {
    app.clock.advance(60_000);
    let made = app.post("/api/conversations", json!({ "title": "Rivers & weirs" })).await;
    let made = recording.response("conversation-created", "Conversation", &made);
    let path = format!("/api/conversations/{}", made["id"].as_str().unwrap());
    let change = json!({ "pinned": true, "archived": true });
    recording.response("conversation-updated", "Conversation", &app.patch(&path, change).await);
    let message = json!({ "role": "system", "content": "Be brief.", "conversationId": made["id"] });
    recording.response("message-created", "ChatMessage", &app.post("/api/messages", message).await);
    recording.response("conversations", "ConversationPage", &app.get("/api/conversations").await);
    recording.response("conversations-first", "ConversationPage", &app.get("/api/conversations?limit=1").await);
    recording.response("conversations-none", "ConversationPage", &app.get("/api/conversations?q=nowhere").await);
    recording.response("models", "ModelList", &app.get("/api/models").await);
}

async fn problems(app: &TestApp, recording: &mut Recording) {
    let (run, _) = app.answered("Hello", "Good day.").await;
    let beyond = app.get(&format!("/api/realtime/{run}?after=99")).await;
    recording.response("problem-offset", "Problem", &beyond);
    let nothing = "/api/conversations/01980000-0000-7000-8000-000000000001";
    recording.response("problem-not-found", "Problem", &app.get(nothing).await);
    let wrong = json!({ "prompt": "", "context": "x".repeat(256 * 1024 + 1) });
    recording.response("problem-invalid", "Problem", &app.post("/api/realtime", wrong).await);
    recording.response("problem-cursor", "Problem", &app.get("/api/conversations?cursor=x").await);
    let key = [("idempotency-key", "k-1")];
    app.post_with("/api/conversations", &key, json!({})).await;
    let reused = app.post_with("/api/conversations", &key, json!({ "title": "Other" })).await;
    recording.response("problem-key-reused", "Problem", &reused);
    let foreign = [("origin", "https://evil.example"), ("host", "weir.example")];
    let foreign = app.send(request(Method::POST, "/api/conversations", &foreign, Some(json!({})))).await;
    recording.response("problem-origin", "Problem", &foreign);
    app.script.fill(std::time::Duration::from_secs(3));
    let overloaded = app.post("/api/realtime", json!({ "prompt": "Hello" })).await;
    recording.response("problem-overloaded", "Problem", &overloaded);
}
