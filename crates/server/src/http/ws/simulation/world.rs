//! The logs that are followed, and the servers that show them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::{io::DuplexStream, sync::watch, task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use weir_protocol::{RunId, Seq, SessionId, Timestamp, ToolCallId, UserId};
use weir_realtime::Frame;
use weir_store::LogId;

use super::super::{
    frame::{Outgoing, Refused},
    serve::{Hub, Visitor, serve},
    sessions::Sessions,
    subscriptions::Tail,
    topics::{InboxPosition, Topics},
};
use crate::metrics::{Feed, Metrics, Viewer};

/// Whose devices follow.
pub(super) const ALICE: UserId = UserId(Uuid::from_u128(0xa));
/// Who has a run that nobody else can see.
pub(super) const BOB: UserId = UserId(Uuid::from_u128(0xb));

/// The time between two pings.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Two servers over the same logs. Cheap to clone.
#[derive(Clone)]
pub(super) struct World {
    logs: Logs,
    servers: Arc<Mutex<Vec<Hub<Logs>>>>,
    ids: Arc<Mutex<u128>>,
}

/// The log of every run: how long it will be, and how far it has grown.
#[derive(Clone)]
pub(super) struct Logs(Arc<BTreeMap<RunId, Log>>, Metrics);

struct Log {
    owner: UserId,
    length: u64,
    grown: watch::Sender<u64>,
}

impl World {
    pub(super) fn new(random: &mut fastrand::Rng) -> Self {
        let lengths: Vec<_> = (0..random.usize(1..4)).map(|_| random.u64(1..400)).collect();
        Self::of(&lengths)
    }

    /// Alice has runs of these lengths, Bob has one; none has begun.
    pub(super) fn of(lengths: &[u64]) -> Self {
        let log = |owner, length| Log { owner, length, grown: watch::Sender::new(0) };
        let mut logs = BTreeMap::from([(RunId(Uuid::from_u128(0xb00)), log(BOB, 5))]);
        for (id, length) in (0xa00..).zip(lengths) {
            logs.insert(RunId(Uuid::from_u128(id)), log(ALICE, *length));
        }
        let logs = Logs(Arc::new(logs), Metrics::start(Timestamp(0)));
        let servers = (0..2).map(|_| server(&logs)).collect();
        Self { logs, servers: Arc::new(Mutex::new(servers)), ids: Arc::default() }
    }

    /// How long each of the user's runs will be.
    pub(super) fn lengths(&self, user: UserId) -> BTreeMap<RunId, u64> {
        let own = self.logs.0.iter().filter(|(_, log)| log.owner == user);
        own.map(|(run, log)| (*run, log.length)).collect()
    }

    /// Lets the logs grow, each at its own pace.
    pub(super) fn write(&self, mut random: fastrand::Rng) -> Vec<JoinHandle<()>> {
        let write = |(logs, run, mut random): (Logs, RunId, fastrand::Rng)| async move {
            let log = &logs.0[&run];
            let pause = random.u64(1..2000);
            while *log.grown.borrow() < log.length {
                sleep(Duration::from_millis(random.u64(0..=pause))).await;
                let more = random.u64(1..20);
                log.grown.send_modify(|grown| *grown = (*grown + more).min(log.length));
            }
        };
        self.logs.0.keys().map(|run| tokio::spawn(write((self.logs.clone(), *run, random.fork())))).collect()
    }

    /// Lets every log grow to its end.
    pub(super) fn grow_at_once(&self) {
        self.logs.0.values().for_each(|log| log.grown.send_modify(|grown| *grown = log.length));
    }

    /// Restarts a server now and then: its sockets are closed and its sessions are gone.
    pub(super) async fn restart(self, mut random: fastrand::Rng) {
        loop {
            sleep(Duration::from_secs(random.u64(5..600))).await;
            let old = {
                let mut servers = self.servers.lock().unwrap();
                let index = random.usize(0..servers.len());
                std::mem::replace(&mut servers[index], server(&self.logs))
            };
            old.closing.cancel();
            old.sessions.closed().await;
            assert_eq!(old.sessions.count(), 0, "a closed server holds no session");
        }
    }

    /// A socket to one of the servers, whose buffers take so many bytes.
    pub(super) fn connect(&self, user: UserId, random: &mut fastrand::Rng) -> DuplexStream {
        let (client, stream) = tokio::io::duplex(random.usize(16..4096));
        let servers = self.servers.lock().unwrap();
        // Mostly the first one, so that sessions are mostly there.
        let hub = servers[usize::from(random.u8(0..6) == 0)].clone();
        let session = {
            let mut ids = self.ids.lock().unwrap();
            *ids += 1;
            SessionId(Uuid::from_u128(*ids))
        };
        let viewer = Viewer { user, administrator: false };
        let visitor = Visitor { viewer, may_write: true, revoked: CancellationToken::new() };
        hub.sessions.clone().tasks().spawn(serve(stream, None, hub, visitor, session, InboxPosition::default()));
        client
    }

    /// A second passes of which nothing is told but its number.
    pub(super) fn tick(&self, number: u64) {
        self.logs.1.pass(number);
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.servers.lock().unwrap().iter().map(|hub| hub.sessions.count()).sum()
    }
}

fn server(logs: &Logs) -> Hub<Logs> {
    Hub { topics: logs.clone(), sessions: Sessions::default(), heartbeat: HEARTBEAT, closing: CancellationToken::new() }
}

/// The text of event `n` of a run.
pub(super) fn text(run: RunId, n: u64) -> String {
    format!("{run}/{n}")
}

fn event(run: RunId, n: u64, length: u64) -> Frame {
    let terminal = n == length;
    let (kind, data) = if terminal {
        ("done", format!(r#"{{"id":"{run}","finishReason":"stop"}}"#))
    } else {
        ("token", format!(r#"{{"id":"{run}","text":"{}"}}"#, text(run, n)))
    };
    Frame { seq: Seq(n), sse: format!("id: {n}\nevent: {kind}\ndata: {data}\n\n").into(), terminal }
}

impl Topics for Logs {
    fn inbox(&self, _: UserId, _: InboxPosition) -> Tail {
        stream::pending().boxed()
    }

    fn log(&self, user: UserId, log: LogId, after: Seq) -> Tail {
        let LogId::Run(run) = log else { return stream::pending().boxed() };
        let Some(log) = self.0.get(&run).filter(|log| log.owner == user) else {
            return stream::iter([Err(Refused::new("not_found", "There is no such run."))]).boxed();
        };
        let (length, grown) = (log.length, log.grown.subscribe());
        stream::unfold((after.0, grown), move |(after, mut grown)| async move {
            if after == length {
                return None;
            }
            let there = *grown.wait_for(|grown| *grown > after).await.ok()?;
            // A page at a time, as a real reader.
            let last = there.min(after + 32);
            let batch = (after + 1..=last)
                .map(|n| Outgoing::Event { log: LogId::Run(run), event: event(run, n, length) })
                .collect();
            Some((Ok(batch), (last, grown)))
        })
        .boxed()
    }

    fn metrics(&self, viewer: Viewer) -> Feed {
        self.1.follow(viewer)
    }

    async fn invoke(&self, _: UserId, id: ToolCallId, _: String, _: Value) -> Result<(), Refused> {
        Err(Refused::new("unknown_tool", "There are no tools here.").about(id))
    }

    async fn cancel(&self, _: UserId, id: ToolCallId) -> Result<(), Refused> {
        Err(Refused::new("not_found", "There is no such job.").about(id))
    }
}
