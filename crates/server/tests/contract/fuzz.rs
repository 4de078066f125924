//! Generated garbage: whatever is sent, nothing breaks, and what comes back has the form of the contract. `PROPTEST_CASES` says how
//! many cases; without it there are few.

use std::{env, path::Path};

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Uri},
};
use futures_util::{SinkExt as _, StreamExt as _};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::Message;
use weir_server::config::{Config, Source};
use weir_testkit::{cases, soon};

use crate::{
    app::{Options, TestApp},
    client::Client,
    sockets::served,
};

/// A frame that is always answered.
const END: &str = r#"{"type":"subscribe","topic":"end"}"#;
const SEEDS: &str = "tests/contract/fuzz.seeds";

/// Plays so many cases on one server, whose runtime is the test's.
fn play<S: Strategy>(few: u32, strategy: &S, play: impl Fn(&Runtime, &TestApp, S::Value)) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let options = Options { without_provider: true, ..Options::default() };
    let app = runtime.block_on(TestApp::with(options));
    let many = env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let played = TestRunner::new(cases(SEEDS, many.unwrap_or(few))).run(strategy, |case| {
        play(&runtime, &app, case);
        Ok(())
    });
    if let Err(error) = played {
        panic!("{error}");
    }
}

/// Words that mean something to some parser.
fn word() -> impl Strategy<Value = String> {
    let known = select(vec![
        "",
        "null",
        "0",
        "-1",
        "1e999",
        "18446744073709551616",
        "NaN",
        "true",
        "run",
        "run:",
        "inbox",
        "metrics",
        "title",
        "%",
        "..",
        "\0",
        "\u{feff}",
        "\u{202e}",
        "😀",
        "'",
        "\"",
        "\\u0000",
        "Bearer",
        "=",
        ";",
        ",",
        "[]",
        "{}",
        "01980000-0000-7000-8000-000000000001",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => "\\PC{0,40}", 1 => any::<String>()]
}

/// Any JSON, some of it deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((word(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Something that looks like a frame, or does not.
fn frame() -> impl Strategy<Value = String> {
    let kinds =
        ["resume", "ack", "subscribe", "unsubscribe", "invoke_tool", "cancel_tool", "ping", "welcome", "RESUME", ""];
    let fields = ["session", "seq", "topic", "after", "id", "name", "args", "type"];
    let alike = (select(kinds.to_vec()), vec((select(fields.to_vec()), value()), 0..5)).prop_map(|(kind, fields)| {
        let mut frame = json!({ "type": kind });
        for (name, value) in fields {
            frame[name] = value;
        }
        frame.to_string()
    });
    let broken = (value(), any::<prop::sample::Index>()).prop_map(|(value, at)| {
        let text: Vec<char> = value.to_string().chars().collect();
        text[..at.index(text.len())].iter().collect()
    });
    let deep = (1..2000_usize, select(vec!["[", "{\"a\":", "{\"type\":\"ack\",\"seq\":["]));
    prop_oneof![
        6 => alike,
        2 => broken,
        1 => value().prop_map(|value| value.to_string()),
        1 => any::<String>(),
        1 => deep.prop_map(|(depth, open)| open.repeat(depth)),
    ]
}

#[test]
fn ws_13_whatever_is_sent_as_a_frame_is_answered_or_ends_the_socket_by_a_known_code() {
    play(64, &vec(frame(), 1..20), |runtime, app, frames| {
        runtime.block_on(async {
            let addr = served(app).await;
            let (mut client, _) = Client::welcomed(addr).await;
            for frame in &frames {
                // One that is closed already takes no more.
                let _ = client.socket.send(Message::text(frame.as_str())).await;
            }
            // The last word is one that is always answered, should the socket still be there.
            let _ = client.socket.send(Message::text(END)).await;
            loop {
                match soon("an answer", client.socket.next()).await {
                    Some(Ok(Message::Text(text))) => {
                        let told: Value = serde_json::from_str(&text).expect("frames are JSON");
                        if told["code"] == "unknown_topic" && told["topic"] == "end" {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(close))) => {
                        let code = close.map(|close| u16::from(close.code));
                        assert!(matches!(code, Some(4400 | 4429)), "{code:?} after {frames:?}");
                        return;
                    }
                    Some(Ok(_)) => {}
                    ended => panic!("{ended:?} after {frames:?}"),
                }
            }
        });
    });
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02x}"))
}

/// A request to some route, with anything in it.
fn request() -> impl Strategy<Value = Request<Body>> {
    let paths = vec![
        "/api/realtime",
        "/api/realtime/{}",
        "/api/conversations",
        "/api/conversations/{}",
        "/api/messages",
        "/api/models",
        "/api/tools",
        "/api/tools/{}",
        "/api/tools/{}/permission",
        "/api/tool-calls/{}/approval",
        "/api/jobs",
        "/api/jobs/{}",
        "/api/jobs/{}/events",
        "/api/mcp-servers/{}/log",
        "/api/approvals",
        "/api/auth",
        "/api/me",
        "/api/ws",
        "/mcp",
        "/{}",
    ];
    let methods =
        vec![Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS];
    let names = vec![
        "authorization",
        "cookie",
        "origin",
        "sec-fetch-site",
        "host",
        "idempotency-key",
        "last-event-id",
        "content-type",
        "accept",
        "x-forwarded-for",
        "x-request-id",
        "traceparent",
        "if-none-match",
        "accept-encoding",
        "upgrade",
        "sec-websocket-key",
    ];
    let bytes = prop_oneof![word().prop_map(String::into_bytes), vec(any::<u8>(), 0..60)];
    let queries = ["cursor", "limit", "q", "after", "archived", "conversationId", "status"];
    let query = vec((select(queries.to_vec()), word()), 0..3);
    let body = prop_oneof![
        1 => Just(Vec::new()),
        4 => value().prop_map(|value| value.to_string().into_bytes()),
        4 => vec((select(vec!["prompt", "title", "role", "content", "args", "permission", "decision", "pinned"]), value()), 0..4)
            .prop_map(|fields| object(fields).to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..200),
    ];
    let shape = (select(methods), select(paths), word(), query, any::<bool>());
    (shape, vec((select(names), bytes), 0..4), body).prop_filter_map("an address", |(shape, headers, body)| {
        let (method, path, word, query, json) = shape;
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let uri: Uri = format!("{}?{}", path.replace("{}", &escaped(&word)), query.join("&")).parse().ok()?;
        let mut request = Request::builder().method(method).uri(uri);
        if json {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(name, HeaderValue::from_bytes(&value).ok()?);
        }
        request.body(Body::from(body)).ok()
    })
}

#[test]
fn err_12_whatever_is_requested_is_answered_in_the_form_of_the_contract() {
    play(256, &request(), |runtime, app, request| {
        let what = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let answer = runtime.block_on(app.send(request));
        assert!(answer.status < 500, "{} to {what}", answer.status);
        if answer.status >= 400 && !what.contains(" /mcp") && !answer.body.is_empty() && what.contains(" /api/") {
            let problem: Value = serde_json::from_slice(&answer.body).expect(&what);
            assert_eq!(problem["status"], answer.status, "{what}");
            assert!(problem["code"].is_string(), "{what}");
        }
    });
}

#[test]
fn cfg_1_whatever_stands_in_the_configuration_is_read_or_refused() {
    let keys = vec![
        "WEIR_ADDR",
        "WEIR_AUTH",
        "WEIR_HEARTBEAT",
        "WEIR_LOG",
        "WEIR_MODEL",
        "WEIR_HOSTS",
        "WEIR_RATE_LIMIT",
        "WEIR_RATE_BURST",
        "WEIR_TRUSTED_PROXIES",
        "WEIR_RUNS_PER_USER",
        "DATABASE_URL",
        "REDIS_URL",
        "OPENAI_BASE_URL",
        "OPENAI_API_KEY",
        "OPENAI_MODELS",
        "WEIR_RUN_RETENTION",
        "WEIR_DURABILITY",
        "WEIR_NOTHING",
    ];
    let values = prop_oneof![
        word(),
        "[0-9]{1,24}(ms|s|m|h|d)?",
        "(postgres|redis|http|https)://\\PC{0,30}",
        "[0-9a-f:./,]{0,40}"
    ];
    let strategy = (vec((select(keys), values), 0..6), "\\PC{0,60}", any::<bool>());
    let mut runner = TestRunner::new(cases(SEEDS, 256));
    let read = runner.run(&strategy, |(values, text, as_file)| {
        let source = if as_file {
            let lines: Vec<_> = values.iter().map(|(key, value)| format!("{key} = {value:?}\n")).collect();
            Source::of_text(Path::new("weir.toml"), &(lines.concat() + &text))
        } else {
            Source::of(values.iter().map(|(key, value)| (*key, value.as_str())))
        };
        if let Err(faults) = Config::read(source) {
            prop_assert!(!faults.0.is_empty());
            prop_assert!(faults.0.iter().all(|fault| !fault.message.is_empty()));
        }
        Ok(())
    });
    if let Err(error) = read {
        panic!("{error}");
    }
}
