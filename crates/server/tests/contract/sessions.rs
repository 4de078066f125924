//! WebSocket sessions over real sockets.

use axum::http::{Method, Version};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};
use weir_protocol::RunId;
use weir_server::{app::LOCAL_USER, http::WaitingLimits};
use weir_store::Clock as _;
use weir_testkit::{BOB, Event, soon};

use crate::{
    app::{Options, TestApp, request},
    client::Client,
    sockets::served,
};

const HANDSHAKE: [(&str, &str); 5] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "chat, weir.v1"),
];

/// The handshake with another value for a header; none leaves it out.
async fn asked(app: &TestApp, name: &str, value: Option<&str>) -> crate::app::Answered {
    let others = HANDSHAKE.iter().copied().filter(|(other, _)| *other != name);
    let headers: Vec<_> = others.chain(value.map(|value| (name, value))).collect();
    app.send(request(Method::GET, "/api/ws", &headers, None)).await
}

#[tokio::test]
async fn ws_1_the_server_speaks_first() {
    let app = TestApp::new().await;
    let mut client = Client::connect(served(&app).await).await;
    let welcome = client.frame().await;
    let session = welcome["session"].as_str().unwrap();
    assert_eq!(
        welcome,
        json!({ "type": "welcome", "session": session, "seq": 0, "resumed": false, "heartbeatMs": 15000 })
    );
    assert_eq!(uuid::Uuid::parse_str(session).unwrap().get_version_num(), 7);
    client.is_silent().await;
}

#[tokio::test]
async fn ws_2_only_weir_v1_is_spoken() {
    let app = TestApp::new().await;
    let answered = asked(&app, "accept", Some("*/*")).await;
    assert_eq!(answered.status, 101, "{answered:?}");
    assert_eq!(answered.header("sec-websocket-protocol"), "weir.v1");
    assert_eq!(answered.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the example of RFC 6455");
    asked(&app, "sec-websocket-protocol", None).await.problem(400, "unsupported_subprotocol");
    asked(&app, "sec-websocket-protocol", Some("weir.v2")).await.problem(400, "unsupported_subprotocol");
    asked(&app, "sec-websocket-key", Some("c2hvcnQ=")).await.problem(400, "invalid_handshake");
    asked(&app, "sec-websocket-key", None).await.problem(400, "invalid_handshake");
    let answered = asked(&app, "sec-websocket-version", Some("8")).await;
    answered.problem(426, "upgrade_required");
    assert_eq!(answered.header("sec-websocket-version"), "13");
    let answered = app.get("/api/ws").await;
    answered.problem(426, "upgrade_required");
    assert_eq!(answered.header("upgrade"), "websocket");
}

#[tokio::test]
async fn ws_30_only_get_and_http_1_1_open_a_socket() {
    let app = TestApp::new().await;
    let answered = app.send(request(Method::HEAD, "/api/ws", &HANDSHAKE, None)).await;
    assert_eq!((answered.status, answered.header("allow")), (405, "GET"));
    let mut old = request(Method::GET, "/api/ws", &HANDSHAKE, None);
    *old.version_mut() = Version::HTTP_10;
    app.send(old).await.problem(426, "upgrade_required");
}

#[tokio::test]
async fn ws_3_a_socket_from_elsewhere_is_refused() {
    let app = TestApp::new().await;
    for foreign in ["https://evil.example", "http://localhost:3000", "null"] {
        asked(&app, "origin", Some(foreign)).await.problem(403, "origin_not_allowed");
    }
    asked(&app, "host", Some("evil.example")).await.problem(421, "unknown_host");
    let own = [&HANDSHAKE[..], &[("host", "localhost:3000"), ("origin", "http://localhost:3000")]].concat();
    assert_eq!(app.send(request(Method::GET, "/api/ws", &own, None)).await.status, 101);
}

#[tokio::test]
async fn ws_3_a_server_that_is_about_to_stop_opens_none() {
    let app = TestApp::new().await;
    app.app.draining.cancel();
    let answered = asked(&app, "accept", None).await;
    answered.problem(503, "draining");
    assert!(answered.header("retry-after").parse::<u32>().unwrap() > 0);
}

/// What a chunk of this event looks like, letter for letter.
fn chunk(seq: u64, run: RunId, event: &Event) -> String {
    let Event { id, kind, data } = event;
    format!(r#"{{"type":"chunk","seq":{seq},"run":"{run}","n":{id},"chunk":{{"type":"{kind}","data":{data}}}}}"#)
}

#[tokio::test]
async fn ws_5_a_run_is_followed_from_any_event_with_the_bytes_of_its_log() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good \u{2028} \"day\".").await;
    for after in 0..log.len() {
        let (mut client, _) = Client::of(&app).await;
        client.subscribe(&format!("run:{run}"), after as u64).await;
        for (event, seq) in log[after..].iter().zip(2..) {
            let text = client.text().await;
            assert_eq!(text, chunk(seq, run, event));
            assert!(matches!(serde_json::from_str(&text), Ok(weir_protocol::ServerFrame::Chunk { .. })), "{text}");
        }
        client.is_silent().await;
    }
}

#[tokio::test]
async fn ws_5_what_is_said_later_comes_live_and_of_several_runs_at_once() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    let mut said = Vec::new();
    for prompt in ["one", "two"] {
        let run = app.ask(prompt).await.run();
        client.subscribe(&format!("run:{run}"), 0).await;
        assert_eq!(client.frame().await["chunk"]["data"]["content"], prompt);
        let answer = app.script.answers().await;
        answer.say(&prompt.repeat(2));
        assert_eq!(client.frame().await["chunk"]["data"]["text"], prompt.repeat(2));
        said.push((run, answer));
    }
    for (run, answer) in said.into_iter().rev() {
        answer.finish();
        let [message, done] = client.frames(2).await.try_into().unwrap();
        assert_eq!([&message["run"], &done["run"]], [&json!(run), &json!(run)]);
        assert_eq!([&message["n"], &done["n"]], [3, 4]);
        assert_eq!(done["chunk"]["type"], "done");
    }
    client.is_silent().await;
}

#[tokio::test]
async fn ws_4_frames_are_numbered_without_gaps() {
    let app = TestApp::new().await;
    let (run, log) = app.answered("Hello", "Good day.").await;
    let (mut client, _) = Client::of(&app).await;
    client.say(json!({ "type": "ack", "seq": 7 })).await;
    client.say(json!({ "type": "subscribe", "topic": format!("run:{run}") })).await;
    let frames = client.frames(2 + log.len()).await;
    let numbers: Vec<_> = frames.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=6).collect::<Vec<_>>());
}

#[tokio::test]
async fn ws_6_a_topic_is_followed_once_and_can_be_left() {
    let app = TestApp::new().await;
    let run = app.ask("Hello").await.run();
    let topic = format!("run:{run}");
    let (mut client, _) = Client::of(&app).await;
    client.subscribe(&topic, 0).await;
    assert_eq!(client.frame().await["n"], 1);
    client.subscribe(&topic, 0).await;
    client.is_silent().await;
    client.say(json!({ "type": "unsubscribe", "topic": topic })).await;
    client.is_silent().await;
    let answer = app.script.answers().await;
    answer.say("unheard");
    answer.finish();
    let log = app.follow(run, 0).await.rest().await;
    client.is_silent().await;
    client.subscribe(&topic, 1).await;
    let rest = client.frames(log.len() - 1).await;
    assert_eq!(rest[0]["chunk"]["data"]["text"], "unheard");
}

#[tokio::test]
async fn ws_7_what_cannot_be_followed_is_an_error_that_names_the_topic() {
    let app = TestApp::with(Options { retention: std::time::Duration::from_hours(1), ..Options::default() }).await;
    let (expired, _) = app.answered("Hello", "Good day.").await;
    app.clock.advance(2 * 60 * 60 * 1000);
    let (run, log) = app.answered("Hello", "Good day.").await;
    let (mut client, _) = Client::of(&app).await;
    let none = "01980000-0000-7000-8000-00000000cafe";
    for (topic, after, code) in [
        (format!("run:{none}"), 0, "not_found"),
        ("run:1".to_owned(), 0, "not_found"),
        (format!("job:{none}"), 0, "not_found"),
        (format!("run:{run}"), log.len() + 1, "invalid_offset"),
        (format!("run:{expired}"), 0, "run_log_expired"),
        ("weather".to_owned(), 0, "unknown_topic"),
    ] {
        client.say(json!({ "type": "subscribe", "topic": topic, "after": after })).await;
        let mut frame = client.frame().await;
        // A topic that only the database knows is acknowledged before it is looked up.
        if frame["type"] == "subscribed" {
            frame = client.frame().await;
        }
        assert_eq!([&frame["type"], &frame["code"], &frame["topic"]], [&json!("error"), &json!(code), &json!(topic)]);
    }
}

#[tokio::test]
async fn ws_7_another_users_run_does_not_exist() {
    let app = TestApp::new().await;
    let body = serde_json::from_value(json!({ "prompt": "Hello" })).unwrap();
    let foreign = app.app.runs.start(BOB, body, None, u32::MAX).await.unwrap().id;
    let (mut client, _) = Client::of(&app).await;
    client.subscribe(&format!("run:{foreign}"), 0).await;
    assert_eq!(client.refused().await, "not_found");
}

#[tokio::test]
async fn ws_7_a_conversation_that_is_deleted_ends_what_follows_its_run() {
    let app = TestApp::new().await;
    let events = app.ask("Hello").await;
    let (mut client, _) = Client::of(&app).await;
    client.subscribe(&format!("run:{}", events.run()), 0).await;
    client.frame().await;
    // As another instance would do it: here the run's readers may still be told its end.
    app.app.store.delete_conversation(LOCAL_USER, events.conversation(), app.clock.now()).await.unwrap();
    app.app.log.changed(weir_realtime::Topic::Log(weir_store::LogId::Run(events.run())));
    assert_eq!(client.refused().await, "not_found");
}

async fn rename(app: &TestApp, conversation: &str, title: &str) {
    let renamed = app.patch(&format!("/api/conversations/{conversation}"), json!({ "title": title })).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
}

#[tokio::test]
async fn ws_22_an_inbox_tells_every_change_since_the_session_began() {
    let app = TestApp::new().await;
    let before: Value = app.post("/api/conversations", json!({ "title": "Before" })).await.json(201);
    let (mut client, _) = Client::of(&app).await;
    let created: Value = app.post("/api/conversations", json!({ "title": "New" })).await.json(201);
    client.subscribe("inbox", 0).await;
    let frame = client.frame().await;
    assert_eq!(frame, json!({ "type": "inbox", "seq": 2, "change": { "type": "created", "conversation": created } }));
    rename(&app, before["id"].as_str().unwrap(), "Renamed").await;
    let change = &client.frame().await["change"];
    assert_eq!([&change["type"], &change["conversation"]["title"]], ["updated", "Renamed"]);
    let (run, _) = app.answered("Hello", "Good day.").await;
    let mut kinds = Vec::new();
    let answered = loop {
        let frame = client.frame().await;
        assert_eq!(frame["type"], "inbox");
        kinds.push(frame["change"]["type"].as_str().unwrap().to_owned());
        if frame["change"]["type"] == "answered" {
            break frame["change"].clone();
        }
    };
    assert_eq!(kinds, ["created", "answered"]);
    assert_eq!(answered["runId"], json!(run));
    let conversation = &answered["conversation"]["id"];
    app.delete(&format!("/api/conversations/{}", conversation.as_str().unwrap())).await;
    assert_eq!(client.frame().await["change"], json!({ "type": "deleted", "conversationId": conversation }));
}

#[tokio::test]
async fn ws_22_a_session_that_goes_on_misses_no_change() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let conversation: Value = app.post("/api/conversations", json!({ "title": "0" })).await.json(201);
    let id = conversation["id"].as_str().unwrap();
    let (mut client, session) = Client::welcomed(addr).await;
    client.subscribe("inbox", 0).await;
    rename(&app, id, "1").await;
    assert_eq!(client.frame().await["change"]["conversation"]["title"], "1");
    drop(client);
    rename(&app, id, "2").await;
    let (mut client, _) = Client::welcomed(addr).await;
    assert_eq!(client.resume(&session, 2).await["resumed"], true);
    assert_eq!(client.frame().await["change"]["conversation"]["title"], "2");
    client.say(json!({ "type": "unsubscribe", "topic": "inbox" })).await;
    client.is_silent().await;
    rename(&app, id, "3").await;
    client.is_silent().await;
    client.subscribe("inbox", 0).await;
    assert_eq!(client.frame().await["change"]["conversation"]["title"], "3");
}

#[tokio::test]
async fn ws_22_another_users_changes_are_not_told() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    client.subscribe("inbox", 0).await;
    let body = serde_json::from_value(json!({ "prompt": "Hello" })).unwrap();
    app.app.runs.start(BOB, body, None, u32::MAX).await.unwrap();
    let own: Value = app.post("/api/conversations", json!({ "title": "Own" })).await.json(201);
    assert_eq!(client.frame().await["change"]["conversation"], own);
}

#[tokio::test]
async fn ws_26_a_ping_is_answered_without_the_database_and_its_pong_has_no_number() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (mut client, session) = Client::welcomed(addr).await;
    for id in ["01980000-0000-7000-8000-00000000cafe", "5f0c1a52-9a1b-4c3d-8e21-6d1f0a9b7c10"] {
        client.say(json!({ "type": "ping", "id": id })).await;
        assert_eq!(client.frame().await, json!({ "type": "pong", "id": id }));
    }
    client.say(json!({ "type": "ping", "id": "once more" })).await;
    let refused = client.frame().await;
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("invalid_frame"), &json!(1)), "a pong takes no number");
    drop(client);
    let (mut client, _) = Client::welcomed(addr).await;
    assert_eq!(client.resume(&session, 0).await["resumed"], true);
    assert_eq!(client.frame().await["code"], "invalid_frame", "a pong is not replayed");
    app.app.store.close().await;
    client.is_silent().await;
}

#[tokio::test]
async fn ws_27_a_subscription_is_acknowledged_once_for_each_request_and_again_on_resume() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    let (mut client, session) = Client::welcomed(addr).await;
    let topics = ["inbox".to_owned(), "metrics".to_owned(), format!("run:{run}"), "inbox".to_owned()];
    for (topic, seq) in topics.iter().zip(1_u64..) {
        client.say(json!({ "type": "subscribe", "topic": topic })).await;
        let acknowledged = loop {
            let frame = client.frame().await;
            if frame["type"] == "subscribed" {
                break frame;
            }
            assert!(["metrics", "chunk"].iter().any(|kind| frame["type"] == *kind), "{frame}");
        };
        assert_eq!(acknowledged["topic"], json!(topic));
        assert!(acknowledged["seq"].as_u64() >= Some(seq), "{acknowledged}");
    }
    drop(client);
    let (mut client, _) = Client::welcomed(addr).await;
    assert_eq!(client.resume(&session, 0).await["resumed"], true);
    let first = client.frame().await;
    assert_eq!(first, json!({ "type": "subscribed", "seq": 1, "topic": "inbox" }));
}

#[tokio::test]
async fn ws_8_a_session_goes_on_where_its_client_was() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let run = app.ask("Hello").await.run();
    let (mut client, session) = Client::welcomed(addr).await;
    client.subscribe(&format!("run:{run}"), 0).await;
    let answer = app.script.answers().await;
    answer.say("one");
    let seen = client.frames(2).await;
    drop(client);
    answer.say("two");
    answer.finish();
    app.follow(run, 0).await.rest().await;
    let (mut client, _) = Client::welcomed(addr).await;
    let welcome = client.resume(&session, 2).await;
    assert_eq!(
        welcome,
        json!({ "type": "welcome", "session": session, "seq": 2, "resumed": true, "heartbeatMs": 15000 })
    );
    let rest = client.frames(4).await;
    assert_eq!(rest[0], seen[1], "what was not processed comes again as it was");
    let numbers: Vec<_> = rest.iter().map(|frame| (frame["seq"].as_u64(), frame["n"].as_u64())).collect();
    assert_eq!(numbers, (2..=5).map(|n| (Some(n + 1), Some(n))).collect::<Vec<_>>());
    client.is_silent().await;
}

#[tokio::test]
async fn ws_9_what_cannot_be_resumed_is_a_new_session() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (first, session) = Client::welcomed(addr).await;
    let never = json!(app.clock.id());
    for (asked, seq) in [(&never, 0), (&session, 1)] {
        let (mut client, own) = Client::welcomed(addr).await;
        let welcome = client.resume(asked, seq).await;
        assert_eq!([&welcome["session"], &welcome["resumed"], &welcome["seq"]], [&own, &json!(false), &json!(0)]);
        client.say(json!({ "type": "ack", "seq": 1 })).await;
        assert_eq!(client.frame().await["seq"], 1, "it is a session like any other");
    }
    drop(first);
    let (mut client, _) = Client::welcomed(addr).await;
    assert_eq!(client.resume(&session, 0).await["resumed"], true, "a wrong wish has spoilt nothing");
}

#[tokio::test]
async fn ws_25_a_session_that_was_evicted_while_it_waited_is_a_new_one() {
    // Two waiting sessions without frames fit.
    let waiting_sessions = WaitingLimits { per_user: 40 * 1024, ..WaitingLimits::default() };
    let app = TestApp::with(Options { waiting_sessions, ..Options::default() }).await;
    let addr = served(&app).await;
    let mut sessions = Vec::new();
    for waiting in [1, 2, 2] {
        let (client, session) = Client::welcomed(addr).await;
        drop(client);
        sessions.push(session);
        // The third one evicts the first one.
        let evicted = async {
            while app.app.sessions.waiting() < waiting || app.app.sessions.count() > waiting {
                tokio::task::yield_now().await;
            }
        };
        soon("a session that waits", evicted).await;
    }
    let mut clients = Vec::new();
    for (session, resumed) in sessions.iter().zip([false, true, true]) {
        let (mut client, own) = Client::welcomed(addr).await;
        let welcome = client.resume(session, 0).await;
        let expected = if resumed { session } else { &own };
        assert_eq!((&welcome["resumed"], &welcome["session"]), (&json!(resumed), expected));
        clients.push(client);
    }
}

#[tokio::test]
async fn ws_10_a_resume_elsewhere_closes_the_older_socket() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    let (mut first, session) = Client::welcomed(addr).await;
    first.subscribe(&format!("run:{run}"), 0).await;
    first.frames(4).await;
    let mut older = first;
    for seq in [3, 4, 5] {
        let (mut newer, _) = Client::welcomed(addr).await;
        assert_eq!(newer.resume(&session, seq).await["resumed"], true);
        assert_eq!(older.closed().await, 4409);
        for seq in seq + 1..=5 {
            assert_eq!(newer.frame().await["seq"], seq);
        }
        older = newer;
    }
    assert_eq!(app.app.sessions.count(), 1);
}

#[tokio::test]
async fn ws_11_an_ack_of_a_frame_that_was_never_sent_changes_nothing() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (run, _) = app.answered("Hello", "Good day.").await;
    let (mut client, session) = Client::welcomed(addr).await;
    client.subscribe(&format!("run:{run}"), 0).await;
    client.frames(4).await;
    for seq in [6, u64::MAX] {
        client.say(json!({ "type": "ack", "seq": seq })).await;
        assert_eq!(client.refused().await, "invalid_ack");
    }
    client.say(json!({ "type": "ack", "seq": 4 })).await;
    client.say(json!({ "type": "ack", "seq": 3 })).await;
    client.is_silent().await;
    let (mut again, _) = Client::welcomed(addr).await;
    assert_eq!(again.resume(&session, 3).await["resumed"], false, "the client itself has given up frame 4");
    let (mut again, _) = Client::welcomed(addr).await;
    assert_eq!(again.resume(&session, 4).await["resumed"], true);
    assert_eq!(again.frame().await["n"], 4);
}

#[tokio::test]
async fn ws_12_only_the_first_frame_can_resume() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (_first, session) = Client::welcomed(addr).await;
    let (mut client, _) = Client::welcomed(addr).await;
    client.is_silent().await;
    client.say(json!({ "type": "resume", "session": session, "seq": 0 })).await;
    assert_eq!(client.refused().await, "invalid_resume");
}

#[tokio::test]
async fn ws_13_malformed_frames_are_errors_and_a_stream_of_them_is_the_end() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    let garbage = [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"type":"fly"}"#,
        r#"{"type":"ack"}"#,
        r#"{"type":"ack","seq":-1}"#,
        r#"{"type":"resume","session":"1","seq":0}"#,
    ];
    for text in garbage {
        client.send(Message::text(text)).await;
        assert_eq!(client.refused().await, "invalid_frame", "{text}");
    }
    client.is_silent().await;
    let deep = format!(
        r#"{{"type":"invoke_tool","id":"01980000-0000-7000-8000-00000000cafe","name":"x","args":{}"#,
        "[".repeat(10_000)
    );
    for _ in 0..5 {
        client.send(Message::binary(vec![0xff])).await;
        client.send(Message::text(deep.clone())).await;
    }
    assert_eq!(client.closed().await, 4400);
}

#[tokio::test]
async fn ws_14_a_message_that_is_too_large_closes_the_socket() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let (mut client, _) = Client::welcomed(addr).await;
    let message = |size: usize| {
        let head = r#"{"type":"unsubscribe","topic":""#;
        Message::text(format!("{head}{}\"}}", "x".repeat(size - head.len() - 2)))
    };
    client.send(message(1024 * 1024)).await;
    assert_eq!(client.refused().await, "unknown_topic");
    client.send(message(1024 * 1024 + 1)).await;
    assert_eq!(client.closed().await, 1009);
    let (mut client, _) = Client::welcomed(addr).await;
    for size in [1024 * 1024, 1] {
        client
            .send(Message::Frame(Frame::message(
                vec![b' '; size],
                OpCode::Data(if size == 1 { Data::Continue } else { Data::Text }),
                size == 1,
            )))
            .await;
    }
    assert_eq!(client.closed().await, 1009, "in pieces too");
}

#[tokio::test]
async fn ws_15_a_client_that_sends_too_many_frames_is_closed() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    for _ in 0..150 {
        client.say(json!({ "type": "ack", "seq": 0 })).await;
    }
    client.is_silent().await;
    for _ in 0..2000 {
        // The server may have closed it by now.
        if futures_util::SinkExt::send(&mut client.socket, Message::text(r#"{"type":"ack","seq":0}"#)).await.is_err() {
            break;
        }
    }
    assert_eq!(client.closed().await, 4429);
}

#[tokio::test]
async fn ws_18_a_server_that_stops_tells_what_is_there_and_asks_to_come_back() {
    let app = TestApp::new().await;
    let run = app.ask("Hello").await.run();
    let (mut client, _) = Client::of(&app).await;
    client.subscribe(&format!("run:{run}"), 0).await;
    let answer = app.script.answers().await;
    answer.say("The end.");
    answer.finish();
    client.frame().await;
    app.app.draining.cancel();
    app.app.runs.drain(weir_testkit::PATIENCE).await;
    app.app.closing.cancel();
    let rest = client.frames(3).await;
    assert_eq!(rest[2]["chunk"]["type"], "done");
    assert_eq!(client.closed().await, 1001);
    soon("the sockets' tasks", app.app.sessions.closed()).await;
    assert_eq!(app.app.sessions.count(), 0);
}

#[tokio::test]
async fn ws_19_a_tool_that_is_not_there_is_an_error_of_the_call() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    let id = "01980000-0000-7000-8000-00000000cafe";
    for (frame, code) in [
        (json!({ "type": "invoke_tool", "id": id, "name": "search", "args": {} }), "unknown_tool"),
        (json!({ "type": "cancel_tool", "id": id }), "not_found"),
    ] {
        client.say(frame).await;
        let error = client.frame().await;
        assert_eq!([&error["type"], &error["code"], &error["id"]], [&json!("error"), &json!(code), &json!(id)]);
    }
}

#[tokio::test]
async fn ws_21_what_is_no_websocket_closes_the_socket() {
    let app = TestApp::new().await;
    let addr = served(&app).await;
    let raw = |bytes: Vec<u8>, code: OpCode| Message::Frame(Frame::message(bytes, code, true));
    for (message, code) in [
        (raw(vec![0xc3, 0x28], OpCode::Data(Data::Text)), 1007),
        (raw(vec![b'x'], OpCode::Data(Data::Continue)), 1002),
        (raw(vec![b'x'], OpCode::Data(Data::Reserved(5))), 1002),
    ] {
        let (mut client, _) = Client::welcomed(addr).await;
        client.send(message).await;
        assert_eq!(client.closed().await, code);
    }
}
