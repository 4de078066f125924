//! Where a real socket matters.

use std::net::SocketAddr;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use weir_testkit::soon;

use crate::app::TestApp;

pub(crate) async fn served(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = app.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    addr
}

async fn ask(addr: SocketAddr, prompt: &str) -> TcpStream {
    let body = json!({ "prompt": prompt }).to_string();
    let mut socket = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST /api/realtime HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    socket
}

async fn read_until(socket: &mut TcpStream, wanted: &str) -> String {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(wanted) {
        let read = soon(wanted, socket.read_buf(&mut bytes)).await.unwrap();
        assert!(read > 0, "closed before {wanted}: {}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn sse_1_a_stream_goes_out_event_by_event_and_uncompressed() {
    let app = TestApp::new().await;
    let mut socket = ask(served(&app).await, "Hello").await;
    let head = read_until(&mut socket, "event: message").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for line in ["content-type: text/event-stream", "cache-control: no-cache, no-transform", "x-accel-buffering: no"] {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
    assert!(!head.contains("content-encoding") && !head.contains("content-length"), "{head}");
    let answer = app.script.answers().await;
    for word in ["one", "two", "three"] {
        answer.say(word);
        read_until(&mut socket, word).await;
    }
    answer.finish();
    // The last chunk: the server has closed the stream, and keeps the connection.
    assert!(read_until(&mut socket, "\r\n0\r\n\r\n").await.contains("event: done"));
}

#[tokio::test]
async fn run_12_a_connection_that_dies_stops_nothing() {
    let app = TestApp::new().await;
    let mut socket = ask(served(&app).await, "Hello").await;
    let head = read_until(&mut socket, "event: message").await;
    let run = head.lines().find_map(|line| line.strip_prefix("weir-run-id: ")).unwrap().parse().unwrap();
    socket.set_zero_linger().unwrap();
    drop(socket);
    let answer = app.script.answers().await;
    answer.say("Still here.");
    answer.finish();
    let log = app.follow(run, 0).await.rest().await;
    assert_eq!(log.len(), 4);
}
