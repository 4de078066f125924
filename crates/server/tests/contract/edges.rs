//! Clients that send slowly, read slowly, or send what is no HTTP, over real sockets.

use std::{net::SocketAddr, time::Duration};

use axum::http::Method;
use futures_util::future::join_all;
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    time::{Instant, timeout},
};
use tower::ServiceExt as _;
use weir_server::{
    connections::{self, Guests},
    limits::LimitOptions,
};
use weir_testkit::{cases, soon};

use crate::{
    app::{Options, TestApp, request},
    people::{PASSWORD, Who},
};

/// The server behind the same listener as in production.
async fn listening(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let guests = Guests::new(1024, Vec::new());
    tokio::spawn(connections::serve(listener, app.router(), guests, app.app.closing.clone()));
    addr
}

async fn sent(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket
}

/// The status of the next response. Nothing else of it is read.
async fn status(socket: &mut TcpStream) -> u16 {
    let mut head = [0; 12];
    soon("a response", socket.read_exact(&mut head)).await.unwrap();
    let head = String::from_utf8_lossy(&head).into_owned();
    head.strip_prefix("HTTP/1.1 ").expect(&head).parse().unwrap()
}

fn head(method: &str, path: &str, who: &Who, rest: &str) -> Vec<u8> {
    let headers: String =
        who.headers().iter().fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value}\r\n"));
    format!("{method} {path} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\n{headers}{rest}\r\n").into()
}

/// A request whose body is announced and does not arrive.
fn unfinished(path: &str, who: &Who) -> Vec<u8> {
    [head("POST", path, who, "content-length: 100\r\n"), b"{".to_vec()].concat()
}

#[tokio::test]
async fn lim_32_bodies_that_do_not_arrive_hold_no_place() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let addr = listening(&app).await;
    let guests = unfinished("/api/auth/sign-in", &Who::nobody());
    let chunked =
        [head("POST", "/api/messages", &bob, "transfer-encoding: chunked\r\n"), b"1\r\n{\r\n".to_vec()].concat();
    let mut held = Vec::new();
    for _ in 0..300 {
        held.push(sent(addr, &guests).await);
        held.push(sent(addr, &chunked).await);
    }
    let began = Instant::now();
    let mut mine = sent(addr, &head("GET", "/api/me", &ada, "")).await;
    assert_eq!(status(&mut mine).await, 200);
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    let sign_in = head("POST", "/api/auth/sign-in", &Who::nobody(), &format!("content-length: {}\r\n", body.len()));
    let mut entering = sent(addr, &[sign_in, body.into()].concat()).await;
    assert_eq!(status(&mut entering).await, 200, "from the same address");
    let mut his = sent(addr, &head("GET", "/api/me", &bob, "")).await;
    assert_eq!(status(&mut his).await, 200, "also for the user who holds unfinished requests");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // The oldest were displaced by those that came later.
    assert_eq!(status(&mut held[0]).await, 408);
    assert_eq!(status(&mut held[1]).await, 408);
}

#[tokio::test]
async fn lim_32_a_body_without_a_credential_is_not_waited_for() {
    let app = TestApp::guarded().await;
    let addr = listening(&app).await;
    for path in ["/api/realtime", "/mcp", "/api/me/tokens"] {
        let mut socket = sent(addr, &unfinished(path, &Who::nobody())).await;
        assert_eq!(status(&mut socket).await, 401, "{path}");
    }
}

#[tokio::test]
async fn lim_31_readers_that_do_not_read_hold_a_bounded_number_of_bytes() {
    let limits = LimitOptions { response_bytes: 2 * 1024 * 1024, ..LimitOptions::OPEN };
    let app = TestApp::with(Options { limits, ..Options::default() }).await;
    let mut conversation = Value::Null;
    for _ in 0..3 {
        let body = json!({ "role": "user", "content": "a".repeat(200 * 1024), "conversationId": conversation });
        let made: Value = app.post("/api/messages", body).await.json(201);
        conversation = made["conversationId"].clone();
    }
    let path = format!("/api/messages?conversationId={}", conversation.as_str().unwrap());
    let ask = || app.router().oneshot(request(Method::GET, &path, &[], None));
    let unread: Vec<_> = join_all((0..30).map(|_| ask())).await.into_iter().map(Result::unwrap).collect();
    let (held, refused): (Vec<_>, Vec<_>) = unread.into_iter().partition(|response| response.status() == 200);
    assert!((1..=4).contains(&held.len()), "{} responses are held", held.len());
    assert!(refused.iter().all(|response| response.status() == 429 && response.headers().contains_key("retry-after")));
    drop(held);
    assert_eq!(app.get(&path).await.status, 200);
}

#[tokio::test]
async fn lim_33_a_user_reads_a_bounded_number_of_streams() {
    let limits = LimitOptions { streams: 2, ..LimitOptions::OPEN };
    let app = TestApp::with(Options { limits, ..Options::default() }).await;
    let first = app.ask("One").await;
    let second = app.follow(first.run(), 0).await;
    let refused = app.get(&format!("/api/realtime/{}", first.run())).await;
    refused.problem(429, "too_many_streams");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    app.post("/api/realtime", json!({ "prompt": "Two" })).await.problem(429, "too_many_streams");
    let begun: Value = app.get("/api/conversations").await.json(200);
    assert_eq!(begun["items"].as_array().unwrap().len(), 1, "what is refused has no effect");
    drop(second);
    let third = app.ask("Three").await;
    assert_ne!(third.run(), first.run());
}

#[tokio::test]
async fn edge_10_a_refusal_repeats_a_bounded_part_of_what_was_sent() {
    let app = TestApp::new().await;
    let long = "x".repeat(1_000_000);
    let many: Vec<_> = (0..20_000).map(|number| json!({ "n": number })).collect();
    for (path, body) in [
        ("/api/tools/calculate", json!({ "args": { "expression": long } })),
        ("/api/tools/calculate", json!({ "args": { "expression": many } })),
        ("/api/tools/calculate", json!({ "args": { &long: 1 } })),
        ("/api/conversations", json!({ "title": many })),
        ("/api/messages", json!({ "role": long, "content": "a" })),
        ("/api/messages", json!({ "role": "user", "content": "a", "conversationId": long })),
    ] {
        let refused = app.post(path, body).await;
        assert!(refused.body.len() < 64 * 1024, "{path}: {} bytes", refused.body.len());
    }
}

/// Bytes that look like HTTP, or do not.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let lines = vec![
        "GET /healthz HTTP/1.1\r\n",
        "POST /api/conversations HTTP/1.1\r\n",
        "POST /api/auth/sign-in HTTP/1.1\r\n",
        "POST /mcp HTTP/1.1\r\n",
        "DELETE /api/me HTTP/1.1\r\n",
        "GET /api/ws HTTP/1.1\r\n",
        "GET http://weir/ HTTP/1.1\r\n",
        "CONNECT weir:80 HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.0\r\n",
        "GET /\0 HTTP/1.1\r\n",
        "host: weir\r\n",
        "host: a.b.c:99999\r\n",
        "content-type: application/json\r\n",
        "content-length: 5\r\n",
        "content-length: 18446744073709551615\r\n",
        "content-length: -1\r\n",
        "transfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "expect: 100-continue\r\n",
        "range: bytes=0-0,1-1,2-\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\n",
        "connection: close\r\n",
        "cookie: weir_session=x; ;=;a\r\n",
        "x-forwarded-for: 1, ,::,[\r\n",
        " folded\r\n",
        "\r\n",
        "\n",
        "5\r\n{\"a\":\r\n",
        "1;x=y\r\n1\r\n",
        "ffffffffffffffff\r\n",
        "0\r\ntrailer: x\r\n\r\n",
        "{\"a\":1}",
    ];
    let piece = prop_oneof![
        12 => select(lines).prop_map(|line| line.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
        1 => (0..20_000_usize, any::<u8>()).prop_map(|(count, byte)| vec![byte; count]),
        1 => (0..3000_usize).prop_map(|count| b"1\r\nx\r\n".repeat(count)),
    ];
    vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

#[test]
fn edge_9_the_server_answers_the_next_connection_after_any_bytes() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(TestApp::with(Options { without_provider: true, ..Options::default() }));
    let addr = runtime.block_on(listening(&app));
    let many = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let played = TestRunner::new(cases("tests/contract/edges.seeds", many.unwrap_or(96))).run(&wire(), |bytes| {
        runtime.block_on(async {
            let mut socket = TcpStream::connect(addr).await.unwrap();
            // A connection that was refused takes no more.
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
            let mut answer = Vec::new();
            let _ = timeout(Duration::from_millis(200), socket.read_to_end(&mut answer)).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            prop_assert!(answer.is_empty() || answer.starts_with("HTTP/1."), "{answer}");
            prop_assert!(!answer.contains("HTTP/1.1 500"), "{answer}");
            let health = head("GET", "/healthz", &Who::nobody(), "");
            prop_assert_eq!(status(&mut sent(addr, &health).await).await, 200);
            Ok(())
        })
    });
    if let Err(error) = played {
        panic!("{error}");
    }
}
