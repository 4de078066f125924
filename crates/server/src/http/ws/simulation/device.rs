//! One client with all its vices.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{io::DuplexStream, time::sleep};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use weir_protocol::{ClientFrame, RunId, Seq, ServerFrame, SessionId, StreamChunk, UserId};

use super::world::{ALICE, BOB, World, text};

pub(super) type Socket = WebSocketStream<DuplexStream>;

/// A device that follows every run of its user to the end.
pub(super) struct Device {
    world: World,
    random: fastrand::Rng,
    lengths: BTreeMap<RunId, u64>,
    /// The last event it has seen of each run.
    journal: BTreeMap<RunId, u64>,
    /// The session it can go on with, once the server has said that it has read the subscriptions.
    session: Option<SessionId>,
    confirmed: bool,
    /// The last frame it has seen of the session.
    seq: u64,
    /// Codes of the errors that it has asked for; the server may not have read all of it.
    provoked: Vec<&'static str>,
}

/// What becomes of a connection.
enum Fate {
    /// The server has closed it, or it is cut.
    Gone,
    /// The device turns to a new one and forgets about this one.
    Left,
}

impl Device {
    pub(super) fn new(world: World, random: fastrand::Rng) -> Self {
        let lengths = world.lengths(ALICE);
        let journal = lengths.keys().map(|run| (*run, 0)).collect();
        Self { world, random, lengths, journal, session: None, confirmed: false, seq: 0, provoked: Vec::new() }
    }

    pub(super) async fn follow_all(mut self) {
        let mut left: Option<Socket> = None;
        while self.journal != self.lengths {
            let mut socket = self.connect(ALICE).await;
            let Some(resumed) = self.greet(&mut socket).await else { continue };
            if let Some(older) = left.take().filter(|_| resumed) {
                // Or the server has given it up before, because nobody read.
                assert!(matches!(ending(older).await, Some(4409) | None), "one socket holds a session");
            }
            match self.follow(&mut socket).await {
                Fate::Left => left = Some(socket),
                Fate::Gone => drop(socket),
            }
            let away = match self.random.u8(0..10) {
                0 => self.random.u64(100_000..400_000),
                1..5 => 0,
                _ => self.random.u64(1..20_000),
            };
            sleep(Duration::from_millis(away)).await;
        }
    }

    async fn connect(&mut self, user: UserId) -> Socket {
        let stream = self.world.connect(user, &mut self.random);
        WebSocketStream::from_raw_socket(stream, Role::Client, None).await
    }

    /// Goes on with the session or begins a new one. None when the socket is closed meanwhile.
    async fn greet(&mut self, socket: &mut Socket) -> Option<bool> {
        let (new, seq, resumed) = welcomed(socket).await?;
        assert_eq!((seq, resumed), (0, false), "the server speaks first, of a new session");
        if let Some(session) = self.session.filter(|_| self.confirmed) {
            let is_lie = self.random.u8(0..20) == 0;
            let seq = if is_lie { self.seq + 1_000_000 } else { self.seq };
            say(socket, &ClientFrame::Resume { session, seq }).await?;
            let (answered, at, resumed) = welcomed(socket).await?;
            if resumed {
                assert!(!is_lie, "a session that is further than it ever was");
                assert_eq!((answered, at), (session, seq));
                return Some(true);
            }
            assert_eq!((answered, at), (new, 0));
        }
        (self.session, self.seq, self.confirmed) = (Some(new), 0, false);
        self.provoked.clear();
        for (run, seen) in self.journal.clone() {
            let frame = ClientFrame::Subscribe { topic: format!("run:{run}"), after: Some(Seq(seen)) };
            say(socket, &frame).await?;
            if self.random.u8(0..4) == 0 && seen < self.lengths[&run] {
                // It is followed already, unless it has ended in the meantime.
                say(socket, &ClientFrame::Subscribe { topic: format!("run:{run}"), after: None }).await?;
            }
        }
        let foreign = *self.world.lengths(BOB).keys().next()?;
        say(socket, &ClientFrame::Subscribe { topic: format!("run:{foreign}"), after: None }).await?;
        Some(false)
    }

    async fn follow(&mut self, socket: &mut Socket) -> Fate {
        while self.journal != self.lengths {
            let did = match self.random.u8(0..200) {
                0..5 => return Fate::Gone,
                5..8 => return Fate::Left,
                8..11 => {
                    sleep(Duration::from_millis(self.random.u64(1..60_000))).await;
                    Some(())
                }
                11..40 => say(socket, &ClientFrame::Ack { seq: self.random.u64(0..=self.seq) }).await,
                40..44 => {
                    self.provoked.push("invalid_ack");
                    say(socket, &ClientFrame::Ack { seq: self.seq + 1_000_000 }).await
                }
                44..48 => {
                    self.provoked.push("invalid_frame");
                    let garbage =
                        *self.random.choice(&["", "{}", "[1]", "\"ack\"", r#"{"type":"ack","seq":-1}"#]).unwrap_or(&"");
                    socket.send(Message::text(garbage)).await.ok()
                }
                48..50 => {
                    self.provoked.push("invalid_resume");
                    let session = self.session.unwrap_or(SessionId(uuid::Uuid::nil()));
                    say(socket, &ClientFrame::Resume { session, seq: self.seq }).await
                }
                50..52 => self.try_theft().await,
                _ => Some(()),
            };
            let Some(frame) = (match did {
                Some(()) => frame(socket).await,
                None => None,
            }) else {
                return Fate::Gone;
            };
            self.note(frame);
        }
        Fate::Gone
    }

    /// Another user knows the session's id.
    async fn try_theft(&mut self) -> Option<()> {
        let mut thief = self.connect(BOB).await;
        let session = self.session?;
        if let Some((new, ..)) = welcomed(&mut thief).await
            && say(&mut thief, &ClientFrame::Resume { session, seq: self.seq }).await.is_some()
            && let Some(answer) = welcomed(&mut thief).await
        {
            assert_eq!(answer, (new, 0, false), "another user's session is like one that never was");
        }
        Some(())
    }

    fn note(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Chunk { seq, run, n, chunk } => {
                self.count(seq);
                let seen = self.journal.get_mut(&run).expect("a run that is followed");
                assert_eq!(n.0, *seen + 1, "each event once and in order");
                *seen += 1;
                match chunk {
                    StreamChunk::Token(token) => assert_eq!(token.text, text(run, n.0)),
                    StreamChunk::Done(_) => assert_eq!(n.0, self.lengths[&run]),
                    other => panic!("{other:?}"),
                }
            }
            ServerFrame::Error { seq, code, .. } => {
                self.count(seq);
                if code == "not_found" {
                    // Bob's run, the last of the subscriptions: the server has read them all.
                    assert!(!self.confirmed, "a refusal comes once");
                    self.confirmed = true;
                    return;
                }
                let place = self.provoked.iter().position(|provoked| *provoked == code);
                let place = place.unwrap_or_else(|| panic!("{code} without a cause"));
                self.provoked.drain(..=place);
            }
            ServerFrame::Subscribed { seq, topic } => {
                self.count(seq);
                let is_asked = |run: &RunId| topic == format!("run:{run}");
                assert!(self.journal.keys().chain(self.world.lengths(BOB).keys()).any(is_asked), "{topic}");
            }
            other => panic!("{other:?}"),
        }
    }

    fn count(&mut self, seq: u64) {
        assert_eq!(seq, self.seq + 1, "a session's numbers have no gaps");
        self.seq = seq;
    }
}

/// Sends a frame. None when the socket is closed.
pub(super) async fn say(socket: &mut Socket, frame: &ClientFrame) -> Option<()> {
    socket.send(Message::text(serde_json::to_string(frame).unwrap())).await.ok()
}

/// The next frame. None when the socket is closed.
pub(super) async fn frame(socket: &mut Socket) -> Option<ServerFrame> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// The next frame, which is a welcome. None when the socket is closed.
pub(super) async fn welcomed(socket: &mut Socket) -> Option<(SessionId, u64, bool)> {
    match frame(socket).await? {
        ServerFrame::Welcome { session, seq, resumed, .. } => Some((session, seq, resumed)),
        other => panic!("{other:?} before a welcome"),
    }
}

/// With which code the socket ends.
pub(super) async fn ending(mut socket: Socket) -> Option<u16> {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            return frame.map(|frame| frame.code.into());
        }
    }
    None
}
