//! A server that is nothing but a socket: the test reads each question and writes every byte of the answer itself.

use std::{net::SocketAddr, sync::Once, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use uuid::Uuid;
use weir_protocol::{ConversationId, Role};
use weir_providers::{
    ChatRequest, ContextPlace, Turn,
    openai::{OpenAiOptions, OpenAiProvider, RetryPolicy},
};

/// Longer than anything here may take; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) addr: SocketAddr,
}

/// One question, and the socket to answer on.
pub(crate) struct Exchange {
    /// The request line and the headers, in lower case.
    pub(crate) head: String,
    /// The body; null for a GET.
    pub(crate) body: Value,
    socket: TcpStream,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        Self { listener, addr }
    }

    /// A client of this server that waits and retries in milliseconds.
    pub(crate) fn provider(&self) -> OpenAiProvider {
        provider(self.options())
    }

    pub(crate) fn options(&self) -> OpenAiOptions {
        OpenAiOptions {
            base_url: format!("http://{}", self.addr).parse().unwrap(),
            api_key: Some("sk-very-secret".parse().unwrap()),
            silence_timeout: PATIENCE,
            retry: RetryPolicy { retries: 2, base: Duration::from_millis(5), longest: Duration::from_secs(1) },
            ..OpenAiOptions::default()
        }
    }

    /// The next question.
    pub(crate) async fn next(&self) -> Exchange {
        let (socket, _) = timeout(PATIENCE, self.listener.accept()).await.expect("a connection").unwrap();
        Exchange::read(socket).await
    }

    /// Answers the next question with `response`, closes, and gives the question.
    pub(crate) async fn answer(&self, response: &str) -> Exchange {
        let mut exchange = self.next().await;
        exchange.write(response).await;
        // The client may have closed already.
        let _ = exchange.socket.shutdown().await;
        exchange
    }

    /// Whether a further connection comes within a time in which every retry would have come.
    pub(crate) async fn is_asked_again(&self) -> bool {
        timeout(Duration::from_millis(150), self.listener.accept()).await.is_ok()
    }
}

impl Exchange {
    async fn read(mut socket: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(socket.read_buf(&mut bytes).await.unwrap() > 0, "the client closed inside its request");
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap().to_lowercase();
        let length = head
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.split_once('\r').and_then(|(length, _)| length.parse::<usize>().ok()).unwrap());
        while bytes.len() < head_end + length {
            assert!(socket.read_buf(&mut bytes).await.unwrap() > 0, "the client closed inside its request");
        }
        let body = if length == 0 { Value::Null } else { serde_json::from_slice(&bytes[head_end..]).unwrap() };
        Self { head, body, socket }
    }

    /// The next question on the same connection.
    pub(crate) async fn next(self) -> Self {
        timeout(PATIENCE, Self::read(self.socket)).await.expect("another question on the connection")
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.write_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
        self.socket.flush().await.unwrap();
    }

    /// Writes what a client takes that may close before it has been sent everything.
    pub(crate) async fn try_write(mut self, text: &str) {
        let _ = self.socket.write_all(text.as_bytes()).await;
        let _ = self.socket.shutdown().await;
    }

    /// Writes again and again until the client has closed its side.
    pub(crate) async fn write_until_closed(mut self, text: &str) {
        while self.socket.write_all(text.as_bytes()).await.is_ok() {}
    }

    /// Waits until the client has closed its side; fails after `limit`.
    pub(crate) async fn closed_within(mut self, limit: Duration) {
        let mut byte = [0];
        match timeout(limit, self.socket.read(&mut byte)).await {
            Ok(Ok(0)) => {}
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("the client keeps the connection: {other:?}"),
        }
    }
}

pub(crate) fn provider(options: OpenAiOptions) -> OpenAiProvider {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    OpenAiProvider::new(options).unwrap()
}

pub(crate) fn question() -> ChatRequest {
    ChatRequest {
        model: "m-1".to_owned(),
        conversation: ConversationId(Uuid::nil()),
        turns: vec![Turn::new(Role::User, "Hello")],
        tools: Vec::new(),
        partial: None,
        place: ContextPlace::default(),
    }
}

/// A whole response of `status` with `body`.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The event of one token.
pub(crate) fn token(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}}}}]}}\n\n", Value::from(text))
}

/// The events that end an answer.
pub(crate) const STOP: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);
