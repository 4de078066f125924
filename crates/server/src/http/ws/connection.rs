//! One socket as messages: sent within a deadline, read within limits, closed with a reason.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use super::frame_meter::FrameMeter;
use crate::metrics::READERS_DROPPED;

/// The largest message that is read, in bytes.
const INBOUND_BYTES: usize = 1024 * 1024;
/// Larger messages go out in pieces of so many bytes, so that no socket's buffer grows with them.
const PIECE_BYTES: usize = 16 * 1024;
/// What may wait in a socket's own buffer: one piece and a few control frames.
const WRITE_BUFFER_BYTES: usize = 2 * PIECE_BYTES;
/// How long a piece may wait for a client that does not read.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long the other side has to answer a close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// Why the server closes a socket (RFC 6455, 7.4; 4000 and up are the contract's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Reason {
    GoingAway = 1001,
    Protocol = 1002,
    NotText = 1007,
    TooBig = 1009,
    Malformed = 4400,
    NotAuthenticated = 4401,
    TakenOver = 4409,
    TooMany = 4429,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::GoingAway => "this server cannot go on for now: come back in a moment",
            Self::Protocol => "this is not WebSocket",
            Self::NotText => "text must be UTF-8",
            Self::TooBig => "messages must be at most 1 MiB",
            Self::Malformed => "too many malformed frames in a row",
            Self::NotAuthenticated => "nobody is let in by this any more: sign in",
            Self::TakenOver => "another socket goes on with this session",
            Self::TooMany => "too many frames, or a message that takes too long",
        }
    }
}

/// What a client sent.
#[derive(Debug)]
pub(super) enum Received {
    Text(Utf8Bytes),
    Binary(Bytes),
    Ping,
    Pong,
}

/// Why nothing more can be received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The client has closed the socket, or it is dead.
    Gone,
    /// The client does what it must not.
    Breach(Reason),
}

/// What a socket may take, messages of at most `inbound` bytes among it. Its buffers are what an idle socket costs: by
/// default they would be 128 KiB each.
fn limits(inbound: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(inbound))
        .max_frame_size(Some(inbound))
}

/// A socket after its upgrade.
#[derive(Debug)]
pub(super) struct Connection<S>(WebSocketStream<FrameMeter<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The server's side of a socket.
    pub(super) async fn new(stream: S) -> Self {
        Self::with(FrameMeter::new(stream), INBOUND_BYTES).await
    }

    async fn with(stream: FrameMeter<S>, inbound: usize) -> Self {
        Self(WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits(inbound))).await)
    }

    /// Whether the client takes too long for a message that it has begun.
    pub(super) fn is_overdue(&self) -> bool {
        self.0.get_ref().is_overdue()
    }

    /// What comes next. It may be dropped while it waits: nothing is lost.
    pub(super) async fn receive(&mut self) -> Result<Received, Broken> {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => Ok(Received::Text(text)),
                Some(Ok(Message::Binary(bytes))) => Ok(Received::Binary(bytes)),
                Some(Ok(Message::Ping(_))) => Ok(Received::Ping),
                Some(Ok(Message::Pong(_))) => Ok(Received::Pong),
                // The answer to a close goes out with the next read, which then tells the end.
                Some(Ok(Message::Close(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => Err(broken(&error)),
                None => Err(Broken::Gone),
            };
        }
    }

    /// Sends a text. Nothing is queued: it returns when the socket has taken everything, with an error when it does not
    /// within [`WRITE_DEADLINE`] for each piece.
    pub(super) async fn send(&mut self, text: String) -> Result<(), Broken> {
        if text.len() <= PIECE_BYTES {
            return self.write(Message::text(text)).await;
        }
        self.send_in_pieces(Bytes::from(text), Data::Text).await
    }

    /// Asks whether the client is still there.
    pub(super) async fn ping(&mut self) -> Result<(), Broken> {
        self.write(Message::Ping(Bytes::new())).await
    }

    async fn send_in_pieces(&mut self, mut rest: Bytes, kind: Data) -> Result<(), Broken> {
        let mut kind = kind;
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            let frame = Frame::message(piece, OpCode::Data(kind), rest.is_empty());
            self.write(Message::Frame(frame)).await?;
            kind = Data::Continue;
        }
        Ok(())
    }

    async fn write(&mut self, message: Message) -> Result<(), Broken> {
        let Ok(sent) = timeout(WRITE_DEADLINE, self.0.send(message)).await else {
            READERS_DROPPED.increment(1);
            return Err(Broken::Gone);
        };
        sent.map_err(|error| broken(&error))
    }

    /// Says why, waits a moment for the other side's word, and lets the socket go.
    pub(super) async fn close(mut self, reason: Reason) {
        let frame = CloseFrame { code: CloseCode::from(reason as u16), reason: reason.words().into() };
        let closing = async {
            self.0.send(Message::Close(Some(frame))).await?;
            // A client that floods is not heard any more.
            while !self.0.get_ref().is_exceeded() {
                match self.0.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) if self.0.get_ref().is_exceeded() => break,
                    Some(Err(Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_))) => break,
                    Some(Err(_)) | None => return Ok(()),
                }
            }
            // To drop a socket with unread bytes in it resets it, and then the client may not see why.
            if self.0.get_ref().is_exceeded() {
                self.0.get_mut().shutdown().await?;
            }
            let mut unread = vec![0; 4096];
            while self.0.get_mut().read(&mut unread).await? > 0 {}
            Ok::<_, Error>(())
        };
        // Whoever does not answer knows already, or is gone.
        let _ = timeout(CLOSE_DEADLINE, closing).await;
    }
}

fn broken(error: &Error) -> Broken {
    match error {
        Error::Capacity(_) => Broken::Breach(Reason::TooBig),
        Error::Utf8(_) => Broken::Breach(Reason::NotText),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing) => Broken::Gone,
        Error::Protocol(_) => Broken::Breach(Reason::Protocol),
        Error::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => Broken::Breach(Reason::TooMany),
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Broken::Breach(Reason::Protocol),
        _ => Broken::Gone,
    }
}

#[cfg(test)]
mod echo;
