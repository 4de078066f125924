//! A WebSocket client of the subprotocol `weir.v1`.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue},
    },
};

/// The longest wait for a frame.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open socket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// What a socket received.
pub(crate) enum Received {
    /// A frame of the subprotocol.
    Frame(Value),
    /// The server closed the socket, with a code where it gave one.
    Closed(Option<u16>),
    /// Nothing in time.
    Silence,
}

impl Socket {
    /// Opens a socket; returns the status when the server refuses.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn open(addr: SocketAddr, headers: &[(&str, &str)]) -> Result<Result<Self, u16>> {
        let mut request = format!("ws://{addr}/api/ws").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("weir.v1"));
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::try_from(*name)?, HeaderValue::from_str(value)?);
        }
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        match timeout(PATIENCE, client_async(request, stream)).await.context("no answer to a handshake")? {
            Ok((socket, _)) => Ok(Ok(Self(socket))),
            Err(Error::Http(response)) => Ok(Err(response.status().as_u16())),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a socket as the person of `token`.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn open_as(addr: SocketAddr, token: &str) -> Result<Self> {
        match Self::open(addr, &[("authorization", &format!("Bearer {token}"))]).await? {
            Ok(socket) => Ok(socket),
            Err(status) => bail!("a WebSocket was refused with {status}"),
        }
    }

    /// Sends a frame; false when the socket is closed.
    pub(crate) async fn send(&mut self, text: impl Into<String>) -> bool {
        let sending = self.0.send(Message::text(text.into()));
        timeout(PATIENCE, sending).await.is_ok_and(|sent| sent.is_ok())
    }

    /// Sends a message of any kind; false when the socket is closed.
    pub(crate) async fn send_message(&mut self, message: Message) -> bool {
        timeout(PATIENCE, self.0.send(message)).await.is_ok_and(|sent| sent.is_ok())
    }

    /// Receives the next frame within `limit`.
    ///
    /// # Errors
    /// When a frame is not JSON.
    pub(crate) async fn receive(&mut self, limit: Duration) -> Result<Received> {
        let receiving = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Received::Frame(serde_json::from_str(&text)?)),
                    Some(Ok(Message::Close(close))) => {
                        return Ok(Received::Closed(close.map(|close| u16::from(close.code))));
                    }
                    Some(Err(_)) | None => return Ok(Received::Closed(None)),
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(limit, receiving).await.unwrap_or(Ok(Received::Silence))
    }

    /// Receives until `wanted` accepts a frame; none when the socket is closed or silent before that.
    ///
    /// # Errors
    /// When a frame is not JSON.
    pub(crate) async fn receive_until(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Option<Value>> {
        loop {
            match self.receive(PATIENCE).await? {
                Received::Frame(frame) if wanted(&frame) => return Ok(Some(frame)),
                Received::Frame(_) => {}
                Received::Closed(_) | Received::Silence => return Ok(None),
            }
        }
    }
}
