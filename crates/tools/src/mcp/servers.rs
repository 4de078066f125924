//! Every server that is set: each is started, watched, and started again.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use weir_protocol::McpTransport;

use super::{
    connection::{Connection, http_client},
    fault::ConnectionFault,
    log::{Line, Log},
    names::readable,
    oauth::{Badge, Challenge, SignIns},
    offered::Offering,
};
use crate::{Registry, own_thread::OwnThread};

/// The first and the longest pause before a server is tried again; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Who was there for so long has not failed to start.
const STABLE: Duration = Duration::from_secs(10);
/// How often a server over HTTP is asked for its tools: nothing else tells that it has gone, or come back with others.
const LOOK: Duration = Duration::from_mins(1);
/// The pause before a list that has changed is read again, however often its server says so.
const RELIST_PAUSE: Duration = Duration::from_millis(500);
/// How long the thread of a server over HTTP remains when the server has been left: the request that ends its session has a second.
const LEAVING: Duration = Duration::from_millis(1500);
/// The longest name of itself that is taken, in characters.
const MOST_TITLE_CHARS: usize = 100;

/// How a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being started, or asked what it can do.
    Connecting,
    /// Its tools can be called.
    Ready {
        /// Their names here.
        tools: Vec<String>,
        /// What it calls itself.
        title: Option<String>,
        /// The version of the protocol that is spoken.
        protocol_version: Option<String>,
    },
    /// It did not start, or went away.
    Failed {
        /// Why, in a sentence.
        error: String,
        /// When it is tried again.
        retry_at: Instant,
    },
    /// It lets nobody in who has not signed in. Another [`Wanted::grant`] starts it anew.
    NeedsSignIn {
        /// Why, in a sentence.
        why: String,
    },
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready { .. } => "ready",
            Self::Failed { .. } => "failed",
            Self::NeedsSignIn { .. } => "needs_sign_in",
        }
    }
}

/// A server that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How it is reached.
    pub transport: McpTransport,
    /// The sign-in that is kept for it: another one with each that somebody makes.
    pub grant: Option<String>,
}

/// The MCP servers of this process. Cheap to clone.
#[derive(Clone)]
pub struct Servers(Arc<Inner>);

struct Inner {
    registry: Registry,
    sign_ins: SignIns,
    launcher: OnceLock<PathBuf>,
    kept: Mutex<BTreeMap<String, Kept>>,
    changes: watch::Sender<()>,
    /// The thread of all programs. Each server over HTTP has its own.
    runtime: OwnThread,
}

/// One server that is looked after, for as long as this value exists.
struct Kept {
    wanted: Wanted,
    shared: Arc<Shared>,
    stop: CancellationToken,
    _stop_at_drop: DropGuard,
    keeper: JoinHandle<()>,
}

/// What whoever asks shares with the keeper.
struct Shared {
    name: String,
    state: Mutex<State>,
    log: Log,
    /// Somebody wants it started anew.
    again: Notify,
    /// What it wants before it lets anybody in.
    challenge: Mutex<Option<Challenge>>,
}

impl Servers {
    /// Starts with no servers. Their tools will be in this registry, and their sign-ins come from there. The thread that talks
    /// to them starts here, so this needs a runtime only where the operating system refuses the thread.
    pub fn new(registry: Registry, sign_ins: SignIns) -> Self {
        let (launcher, changes) = (OnceLock::new(), watch::Sender::new(()));
        let runtime = OwnThread::start("mcp");
        Self(Arc::new(Inner { registry, sign_ins, launcher, kept: Mutex::default(), changes, runtime }))
    }

    /// Starts programs through `weir launch-mcp` from now on, which restricts them first. `weir` is the path of a `weir` of
    /// this version. The first call counts.
    pub fn launch_through(&self, weir: PathBuf) {
        let _ = self.0.launcher.set(weir);
    }

    /// Sets which servers are to run. Those that run already as they are wanted go on undisturbed.
    pub fn set(&self, wanted: BTreeMap<String, Wanted>) {
        let mut kept = lock(&self.0.kept);
        let gone: Vec<_> = kept.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some(server) = kept.remove(&name) {
                server.stop.cancel();
            }
        }
        for (name, wanted) in wanted {
            let before = match kept.remove(&name) {
                Some(server) if server.wanted == wanted => {
                    kept.insert(name, server);
                    continue;
                }
                before => before,
            };
            kept.insert(name.clone(), self.keep(name, wanted, before));
        }
    }

    /// How each server is, by name.
    pub fn states(&self) -> BTreeMap<String, State> {
        lock(&self.0.kept).iter().map(|(name, kept)| (name.clone(), lock(&kept.shared.state).clone())).collect()
    }

    /// Tells whenever one of them is not as it was.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// The last lines of what a server said beside the protocol; none when there is no such server.
    pub fn log(&self, name: &str) -> Option<Vec<Line>> {
        lock(&self.0.kept).get(name).map(|kept| kept.shared.log.lines())
    }

    /// Writes something down in a server's log.
    pub fn note(&self, name: &str, text: &str) {
        if let Some(kept) = lock(&self.0.kept).get(name) {
            kept.shared.log.say(&format!("weir: {text}"));
        }
    }

    /// What a server has said it wants before it lets anybody in, if it does.
    pub fn challenge(&self, name: &str) -> Option<Challenge> {
        lock(&self.0.kept).get(name).and_then(|kept| lock(&kept.shared.challenge).clone())
    }

    /// Starts a server anew, now. False when there is no such server.
    pub fn restart(&self, name: &str) -> bool {
        let kept = lock(&self.0.kept);
        kept.get(name).map(|kept| kept.shared.again.notify_one()).is_some()
    }

    /// Ends all of them and returns when they have.
    pub async fn stop(&self) {
        let kept = std::mem::take(&mut *lock(&self.0.kept));
        for server in kept.values() {
            server.stop.cancel();
        }
        for server in kept.into_values() {
            let _ = server.keeper.await;
        }
    }

    fn keep(&self, name: String, wanted: Wanted, before: Option<Kept>) -> Kept {
        let log = before.as_ref().map(|before| before.shared.log.clone()).unwrap_or_default();
        let state = Mutex::new(State::Connecting);
        let shared = Shared { name, state, log, again: Notify::new(), challenge: Mutex::default() };
        let keeper = Keeper {
            shared: Arc::new(shared),
            transport: wanted.transport.clone(),
            sign_ins: self.0.sign_ins.clone(),
            launcher: self.0.launcher.get().cloned(),
            registry: self.0.registry.clone(),
            changes: self.0.changes.clone(),
            stop: CancellationToken::new(),
        };
        let (shared, stop) = (keeper.shared.clone(), keeper.stop.clone());
        let own = matches!(wanted.transport, McpTransport::Http { .. }).then(|| Arc::new(OwnThread::start("mcp-http")));
        let thread = own.clone();
        let keeping = async move {
            if let Some(before) = before {
                before.stop.cancel();
                // It withdraws its tools before the new one offers them.
                let _ = before.keeper.await;
            }
            keeper.keep().await;
            if thread.is_some() {
                tokio::spawn(async move {
                    sleep(LEAVING).await;
                    drop(thread);
                });
            }
        };
        let keeper = own.as_deref().unwrap_or(&self.0.runtime).spawn(keeping);
        let stop_at_drop = stop.clone().drop_guard();
        Kept { wanted, shared, stop, _stop_at_drop: stop_at_drop, keeper }
    }
}

/// Whoever looks after one server.
struct Keeper {
    shared: Arc<Shared>,
    transport: McpTransport,
    sign_ins: SignIns,
    launcher: Option<PathBuf>,
    registry: Registry,
    changes: watch::Sender<()>,
    stop: CancellationToken,
}

/// How a connection came to its end.
enum Ended {
    /// It is wanted no longer.
    Stopped,
    /// Somebody wants it started anew.
    Again,
    /// It went away.
    Gone(String),
}

impl Keeper {
    async fn keep(self) {
        let mut failures = 0;
        loop {
            self.set(State::Connecting);
            let (start, fault) = (Instant::now(), ConnectionFault::default());
            let badge = self.badge(&fault);
            let ended = self.attend(badge.as_ref(), &fault).await;
            if let Some(badge) = &badge {
                badge.close();
            }
            let refused = badge.and_then(|badge| badge.refused());
            let error = match ended {
                Ended::Stopped => return,
                Ended::Again => {
                    self.shared.log.say("weir: started anew");
                    failures = 0;
                    continue;
                }
                Ended::Gone(error) => error,
            };
            if let Some((challenge, why)) = refused {
                self.shared.log.say(&format!("weir: {why}"));
                *lock(&self.shared.challenge) = Some(challenge);
                self.set(State::NeedsSignIn { why });
                tokio::select! {
                    () = self.stop.cancelled() => return,
                    () = self.shared.again.notified() => failures = 0,
                }
                continue;
            }
            if start.elapsed() >= STABLE {
                failures = 0;
            }
            let pause = pause(failures);
            failures += 1;
            // The reason may quote the server, so it is shown to the administrator and not logged.
            tracing::warn!(server = self.shared.name, "an MCP server failed; the list of MCP servers has the reason");
            self.shared.log.say(&format!("weir: {error}"));
            let retry_at = Instant::now() + pause;
            self.set(State::Failed { error, retry_at });
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.shared.again.notified() => failures = 0,
                () = sleep_until(retry_at) => {}
            }
        }
    }

    /// What lets somebody in over HTTP.
    fn badge(&self, fault: &ConnectionFault) -> Option<Badge> {
        let McpTransport::Http { url, oauth, .. } = &self.transport else { return None };
        let sign_ins = self.transport.may_sign_in().then(|| self.sign_ins.clone());
        Some(Badge::new(http_client()?, &self.shared.name, url, oauth.as_ref(), sign_ins, fault.clone()))
    }

    /// Connects, offers the tools, and watches until the end.
    async fn attend(&self, badge: Option<&Badge>, fault: &ConnectionFault) -> Ended {
        let (launcher, Shared { name, log, .. }) = (self.launcher.as_deref(), &*self.shared);
        let opened = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ended::Stopped,
            opened = Connection::open(name, &self.transport, log, fault, badge, launcher) => opened,
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(error) => return Ended::Gone(error),
        };
        let ended = self.watch(&connection, badge, fault).await;
        self.registry.withdraw(&self.shared.name);
        self.changes.send_replace(());
        let how = connection.leave().await;
        match (ended, how) {
            (Ended::Gone(error), Some(how)) => Ended::Gone(format!("{} ({how})", error.trim_end_matches('.'))),
            (ended, _) => ended,
        }
    }

    async fn watch(&self, connection: &Connection, badge: Option<&Badge>, fault: &ConnectionFault) -> Ended {
        let over_http = matches!(self.transport, McpTransport::Http { .. });
        loop {
            let offered = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ended::Stopped,
                error = fault.reported() => return Ended::Gone(error),
                offered = self.offer(connection, fault) => offered,
            };
            if let Err(error) = offered {
                return Ended::Gone(error);
            }
            let look = Instant::now() + LOOK;
            let changed = connection.changed();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ended::Stopped,
                () = self.shared.again.notified() => return Ended::Again,
                () = is_refused(badge) => return Ended::Gone("It lets nobody in.".to_owned()),
                error = fault.reported() => return Ended::Gone(error),
                () = connection.closed() => return Ended::Gone("It went away.".to_owned()),
                () = changed.notified() => {
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return Ended::Stopped,
                        () = sleep(RELIST_PAUSE) => {}
                    }
                }
                () = sleep_until(look), if over_http => {}
            }
        }
    }

    /// Offers what the server has now.
    async fn offer(&self, connection: &Connection, fault: &ConnectionFault) -> Result<(), String> {
        let tools = connection.tools().await?;
        let Shared { name, log, .. } = &*self.shared;
        let offering = Offering {
            server: name.clone(),
            peer: connection.peer.clone(),
            calls: connection.calls().clone(),
            log: log.clone(),
            fault: fault.clone(),
            registry: self.registry.clone(),
        };
        let tools = offering.tools(tools).await;
        let names: Vec<_> = tools.iter().map(|tool| tool.spec().name.clone()).collect();
        let info = connection.info();
        let title = info.as_ref().and_then(|info| info.server_info.as_ref()).map(|own| {
            readable(&format!("{} {}", own.title.as_ref().unwrap_or(&own.name), own.version), MOST_TITLE_CHARS)
        });
        let protocol_version = info.map(|info| info.protocol_version.to_string());
        self.registry.offer(name, tools).map_err(|error| error.to_string())?;
        self.set(State::Ready { tools: names, title, protocol_version });
        Ok(())
    }

    fn set(&self, state: State) {
        let mut known = lock(&self.shared.state);
        if *known != state {
            tracing::debug!(server = self.shared.name, state = state.name(), "an MCP server");
            *known = state;
            self.changes.send_replace(());
        }
    }
}

/// Returns when the server lets us in no more.
async fn is_refused(badge: Option<&Badge>) {
    match badge {
        Some(badge) => badge.is_refused().await,
        None => std::future::pending().await,
    }
}

/// How long to wait after so many failures in a row, a fifth more or less: servers that died together do not come back
/// together.
fn pause(failures: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE);
    let chance = RandomState::new().build_hasher().finish() % 401;
    pause.mul_f64(0.8 + f64::from(u32::try_from(chance).unwrap_or(200)) / 1000.0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What they guard is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_a_minute_and_a_fifth() {
        for (failures, middle) in [(0, 250), (1, 500), (4, 4000), (8, 60_000), (100, 60_000)] {
            let pause = pause(failures).as_millis();
            assert!((middle * 8 / 10..=middle * 12 / 10).contains(&pause), "{failures}: {pause}");
        }
    }
}
