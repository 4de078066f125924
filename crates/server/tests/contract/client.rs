//! A WebSocket client that a test holds in its hand.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, handshake::client::Response},
};
use weir_testkit::soon;

use crate::{app::TestApp, sockets::served};

/// A client after its handshake.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// A client that has not been welcomed yet.
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::connect_as(addr, &[]).await
    }

    /// A client whose handshake has these headers too.
    pub(crate) async fn connect_as(addr: SocketAddr, headers: &[(&str, &str)]) -> Self {
        Self::let_in(addr, headers).await.unwrap_or_else(|response| panic!("refused: {response:?}"))
    }

    /// A client that has not been welcomed yet, or the answer of a server that does not let it in.
    pub(crate) async fn let_in(addr: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, Box<Response>> {
        let mut request = format!("ws://{addr}/api/ws").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "weir.v1".parse().unwrap());
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(addr).await.unwrap();
        let (socket, response) = match soon("the handshake", client_async(request, stream)).await {
            Err(Error::Http(response)) => return Err(response),
            answered => answered.unwrap(),
        };
        assert_eq!(response.headers()["sec-websocket-protocol"], "weir.v1");
        assert_eq!(response.headers()["weir-protocol"], "1");
        Ok(Self { socket })
    }

    /// A client of a server of its own, and its session.
    pub(crate) async fn of(app: &TestApp) -> (Self, Value) {
        Self::welcomed(served(app).await).await
    }

    /// A client and its new session.
    pub(crate) async fn welcomed(addr: SocketAddr) -> (Self, Value) {
        let mut client = Self::connect(addr).await;
        let welcome = client.frame().await;
        assert_eq!((&welcome["type"], &welcome["seq"]), (&json!("welcome"), &json!(0)));
        assert_eq!(welcome["resumed"], false);
        (client, welcome["session"].clone())
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        soon("the socket to take a message", self.socket.send(message)).await.unwrap();
    }

    /// Subscribes, and waits until the server acknowledges it.
    pub(crate) async fn subscribe(&mut self, topic: &str, after: u64) {
        self.say(json!({ "type": "subscribe", "topic": topic, "after": after })).await;
        let frame = self.frame().await;
        assert_eq!((&frame["type"], &frame["topic"]), (&json!("subscribed"), &json!(topic)), "{frame}");
    }

    /// Asks for an older session; the answer.
    pub(crate) async fn resume(&mut self, session: &Value, seq: u64) -> Value {
        self.say(json!({ "type": "resume", "session": session, "seq": seq })).await;
        self.frame().await
    }

    /// The text of the next frame.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match soon("a frame", self.socket.next()).await.expect("the socket is open").unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("{other:?} instead of a frame"),
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next frames.
    pub(crate) async fn frames(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            frames.push(self.frame().await);
        }
        frames
    }

    /// The next frame, which is an error; its code.
    pub(crate) async fn refused(&mut self) -> String {
        let frame = self.frame().await;
        assert_eq!(frame["type"], "error", "{frame}");
        assert!(frame["message"].as_str().is_some_and(|text| !text.is_empty()), "{frame}");
        frame["code"].as_str().unwrap().to_owned()
    }

    /// With which code the server closes the socket; frames before that are passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        let mut code = None;
        // To read on is to answer the close.
        while let Some(Ok(message)) = soon("the socket to be closed", self.socket.next()).await {
            if let Message::Close(frame) = message {
                code = Some(frame.expect("a reason").code.into());
            }
        }
        code.expect("a close")
    }

    /// Asserts that nothing was sent before the answer to what is provoked now.
    pub(crate) async fn is_silent(&mut self) {
        let id = "01980000-0000-7000-8000-00000000cafe";
        self.say(json!({ "type": "ping", "id": id })).await;
        assert_eq!(self.frame().await, json!({ "type": "pong", "id": id }));
    }
}
