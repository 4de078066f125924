//! Counts the frames of a socket on the wire (RFC 6455, 5.2), below the parser, which shows only whole messages.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::metrics::rate_limited;

/// Frames that a client may send at once, and a second.
const FRAMES_BURST: f64 = 200.0;
const FRAMES_A_SECOND: f64 = 100.0;
/// How long a message may take from its first byte to its last.
const MESSAGE_TIME: Duration = Duration::from_secs(20);

/// A stream of WebSocket frames that fails once its peer has sent too many: with [`io::ErrorKind::QuotaExceeded`], after the bytes
/// that exceeded the limit. Later reads are not counted, so that what is left can be drained.
#[derive(Debug)]
pub(super) struct FrameMeter<S> {
    stream: S,
    /// Frames that the peer may send now.
    tokens: f64,
    refilled: Instant,
    burst: f64,
    per_second: f64,
    limit: Limit,
    position: Position,
    /// Whether a message has begun whose last fragment has not.
    is_fragmented: bool,
    /// When the frame or the message began that is not complete.
    unfinished_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Kept,
    /// The next read fails.
    Exceeded,
    Reported,
}

/// Where in a frame the next byte is.
#[derive(Clone, Copy, Debug)]
enum Position {
    First,
    Length,
    /// So many bytes of an extended length are missing; those before them.
    ExtendedLength {
        missing: u8,
        length: u64,
        mask: u64,
    },
    /// So many bytes of the mask and the payload are missing.
    Payload(u64),
}

impl<S> FrameMeter<S> {
    /// Counts by the limits of the contract.
    pub(super) fn new(stream: S) -> Self {
        Self::with_limits(stream, FRAMES_BURST, FRAMES_A_SECOND)
    }

    /// Counts by no limit.
    #[cfg(test)]
    pub(super) fn unlimited(stream: S) -> Self {
        Self::with_limits(stream, f64::MAX, f64::MAX)
    }

    fn with_limits(stream: S, burst: f64, per_second: f64) -> Self {
        Self {
            stream,
            tokens: burst,
            refilled: Instant::now(),
            burst,
            per_second,
            limit: Limit::Kept,
            position: Position::First,
            is_fragmented: false,
            unfinished_since: None,
        }
    }

    /// Whether the peer has sent too many frames.
    pub(super) fn is_exceeded(&self) -> bool {
        self.limit != Limit::Kept
    }

    /// Whether a message takes longer than it may.
    pub(super) fn is_overdue(&self) -> bool {
        self.unfinished_since.is_some_and(|since| since.elapsed() > MESSAGE_TIME)
    }

    fn count(&mut self, mut bytes: &[u8]) {
        let now = Instant::now();
        let mut frames = 0.0;
        while let [byte, rest @ ..] = bytes {
            bytes = rest;
            self.position = match self.position {
                Position::First => {
                    frames += 1.0;
                    // A control frame may stand between the fragments of a message.
                    let (is_last, is_control) = (byte & 0x80 != 0, byte & 0x08 != 0);
                    if !is_control {
                        self.is_fragmented = !is_last;
                    }
                    self.unfinished_since.get_or_insert(now);
                    Position::Length
                }
                Position::Length => {
                    let mask = if byte & 0x80 == 0 { 0 } else { 4 };
                    match byte & 0x7f {
                        126 => Position::ExtendedLength { missing: 2, length: 0, mask },
                        127 => Position::ExtendedLength { missing: 8, length: 0, mask },
                        length => self.after_length(mask + u64::from(length)),
                    }
                }
                Position::ExtendedLength { missing, length, mask } => {
                    let length = length << 8 | u64::from(*byte);
                    match missing {
                        1 => self.after_length(length.saturating_add(mask)),
                        _ => Position::ExtendedLength { missing: missing - 1, length, mask },
                    }
                }
                Position::Payload(missing) => {
                    // The first of them is read already.
                    let more = usize::try_from(missing - 1).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[more..];
                    self.after_length(missing - 1 - more as u64)
                }
            };
        }
        if frames > 0.0 {
            self.charge(frames, now);
        }
    }

    fn after_length(&mut self, missing: u64) -> Position {
        if missing > 0 {
            return Position::Payload(missing);
        }
        if !self.is_fragmented {
            self.unfinished_since = None;
        }
        Position::First
    }

    fn charge(&mut self, frames: f64, now: Instant) {
        let earned = (now - self.refilled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + earned).min(self.burst) - frames;
        self.refilled = now;
        if self.tokens < 0.0 {
            rate_limited("frames");
            self.limit = Limit::Exceeded;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameMeter<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.limit == Limit::Exceeded {
            this.limit = Limit::Reported;
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if this.limit == Limit::Kept {
            this.count(&buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameMeter<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncWriteExt as _, DuplexStream, duplex},
        time::advance,
    };

    use super::{
        super::connection::{Broken, Connection, Reason, Received},
        *,
    };

    /// Fragments without content, as a client sends them (masked).
    const BEGINNING: [u8; 6] = [0x01, 0x80, 0, 0, 0, 0];
    const CONTINUATION: [u8; 6] = [0x00, 0x80, 0, 0, 0, 0];
    const END: [u8; 6] = [0x80, 0x80, 0, 0, 0, 0];

    async fn sockets() -> (DuplexStream, Connection<DuplexStream>) {
        let (client, server) = duplex(64 * 1024);
        (client, Connection::new(server).await)
    }

    #[tokio::test(start_paused = true)]
    async fn ws_28_every_fragment_counts_as_a_frame() {
        let (mut client, mut connection) = sockets().await;
        client.write_all(&BEGINNING).await.unwrap();
        client.write_all(&CONTINUATION.repeat(198)).await.unwrap();
        client.write_all(&END).await.unwrap();
        assert!(matches!(connection.receive().await, Ok(Received::Text(text)) if text.is_empty()));
        advance(Duration::from_secs(2)).await;
        client.write_all(&BEGINNING).await.unwrap();
        client.write_all(&CONTINUATION.repeat(200)).await.unwrap();
        assert_eq!(connection.receive().await.unwrap_err(), Broken::Breach(Reason::TooMany));
    }

    #[tokio::test(start_paused = true)]
    async fn ws_28_large_and_split_frames_are_counted_once() {
        let (mut client, mut connection) = sockets().await;
        for size in [125_u16, 126, 60_000] {
            let mut frame = vec![0x81];
            if size < 126 {
                frame.push(0x80 | u8::try_from(size).unwrap());
            } else {
                frame.push(0x80 | 0x7e);
                frame.extend(size.to_be_bytes());
            }
            frame.extend([0; 4]);
            frame.resize(frame.len() + usize::from(size), b'a');
            for piece in frame.chunks(1000) {
                client.write_all(piece).await.unwrap();
            }
            assert!(
                matches!(connection.receive().await, Ok(Received::Text(text)) if text.len() == usize::from(size)),
                "{size}"
            );
            assert!(!connection.is_overdue());
        }
        // 197 of the first 200 are left.
        client.write_all(&[0x8a, 0x80, 0, 0, 0, 0].repeat(197)).await.unwrap();
        for _ in 0..197 {
            assert!(matches!(connection.receive().await, Ok(Received::Pong)));
        }
        client.write_all(&END).await.unwrap();
        assert!(connection.receive().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn ws_29_a_message_that_is_not_complete_in_time_is_overdue() {
        let (mut client, mut connection) = sockets().await;
        advance(MESSAGE_TIME * 2).await;
        assert!(!connection.is_overdue(), "an idle socket waits for nothing");
        client.write_all(&BEGINNING).await.unwrap();
        for is_overdue in [false, true] {
            assert!(tokio::time::timeout(Duration::from_secs(15), connection.receive()).await.is_err());
            assert_eq!(connection.is_overdue(), is_overdue);
            client.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.unwrap();
            assert!(matches!(connection.receive().await, Ok(Received::Pong)));
            assert_eq!(connection.is_overdue(), is_overdue, "a control frame completes no message");
        }
        client.write_all(&END).await.unwrap();
        assert!(matches!(connection.receive().await, Ok(Received::Text(_))));
        assert!(!connection.is_overdue());
    }
}
