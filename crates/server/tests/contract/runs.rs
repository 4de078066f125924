//! One run: started, streamed, ended.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use weir_protocol::Role;
use weir_testkit::{BOB, Heard};

use crate::app::{Data, Options, TestApp, ending, joined, kinds, request};

#[tokio::test]
async fn run_1_a_run_streams_from_its_post() {
    let app = TestApp::new().await;
    let mut events = app.ask("What is a weir?").await;
    assert_eq!(events.header("content-type"), "text/event-stream");
    assert_eq!(events.header("cache-control"), "no-cache, no-transform");
    assert_eq!(events.header("x-accel-buffering"), "no");
    assert_eq!(events.run().0.get_version_num(), 7);
    let answer = app.script.answers().await;
    assert_eq!(answer.request.model, "one");
    assert_eq!(answer.request.turns.len(), 1);
    assert_eq!(answer.request.turns[0].content, "What is a weir?");
    assert_eq!(answer.request.partial, None);
    answer.finish();
    assert_eq!(events.rest().await.last().unwrap().kind, "done");
}

#[tokio::test]
async fn run_2_the_first_event_is_the_stored_user_message() {
    let app = TestApp::new().await;
    let mut events = app.ask("  What is a weir?\n").await;
    let first = events.event().await;
    assert_eq!((first.id, first.kind.as_str()), (1, "message"));
    let stored = &app.messages(events.conversation()).await[0];
    assert_eq!(first.value(), serde_json::to_value(stored).unwrap());
    assert_eq!(first.value()["content"], "  What is a weir?\n");
    assert_eq!(first.value()["role"], "user");
}

#[tokio::test]
async fn run_3_tokens_joined_equal_the_final_message_byte_for_byte() {
    let app = TestApp::new().await;
    let mut events = app.ask("Sing").await;
    let answer = app.script.answers().await;
    let pieces = ["Na", "ï", "ve ", "👩", "\u{200d}💻", "\r\n", "\u{2028}", "\"\\", "\u{0}", "e", "\u{301}", " "];
    for piece in pieces {
        answer.say(piece);
    }
    answer.count(3, 12);
    answer.finish();
    let log = events.rest().await;
    let (message, done) = ending(&log);
    let said = pieces.concat().replace('\0', "\u{fffd}");
    assert_eq!(joined(&log), said);
    assert_eq!(message["content"], said);
    assert_eq!(message["status"], "complete");
    assert_eq!(message["model"], "scripted/one");
    let message_id = &message["id"];
    for token in log.iter().filter(|event| event.kind == "token") {
        assert_eq!(&token.value()["id"], message_id);
    }
    let usage = json!({ "inputTokens": 3, "outputTokens": 12 });
    assert_eq!(done, json!({ "id": message_id, "finishReason": "stop", "usage": usage }));
}

#[tokio::test]
async fn run_3_the_final_message_is_the_one_that_is_stored() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good day.");
    answer.count(1, 2);
    answer.finish();
    let (message, _) = ending(&events.rest().await);
    let stored = app.messages(events.conversation()).await.pop().unwrap();
    assert_eq!(message, serde_json::to_value(&stored).unwrap());
    assert_eq!((stored.role, stored.seq), (Role::Assistant, None));
}

#[tokio::test]
async fn run_4_done_comes_once_and_last() {
    let app = TestApp::new().await;
    let (_, log) = app.answered("Hello", "Good day.").await;
    assert_eq!(kinds(&log), ["message", "token", "message", "done"]);
    assert_eq!(log.iter().map(|event| event.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn run_7_an_empty_answer_is_an_answer() {
    let app = TestApp::new().await;
    let mut events = app.ask("Say nothing").await;
    app.script.answers().await.finish();
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["message", "message", "done"]);
    let (message, done) = ending(&log);
    assert_eq!((message["content"].as_str(), done["finishReason"].as_str()), (Some(""), Some("stop")));
}

#[tokio::test]
async fn run_8_without_a_conversation_one_is_made_and_named() {
    let app = TestApp::new().await;
    let events = app.ask("  How do\n weirs work?").await;
    let conversation = app.conversation(events.conversation()).await;
    assert_eq!(conversation.title, "How do");
    assert_eq!(conversation.active_run_id, Some(events.run()));
    app.script.answers().await.finish();
}

#[tokio::test]
async fn run_9_a_stored_message_answered_anew_gets_a_sibling() {
    let app = TestApp::new().await;
    let mut first = app.ask("Tell me a story").await;
    let prompt = first.event().await.value();
    app.script.answers().await.finish();
    first.rest().await;
    let again = json!({ "conversationId": first.conversation(), "parentId": prompt["id"], "model": "scripted/two" });
    let mut second = app.start(again).await;
    assert_eq!(second.event().await.value(), prompt, "no second copy of the prompt is stored");
    let answer = app.script.answers().await;
    assert_eq!(answer.request.model, "two");
    assert_eq!(answer.request.turns.len(), 1);
    answer.finish();
    second.rest().await;
    let messages = app.messages(first.conversation()).await;
    let parents: Vec<_> = messages.iter().map(|message| (message.role, message.parent_id)).collect();
    let prompt = Some(messages[0].id);
    assert_eq!(parents, [(Role::User, None), (Role::Assistant, prompt), (Role::Assistant, prompt)]);
}

#[tokio::test]
async fn run_9_only_a_user_message_can_be_answered_anew() {
    let app = TestApp::new().await;
    let (_, log) = app.answered("Hello", "Good day.").await;
    let (answer, _) = ending(&log);
    let body = json!({ "conversationId": answer["conversationId"], "parentId": answer["id"] });
    assert_eq!(app.post("/api/realtime", body).await.faults("invalid_request"), ["parentId"]);
}

#[tokio::test]
async fn run_10_a_prompt_follows_the_newest_message_or_the_one_it_names() {
    let app = TestApp::new().await;
    let mut first = app.ask("One").await;
    let prompt = first.event().await.value();
    let answer = app.script.answers().await;
    answer.say("Two");
    answer.finish();
    let (reply, _) = ending(&first.rest().await);
    let mut next = app.start(json!({ "prompt": "Three", "conversationId": first.conversation() })).await;
    assert_eq!(next.event().await.value()["parentId"], reply["id"]);
    let turns = app.script.answers().await.request.turns.clone();
    assert_eq!(turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), ["One", "Two", "Three"]);
    let beside = json!({ "prompt": "Four", "conversationId": first.conversation(), "parentId": prompt["id"] });
    assert_eq!(app.start(beside).await.event().await.value()["parentId"], prompt["id"]);
    let turns = app.script.answers().await.request.turns.clone();
    assert_eq!(turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), ["One", "Four"]);
}

#[tokio::test]
async fn run_10_a_model_is_shown_an_answer_that_still_grows_as_far_as_it_has_come() {
    let app = TestApp::new().await;
    let mut first = app.ask("One").await;
    let growing = app.script.answers().await;
    growing.say("Two and");
    assert_eq!(kinds(&[first.event().await, first.event().await]), ["message", "token"]);
    app.start(json!({ "prompt": "Three", "conversationId": first.conversation() })).await;
    let turns = app.script.answers().await.request.turns.clone();
    assert_eq!(turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), ["One", "Two and", "Three"]);
    assert!(growing.is_heard());
}

#[tokio::test]
async fn run_10_a_parent_of_another_conversation_is_refused() {
    let app = TestApp::new().await;
    let mut one = app.ask("One").await;
    let other = app.ask("Two").await;
    let parent = one.event().await.value()["id"].clone();
    let body = json!({ "prompt": "Three", "conversationId": other.conversation(), "parentId": parent });
    assert_eq!(app.post("/api/realtime", body).await.faults("invalid_request"), ["parentId"]);
}

#[tokio::test]
async fn run_15_an_edited_message_stands_beside_the_one_it_was() {
    let app = TestApp::new().await;
    let (_, log) = app.answered("One", "Two").await;
    let (reply, _) = ending(&log);
    let (conversation, root) = (&reply["conversationId"], &reply["parentId"]);
    let mut next = app.start(json!({ "prompt": "Three", "conversationId": conversation })).await;
    let follow_up = next.event().await.value();
    app.script.answers().await.finish();
    next.rest().await;

    let edit = json!({ "prompt": "Four", "conversationId": conversation, "editOf": follow_up["id"] });
    let beside = app.start(edit).await.event().await.value();
    assert_eq!((&beside["parentId"], &beside["content"]), (&reply["id"], &json!("Four")));
    let turns = app.script.answers().await.request.turns.clone();
    assert_eq!(turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), ["One", "Two", "Four"]);

    let edit = json!({ "prompt": "Five", "conversationId": conversation, "editOf": root });
    assert_eq!(app.start(edit).await.event().await.value()["parentId"], Value::Null);
    let turns = app.script.answers().await.request.turns.clone();
    assert_eq!(turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), ["Five"]);
}

#[tokio::test]
async fn run_15_only_a_user_message_of_the_conversation_can_be_edited() {
    let app = TestApp::new().await;
    let (_, log) = app.answered("One", "Two").await;
    let (reply, _) = ending(&log);
    let (conversation, root) = (&reply["conversationId"], &reply["parentId"]);
    let refused = async |body: Value| app.post("/api/realtime", body).await.faults("invalid_request");
    let edit = json!({ "prompt": "Three", "conversationId": conversation, "editOf": reply["id"] });
    assert_eq!(refused(edit).await, ["editOf"]);
    let edit = json!({ "prompt": "Three", "editOf": root });
    assert_eq!(refused(edit).await, ["conversationId"]);
    let edit = json!({ "prompt": "Three", "conversationId": conversation, "editOf": root, "parentId": reply["id"] });
    assert_eq!(refused(edit).await, ["editOf"]);
    let edit = json!({ "conversationId": conversation, "editOf": root });
    assert_eq!(refused(edit).await, ["prompt"]);
    let other = app.ask("Elsewhere").await;
    let edit = json!({ "prompt": "Three", "conversationId": other.conversation(), "editOf": root });
    assert_eq!(refused(edit).await, ["editOf"]);
}

#[tokio::test]
async fn run_11_a_tool_that_is_not_there_is_refused_and_no_tools_are_fine() {
    let app = TestApp::new().await;
    let refused = app.post("/api/realtime", json!({ "prompt": "Hi", "tools": ["clock", "clock"] })).await;
    assert_eq!(refused.faults("invalid_request"), ["tools[0]", "tools[1]"]);
    app.start(json!({ "prompt": "Hi", "tools": [] })).await;
    app.script.answers().await.finish();
}

#[tokio::test]
async fn run_12_a_reader_that_leaves_stops_nothing() {
    let app = TestApp::new().await;
    let mut events = app.ask("Tell me a long story").await;
    let run = events.run();
    let answer = app.script.answers().await;
    answer.say("Once ");
    while events.event().await.kind != "token" {}
    drop(events);
    answer.say("upon a time.");
    answer.finish();
    let log = app.follow(run, 0).await.rest().await;
    assert_eq!(joined(&log), "Once upon a time.");
    assert_eq!(ending(&log).1["finishReason"], "stop");
}

#[tokio::test]
async fn run_13_context_is_an_instruction_for_this_run_only() {
    let app = TestApp::new().await;
    let mut first = app.start(json!({ "prompt": "Hi", "context": "Answer in French." })).await;
    let answer = app.script.answers().await;
    let turns: Vec<_> = answer.request.turns.iter().map(|turn| (turn.role, turn.content.as_str())).collect();
    assert_eq!(turns, [(Role::System, "Answer in French."), (Role::User, "Hi")]);
    answer.finish();
    first.rest().await;
    app.start(json!({ "prompt": "And now?", "conversationId": first.conversation() })).await;
    let turns = app.script.answers().await.request.turns.clone();
    assert!(turns.iter().all(|turn| turn.role != Role::System));
}

#[tokio::test]
async fn sse_2_every_event_has_its_number_from_1_without_gaps() {
    let app = TestApp::new().await;
    let mut events = app.ask("Count").await;
    let answer = app.script.answers().await;
    let mut log = vec![events.event().await];
    for number in 0..20 {
        answer.say(&format!("{number} "));
        log.push(events.event().await);
    }
    answer.finish();
    log.extend(events.rest().await);
    let numbers: Vec<u64> = log.iter().map(|event| event.id).collect();
    assert_eq!(numbers, (1..=23).collect::<Vec<_>>());
}

#[tokio::test]
async fn sse_3_the_first_token_is_not_held_back_and_4_later_ones_are_joined() {
    // A window that never ends by itself: what comes through it did not wait for it.
    let window = Duration::from_hours(1);
    let app = TestApp::with(Options { window, ..Options::default() }).await;
    let mut events = app.ask("Count").await;
    events.event().await;
    let answer = app.script.answers().await;
    answer.say("0");
    assert_eq!(events.event().await.text(), "0");
    for number in 1..10 {
        answer.say(&number.to_string());
    }
    answer.finish();
    let log = events.rest().await;
    assert_eq!(kinds(&log), ["token", "message", "done"]);
    assert_eq!(log[0].text(), "123456789");
}

#[tokio::test]
async fn sse_5_a_silent_stream_pings() {
    let heartbeat = Duration::from_millis(50);
    let app = TestApp::with(Options { heartbeat, ..Options::default() }).await;
    let mut events = app.ask("Think").await;
    events.event().await;
    assert_eq!(events.heard().await, Some(Heard::Comment("ping".to_owned())));
    assert_eq!(events.heard().await, Some(Heard::Comment("ping".to_owned())));
    let answer = app.script.answers().await;
    answer.say("Well");
    assert_eq!(events.event().await.text(), "Well");
    answer.finish();
    assert_eq!(events.rest().await.len(), 2);
}

#[tokio::test]
async fn sse_6_a_stream_is_closed_after_done() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    app.script.answers().await.finish();
    while events.event().await.kind != "done" {}
    assert_eq!(events.heard().await, None);
}

#[tokio::test]
async fn sse_7_a_body_that_ends_without_done_can_be_gone_on_with() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    let answer = app.script.answers().await;
    answer.say("Good ");
    assert_eq!(kinds(&[events.event().await, events.event().await]), ["message", "token"]);
    app.app.closing.cancel();
    assert_eq!(events.heard().await, None);
    assert!(answer.is_heard(), "closing the readers stops no run");
    answer.say("day.");
    answer.finish();
    app.app.runs.drain(weir_testkit::PATIENCE).await;
    let rest = app.app.store.events(weir_store::LogId::Run(events.run()), weir_protocol::Seq(2), 10).await.unwrap();
    assert_eq!(rest.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["token", "message", "done"]);
}

#[tokio::test]
async fn own_1_another_users_run_does_not_exist() {
    let app = TestApp::new().await;
    let run = app.runs_of_bob().await;
    for method in [Method::GET, Method::DELETE] {
        let answer = app.send(request(method, &format!("/api/realtime/{run}"), &[], None)).await;
        answer.problem(404, "not_found");
    }
}

#[tokio::test]
async fn own_1_another_users_conversation_does_not_exist() {
    let app = TestApp::new().await;
    let run = app.app.store.run(BOB, app.runs_of_bob().await).await.unwrap();
    let path = format!("/api/conversations/{}", run.conversation);
    app.get(&path).await.problem(404, "not_found");
    app.patch(&path, json!({ "title": "Mine" })).await.problem(404, "not_found");
    app.delete(&path).await.problem(404, "not_found");
    app.get(&format!("/api/messages?conversationId={}", run.conversation)).await.problem(404, "not_found");
    let start = json!({ "prompt": "Hi", "conversationId": run.conversation });
    app.post("/api/realtime", start).await.problem(404, "not_found");
    let anew = json!({ "conversationId": run.conversation, "parentId": run.prompt_message });
    app.post("/api/realtime", anew).await.problem(404, "not_found");
    let message = json!({ "role": "user", "content": "Hi", "conversationId": run.conversation });
    app.post("/api/messages", message).await.problem(404, "not_found");
    let list: Value = app.get("/api/conversations").await.json(200);
    assert_eq!(list, json!({ "items": [] }));
    assert_eq!(app.app.store.conversation(BOB, run.conversation).await.unwrap().title, "Bob's secret");
}

#[tokio::test]
async fn own_1_another_users_message_is_no_parent() {
    let app = TestApp::new().await;
    let run = app.app.store.run(BOB, app.runs_of_bob().await).await.unwrap();
    let own: Value = app.post("/api/conversations", json!({})).await.json(201);
    let body = json!({ "prompt": "Hi", "conversationId": own["id"], "parentId": run.prompt_message });
    assert_eq!(app.post("/api/realtime", body).await.faults("invalid_request"), ["parentId"]);
}

impl TestApp {
    /// A run of another user that is under way.
    async fn runs_of_bob(&self) -> weir_protocol::RunId {
        let body = serde_json::from_value(json!({ "prompt": "Bob's secret" })).unwrap();
        self.app.runs.start(BOB, body, None, u32::MAX).await.unwrap().id
    }
}
