//! One client: what it says, what it is told, and how long its session waits for it.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use weir_protocol::{ClientFrame, Seq, SessionId, UserId};
use weir_store::LogId;

use super::{
    connection::{Broken, Connection, Reason, Received},
    frame::{Outgoing, Refused, pong, welcome},
    held::Held,
    sessions::{Claim, Desk, Sessions},
    topics::{InboxPosition, Topic, Topics},
};
use crate::http::json;
use crate::limits::Place;
use crate::metrics::{OpenSocket, Viewer, resumed};

/// How long a session waits for its client to come back.
pub(super) const KEEP: Duration = Duration::from_mins(2);
/// Pings that may be unanswered.
const UNANSWERED_PINGS: u32 = 2;
/// Malformed frames in a row after which a socket is closed.
const MALFORMED_FRAMES: u32 = 10;
/// How long a client is told what is there already when its socket is about to be closed.
const FAREWELL: Duration = Duration::from_millis(100);

/// What all sockets share.
#[derive(Clone, Debug)]
pub(super) struct Hub<T> {
    /// Where topics come from.
    pub(super) topics: T,
    /// Every session of this process.
    pub(super) sessions: Sessions,
    /// The time between two pings.
    pub(super) heartbeat: Duration,
    /// Sockets are closed now; their clients come back to whoever serves next.
    pub(super) closing: CancellationToken,
}

/// Who is at the other end of a socket.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// Who it is, to their things and to the metrics.
    pub(super) viewer: Viewer,
    /// Whether they may run tools, and stop them.
    pub(super) may_write: bool,
    /// What let them in does so no longer.
    pub(super) revoked: CancellationToken,
}

/// Why a socket ends.
#[derive(Debug)]
enum End {
    Gone,
    Close(Reason),
    TakenOver,
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Gone => Self::Gone,
            Broken::Breach(reason) => Self::Close(reason),
        }
    }
}

/// Closes a socket of somebody whom nothing lets in. A browser's page learns so from the code; the status of a failed handshake
/// it is not told.
pub(super) async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    Connection::new(stream).await.close(Reason::NotAuthenticated).await;
}

/// Serves a socket from its upgrade on, and keeps its session for a while after it is gone.
///
/// The place counts the socket, and is released with it. The session follows the inbox from `inbox` on, should it subscribe
/// to it.
pub(super) async fn serve<S, T>(
    stream: S,
    place: Option<Place<UserId>>,
    hub: Hub<T>,
    visitor: Visitor,
    session: SessionId,
    inbox: InboxPosition,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: Topics,
{
    let socket = (OpenSocket::new(), place);
    let desk = hub.sessions.register(visitor.viewer.user, session);
    let mut client = Client { hub, visitor, desk, held: Held::new(inbox), manners: Manners::new() };
    let mut connection = Connection::new(stream).await;
    let Err(end) = client.talk(&mut connection).await;
    match end {
        End::Gone => drop(connection),
        End::Close(reason) => connection.close(reason).await,
        End::TakenOver => return connection.close(Reason::TakenOver).await,
    }
    drop(socket);
    client.wait().await;
}

struct Client<T> {
    hub: Hub<T>,
    visitor: Visitor,
    desk: Desk,
    held: Held,
    manners: Manners,
}

impl<T: Topics> Client<T> {
    async fn talk<S>(&mut self, connection: &mut Connection<S>) -> Result<Infallible, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.send(connection, welcome(self.desk.session(), 0, false, self.hub.heartbeat)).await?;
        let mut ticks = interval_at(Instant::now() + self.hub.heartbeat, self.hub.heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.visitor.revoked.cancelled() => return Err(End::Close(Reason::NotAuthenticated)),
                () = self.hub.closing.cancelled() => return Err(self.farewell(connection).await),
                claim = self.desk.claimed() => self.consider(claim)?,
                received = connection.receive() => self.receive(connection, received?).await?,
                _ = ticks.tick() => {
                    if connection.is_overdue() {
                        return Err(End::Close(Reason::TooMany));
                    }
                    self.manners.pinged()?;
                    connection.ping().await?;
                }
                text = self.held.next() => self.send(connection, text).await?,
            }
        }
    }

    /// Waits for the client to come back on another socket, no longer than [`KEEP`].
    async fn wait(mut self) {
        let waiting = self.hub.sessions.keep(self.visitor.viewer.user, &self.held);
        let too_late = sleep(KEEP);
        tokio::pin!(too_late);
        loop {
            tokio::select! {
                () = &mut too_late => return,
                () = self.hub.closing.cancelled() => return,
                () = self.visitor.revoked.cancelled() => return,
                () = waiting.evicted() => return,
                claim = self.desk.claimed() => if self.consider(claim).is_err() { return },
            }
        }
    }

    /// Sends a text; until it is sent the session can be taken over and the server can close.
    async fn send<S>(&mut self, connection: &mut Connection<S>, text: String) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let sending = connection.send(text);
        tokio::pin!(sending);
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return Ok(sent?),
                claim = self.desk.claimed() => self.consider(claim)?,
                () = self.visitor.revoked.cancelled() => return Err(End::Close(Reason::NotAuthenticated)),
                () = self.hub.closing.cancelled() => return Err(End::Close(Reason::GoingAway)),
            }
        }
    }

    /// Gives the session to another socket, if that can go on with it.
    fn consider(&mut self, claim: Claim) -> Result<(), End> {
        if !self.desk.grants(&claim, &self.held) {
            return Ok(());
        }
        match self.desk.hand_over(claim, std::mem::take(&mut self.held)) {
            Ok(()) => Err(End::TakenOver),
            Err(held) => {
                self.held = *held;
                Ok(())
            }
        }
    }

    /// What came to its end while the server drained is told to its end.
    async fn farewell<S>(&mut self, connection: &mut Connection<S>) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while let Ok(text) = timeout(FAREWELL, self.held.next()).await {
            if let Err(end) = self.send(connection, text).await {
                return end;
            }
        }
        End::Close(Reason::GoingAway)
    }

    async fn receive<S>(&mut self, connection: &mut Connection<S>, received: Received) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let parsed = match received {
            Received::Ping => return Ok(()),
            Received::Pong => {
                self.manners.unanswered = 0;
                return Ok(());
            }
            Received::Text(text) => json::parse(Bytes::from(text)).await,
            Received::Binary(bytes) => Err(format!("frames are text, not {} bytes", bytes.len())),
        };
        let is_first = std::mem::replace(&mut self.manners.is_first, false);
        let answered = match parsed {
            Ok(frame) => {
                self.manners.malformed = 0;
                self.answer(connection, frame, is_first).await?
            }
            Err(error) => {
                self.manners.malformed();
                Err(Refused::new("invalid_frame", format!("This is no frame of weir.v1: {error}.")))
            }
        };
        if let Some(outgoing) = answered.unwrap_or_else(|refused| Some(refused.into())) {
            let text = self.held.number(outgoing);
            self.send(connection, text).await?;
        }
        self.manners.patience()
    }

    /// Does what a frame asks for. Returns the numbered frame that answers it, if one does.
    async fn answer<S>(
        &mut self,
        connection: &mut Connection<S>,
        frame: ClientFrame,
        is_first: bool,
    ) -> Result<Result<Option<Outgoing>, Refused>, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Ok(match frame {
            ClientFrame::Resume { session, seq } if is_first => {
                self.resume(connection, session, seq).await?;
                Ok(None)
            }
            ClientFrame::Resume { .. } => {
                Err(Refused::new("invalid_resume", "`resume` must be the first frame of a connection."))
            }
            ClientFrame::Ping { id } => {
                self.send(connection, pong(id)).await?;
                Ok(None)
            }
            ClientFrame::Ack { seq } => match self.held.frames.ack(seq) {
                Ok(()) => Ok(None),
                Err(error) => Err(Refused::new("invalid_ack", format!("{error}."))),
            },
            ClientFrame::Subscribe { topic: name, after } => Topic::parse(&name)
                .and_then(|topic| {
                    self.subscribe(topic, after.unwrap_or(Seq::START))?;
                    Ok(Some(Outgoing::Subscribed(topic)))
                })
                .map_err(|refused| refused.of(&name)),
            ClientFrame::Unsubscribe { topic: name } => Topic::parse(&name)
                .map(|topic| {
                    self.unsubscribe(topic);
                    None
                })
                .map_err(|refused| refused.of(&name)),
            ClientFrame::InvokeTool { id, .. } | ClientFrame::CancelTool { id } if !self.visitor.may_write => {
                Err(Refused::new("forbidden", "This token is not good for that: it lacks the scope.").about(id))
            }
            ClientFrame::InvokeTool { id, name, args } => {
                let (topics, user) = (&self.hub.topics, self.visitor.viewer.user);
                let log = LogId::Job(id);
                match topics.invoke(user, id, name, args).await {
                    Ok(()) => {
                        let tail = || topics.log(user, log, Seq::START);
                        let followed = self.held.subscriptions.add(Topic::Log(log), tail);
                        followed.map(|()| None).map_err(|refused| refused.about(id))
                    }
                    Err(refused) => Err(refused),
                }
            }
            ClientFrame::CancelTool { id } => self.hub.topics.cancel(self.visitor.viewer.user, id).await.map(|()| None),
        })
    }

    fn subscribe(&mut self, topic: Topic, after: Seq) -> Result<(), Refused> {
        let (topics, user, viewer) = (&self.hub.topics, self.visitor.viewer.user, self.visitor.viewer);
        let Held { subscriptions, metrics, inbox, .. } = &mut self.held;
        match topic {
            Topic::Log(log) => subscriptions.add(topic, || topics.log(user, log, after)),
            Topic::Inbox => subscriptions.add(topic, || topics.inbox(user, inbox.clone())),
            Topic::Metrics => {
                metrics.get_or_insert_with(|| topics.metrics(viewer));
                Ok(())
            }
        }
    }

    fn unsubscribe(&mut self, topic: Topic) {
        match topic {
            Topic::Metrics => self.held.metrics = None,
            topic => self.held.subscriptions.remove(topic),
        }
    }

    /// Goes on with an older session where it can, and says whether it does.
    async fn resume<S>(&mut self, connection: &mut Connection<S>, session: SessionId, seq: u64) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(held) = self.desk.claim(session, seq).await else {
            resumed(false);
            return self.send(connection, welcome(self.desk.session(), 0, false, self.hub.heartbeat)).await;
        };
        resumed(true);
        self.held = held;
        if let Some(metrics) = &mut self.held.metrics {
            metrics.come_back(self.visitor.viewer);
        }
        // What the client has processed need not be kept; whoever held the session has seen that it covers `seq`.
        let _ = self.held.frames.ack(seq);
        self.send(connection, welcome(session, seq, true, self.hub.heartbeat)).await?;
        let mut seq = seq;
        while let Some(text) = self.held.again(seq + 1) {
            self.send(connection, text).await?;
            seq += 1;
        }
        Ok(())
    }
}

/// What a client has done so far that it may do only so often.
struct Manners {
    is_first: bool,
    malformed: u32,
    unanswered: u32,
}

impl Manners {
    fn new() -> Self {
        Self { is_first: true, malformed: 0, unanswered: 0 }
    }

    fn pinged(&mut self) -> Result<(), End> {
        if self.unanswered >= UNANSWERED_PINGS {
            return Err(End::Gone);
        }
        self.unanswered += 1;
        Ok(())
    }

    fn malformed(&mut self) {
        self.malformed += 1;
    }

    fn patience(&self) -> Result<(), End> {
        if self.malformed >= MALFORMED_FRAMES { Err(End::Close(Reason::Malformed)) } else { Ok(()) }
    }
}
