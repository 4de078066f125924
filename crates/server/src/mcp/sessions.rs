//! The sessions of MCP clients (2025-11-25, Session Management): each belongs to the user who initialised it, and users have
//! a bounded number of them.
//!
//! A client knows its session by a secret id. The library is given a number instead, which it logs.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, stream};
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        WorkerTransport,
        common::server_side_http::ServerSseMessage,
        streamable_http_server::{
            SessionId, SessionManager,
            session::local::{
                EventId, EventIdParseError, LocalSessionHandle, LocalSessionWorker, SessionConfig, SessionError,
                StreamableHttpMessageReceiver, create_local_session,
            },
        },
    },
};
use tokio::{
    task_local,
    time::{Instant, MissedTickBehavior, interval},
};
use weir_protocol::UserId;

use crate::access::{NoRandomNumbers, Secret};

/// Sessions of all users together.
const MAX_SESSIONS: usize = 1024;
/// How long a session may be idle: no call runs and no stream is open. A client that comes later initialises a new one.
const IDLE_TIME: Duration = Duration::from_mins(30);
/// How often idle sessions are looked for.
const SWEEP: Duration = Duration::from_mins(1);

task_local! {
    /// The user whose request is served. Not set where the library itself calls.
    static CALLER: Arc<Caller>;
}

struct Caller {
    user: UserId,
    /// A session was refused because there are too many.
    refused: AtomicBool,
}

/// Why a session cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionsError {
    #[error("there are too many sessions")]
    TooMany,
    #[error("there is no such session")]
    Unknown,
    #[error(transparent)]
    NoRandomNumbers(#[from] NoRandomNumbers),
    #[error(transparent)]
    Event(#[from] EventIdParseError),
    #[error(transparent)]
    Worker(#[from] SessionError),
}

/// A request asked for one session more than there may be.
#[derive(Debug)]
pub(crate) struct TooManySessions;

/// Every MCP session of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct McpSessions(Arc<Inner>);

struct Inner {
    config: SessionConfig,
    share: usize,
    begun: AtomicU64,
    sessions: Mutex<HashMap<SessionId, McpSession>>,
}

struct McpSession {
    user: UserId,
    worker: LocalSessionHandle,
    /// Requests, calls and streams under way.
    uses: usize,
    /// The ids of requests under way, as JSON, each with its number of uses. A client that reuses an id gets no second response.
    requests: HashMap<String, usize>,
    idle_since: Instant,
}

/// A use of a session, which is not idle meanwhile. Dropping it ends the use.
pub(crate) struct SessionUse {
    sessions: McpSessions,
    id: SessionId,
}

/// A request of a session that is under way. Dropping it ends its use of the id.
pub(crate) struct RequestUse {
    sessions: McpSessions,
    id: SessionId,
    request: String,
}

impl McpSessions {
    /// Each user may have this many sessions.
    pub(crate) fn new(share: u32) -> Self {
        let mut config = SessionConfig::default();
        // The library does not know whether a call waits for an approval. Idle sessions are ended here.
        config.keep_alive = None;
        let share = usize::try_from(share).unwrap_or(MAX_SESSIONS);
        Self(Arc::new(Inner { config, share, begun: AtomicU64::new(0), sessions: Mutex::default() }))
    }

    /// Serves a request in the name of a user.
    pub(crate) async fn serve<T>(&self, user: UserId, request: impl Future<Output = T>) -> Result<T, TooManySessions> {
        let caller = Arc::new(Caller { user, refused: AtomicBool::new(false) });
        let served = CALLER.scope(caller.clone(), request).await;
        if caller.refused.load(Ordering::Relaxed) { Err(TooManySessions) } else { Ok(served) }
    }

    /// Begins a use of a session. None if there is no such session of this user.
    pub(crate) fn enter(&self, id: &str, user: UserId) -> Option<SessionUse> {
        let mut sessions = self.sessions();
        let (id, session) = {
            let (id, _) = sessions.get_key_value(id)?;
            let id = id.clone();
            let session = sessions.get_mut(&id).filter(|session| session.user == user)?;
            (id, session)
        };
        session.uses += 1;
        Some(SessionUse { sessions: self.clone(), id })
    }

    /// Begins a request of a session. None if a request with the same id is under way, or there is no such session of this user.
    pub(crate) fn begin_request(&self, id: &str, user: UserId, request: String) -> Option<RequestUse> {
        self.use_request(id, user, request, |uses| uses == 0)
    }

    /// Continues a request of a session beyond its response. None if there is no such session of this user.
    pub(crate) fn continue_request(&self, id: &str, user: UserId, request: String) -> Option<RequestUse> {
        self.use_request(id, user, request, |_| true)
    }

    fn use_request(
        &self,
        id: &str,
        user: UserId,
        request: String,
        may: impl FnOnce(usize) -> bool,
    ) -> Option<RequestUse> {
        let mut sessions = self.sessions();
        let id = sessions.get_key_value(id)?.0.clone();
        let session = sessions.get_mut(&id).filter(|session| session.user == user)?;
        if !may(session.requests.get(&request).copied().unwrap_or_default()) {
            return None;
        }
        *session.requests.entry(request.clone()).or_default() += 1;
        Some(RequestUse { sessions: self.clone(), id, request })
    }

    /// Whether one more session of this user would be refused.
    pub(crate) fn is_full_for(&self, user: UserId) -> bool {
        self.is_full(&self.sessions(), user)
    }

    /// Ends idle sessions, for as long as it is polled.
    pub(crate) async fn sweep(self) {
        let mut ticks = interval(SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.end_idle().await;
        }
    }

    /// How many sessions there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.sessions().len()
    }

    async fn end_idle(&self) {
        let is_idle = |session: &McpSession| session.uses == 0 && session.idle_since.elapsed() >= IDLE_TIME;
        let idle: Vec<_> = self.sessions().extract_if(|_, session| is_idle(session)).collect();
        for (_, session) in idle {
            session.end().await;
        }
    }

    fn is_full(&self, sessions: &HashMap<SessionId, McpSession>, user: UserId) -> bool {
        let own = sessions.values().filter(|session| session.user == user).count();
        own >= self.0.share || sessions.len() >= MAX_SESSIONS
    }

    /// The worker of a session, for its user.
    fn worker(&self, id: &SessionId) -> Result<LocalSessionHandle, SessionsError> {
        let user = caller().ok_or(SessionsError::Unknown)?;
        let sessions = self.sessions();
        let session = sessions.get(id).filter(|session| session.user == user);
        session.map(|session| session.worker.clone()).ok_or(SessionsError::Unknown)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, McpSession>> {
        // The map is whole after every statement; a panic elsewhere does not spoil it.
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn caller() -> Option<UserId> {
    CALLER.try_with(|caller| caller.user).ok()
}

impl McpSession {
    async fn end(self) {
        // A worker that has ended is closed already.
        let _ = self.worker.close().await;
    }
}

/// The messages of one stream.
fn messages(
    mut receiver: StreamableHttpMessageReceiver,
) -> impl Stream<Item = ServerSseMessage> + Send + Sync + 'static {
    stream::poll_fn(move |cx| receiver.inner.poll_recv(cx))
}

impl Drop for SessionUse {
    fn drop(&mut self) {
        if let Some(session) = self.sessions.sessions().get_mut(&self.id) {
            session.uses = session.uses.saturating_sub(1);
            session.idle_since = Instant::now();
        }
    }
}

impl Drop for RequestUse {
    fn drop(&mut self) {
        let mut sessions = self.sessions.sessions();
        let Some(session) = sessions.get_mut(&self.id) else { return };
        match session.requests.get_mut(&self.request) {
            Some(uses) if *uses > 1 => *uses -= 1,
            _ => drop(session.requests.remove(&self.request)),
        }
    }
}

impl SessionManager for McpSessions {
    type Error = SessionsError;
    type Transport = WorkerTransport<LocalSessionWorker>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionsError> {
        let user = caller().ok_or(SessionsError::Unknown)?;
        let id = SessionId::from(Secret::plain()?.text);
        let number = self.0.begun.fetch_add(1, Ordering::Relaxed);
        let (handle, worker) = create_local_session(number.to_string(), self.0.config.clone());
        let session =
            McpSession { user, worker: handle, uses: 0, requests: HashMap::new(), idle_since: Instant::now() };
        let mut sessions = self.sessions();
        if self.is_full(&sessions, user) {
            CALLER.with(|caller| caller.refused.store(true, Ordering::Relaxed));
            return Err(SessionsError::TooMany);
        }
        sessions.insert(id.clone(), session);
        Ok((id, WorkerTransport::spawn(worker)))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionsError> {
        Ok(self.worker(id)?.initialize(message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionsError> {
        Ok(self.worker(id).is_ok())
    }

    /// Ends a session for its user, or for the library, whose worker of it has ended.
    async fn close_session(&self, id: &SessionId) -> Result<(), SessionsError> {
        let ended = {
            let mut sessions = self.sessions();
            let may_end = sessions.get(id).is_some_and(|session| caller().is_none_or(|user| user == session.user));
            if may_end { sessions.remove(id) } else { None }
        };
        if let Some(session) = ended {
            session.end().await;
        }
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let worker = self.worker(id)?;
        let receiver = worker.establish_request_wise_channel().await?;
        worker.push_message(message, receiver.http_request_id).await?;
        Ok(messages(receiver))
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionsError> {
        Ok(self.worker(id)?.push_message(message, None).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        Ok(messages(self.worker(id)?.establish_common_channel().await?))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        let after: EventId = last_event_id.parse()?;
        Ok(messages(self.worker(id)?.resume(after).await?))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use weir_testkit::{ALICE, BOB};

    use super::*;

    async fn session(sessions: &McpSessions, user: UserId) -> (SessionId, impl Sized + use<>) {
        sessions.serve(user, sessions.create_session()).await.unwrap().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn mcp_23_an_idle_session_ends_and_one_whose_call_runs_does_not() {
        let sessions = McpSessions::new(16);
        let (idle, _idle_transport) = session(&sessions, ALICE).await;
        let (busy, _busy_transport) = session(&sessions, ALICE).await;
        let call = sessions.enter(&busy, ALICE).unwrap();
        advance(IDLE_TIME.saturating_sub(Duration::from_secs(1))).await;
        sessions.end_idle().await;
        assert_eq!(sessions.count(), 2);
        drop(sessions.enter(&idle, ALICE));
        advance(Duration::from_secs(1)).await;
        sessions.end_idle().await;
        assert_eq!(sessions.count(), 2, "it was used a second ago");
        advance(IDLE_TIME).await;
        sessions.end_idle().await;
        assert!(sessions.enter(&idle, ALICE).is_none());
        assert!(sessions.enter(&busy, ALICE).is_some(), "its call waits for a person");
        drop(call);
        advance(IDLE_TIME).await;
        sessions.end_idle().await;
        assert_eq!(sessions.count(), 0);
    }

    #[tokio::test]
    async fn mcp_21_all_together_have_a_bounded_number_of_sessions() {
        let sessions = McpSessions::new(u32::MAX);
        let mut open = Vec::new();
        for _ in 0..MAX_SESSIONS {
            open.push(session(&sessions, ALICE).await);
        }
        assert!(sessions.is_full_for(BOB));
        assert!(sessions.serve(BOB, sessions.create_session()).await.is_err());
        assert_eq!(sessions.count(), MAX_SESSIONS);
        let (id, _) = &open[0];
        sessions.serve(BOB, sessions.close_session(id)).await.unwrap().unwrap();
        assert_eq!(sessions.count(), MAX_SESSIONS, "it is not his");
        sessions.serve(ALICE, sessions.close_session(id)).await.unwrap().unwrap();
        assert!(sessions.serve(BOB, sessions.create_session()).await.is_ok());
    }
}
