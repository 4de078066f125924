//! What a client can follow, and where it comes from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use weir_protocol::{Caller, Seq, ToolCallId, UserId};
use weir_realtime::{InboxReader, Reader, to_the_end};
use weir_runs::{Invocation, InvokeError};
use weir_store::{Backoff, LogId, StoreError};

use super::{
    frame::{Outgoing, Refused},
    subscriptions::Tail,
};
use crate::{
    app::App,
    http::{
        ApiError,
        routes::{jobs, realtime},
    },
    limits::{Exhausted, Kind},
    metrics::{Feed, Viewer},
};

/// Delays before a reader asks a failing database again. There may be thousands of them.
fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(500), Duration::from_secs(4))
}

/// What a client can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// The log of a run or a job.
    Log(LogId),
    /// The changes among the user's conversations.
    Inbox,
    /// How the server does, once a second.
    Metrics,
}

/// How far a session has followed its user's inbox. It begins with the session and outlives a subscription, so that
/// nothing falls between the welcome and the subscription, or between two subscriptions.
#[derive(Clone, Debug, Default)]
pub(super) struct InboxPosition(Arc<AtomicU64>);

impl InboxPosition {
    pub(super) fn new(seq: Seq) -> Self {
        Self(Arc::new(AtomicU64::new(seq.0)))
    }

    fn get(&self) -> Seq {
        Seq(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, seq: Seq) {
        self.0.store(seq.0, Ordering::Relaxed);
    }
}

impl Topic {
    /// The topic of this name.
    pub(super) fn parse(name: &str) -> Result<Self, Refused> {
        match name.split_once(':') {
            Some(("run", id)) => id.parse().map(|id| Self::Log(LogId::Run(id))).map_err(|_| missing("run")),
            Some(("job", id)) => id.parse().map(|id| Self::Log(LogId::Job(id))).map_err(|_| missing("job")),
            None if name == "inbox" => Ok(Self::Inbox),
            None if name == "metrics" => Ok(Self::Metrics),
            _ => Err(Refused::new("unknown_topic", "This version has no such topic.")),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(LogId::Run(run)) => write!(f, "run:{run}"),
            Self::Log(LogId::Job(job)) => write!(f, "job:{job}"),
            Self::Inbox => f.write_str("inbox"),
            Self::Metrics => f.write_str("metrics"),
        }
    }
}

fn missing(thing: &str) -> Refused {
    Refused::new("not_found", format!("There is no such {thing}."))
}

/// Where topics come from, and tools: the application, or a test's own.
pub(super) trait Topics: Send + Sync + 'static {
    /// What comes of a run or a job after event `after` of its log. Who may not follow it learns so from the tail.
    fn log(&self, user: UserId, log: LogId, after: Seq) -> Tail;

    /// What changes among the user's conversations after the position, which moves with what is given.
    fn inbox(&self, user: UserId, position: InboxPosition) -> Tail;

    /// What somebody sees of the metrics.
    fn metrics(&self, viewer: Viewer) -> Feed;

    /// Runs a tool under an id that the client chose; the same id never runs it twice.
    fn invoke(
        &self,
        user: UserId,
        id: ToolCallId,
        name: String,
        args: Value,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Stops a job.
    fn cancel(&self, user: UserId, id: ToolCallId) -> impl Future<Output = Result<(), Refused>> + Send;
}

impl Topics for App {
    fn log(&self, user: UserId, log: LogId, after: Seq) -> Tail {
        let asked = LogTail { app: self.clone(), user, log, backoff: backoff() };
        stream::unfold((asked, State::Opening(after)), |(asked, state)| asked.next(state)).boxed()
    }

    fn inbox(&self, user: UserId, position: InboxPosition) -> Tail {
        let reader = self.log.inbox(user, position.get());
        let tail = InboxTail { app: self.clone(), user, reader, position, backoff: backoff() };
        stream::unfold(tail, InboxTail::next).boxed()
    }

    fn metrics(&self, viewer: Viewer) -> Feed {
        self.metrics.follow(viewer)
    }

    async fn invoke(&self, user: UserId, id: ToolCallId, name: String, args: Value) -> Result<(), Refused> {
        let call = Invocation { id, user, name, args, caller: Caller::Person, run: None, key: None };
        // Said again, it costs nothing: it runs nothing.
        let is_new = matches!(self.store.job(user, id).await, Err(StoreError::NotFound(_)));
        if is_new && let Err(Exhausted(wait)) = self.limits.take(Some(user), None, Kind::Call).await {
            return Err(refused(ApiError::rate_limited(wait)).about(id));
        }
        self.runs.jobs().invoke(call).await.map(drop).map_err(|error| {
            let refused = match error {
                InvokeError::UnknownTool(_) => Refused::new("unknown_tool", "There is no such tool."),
                error => refused(error.into()),
            };
            refused.about(id)
        })
    }

    async fn cancel(&self, user: UserId, id: ToolCallId) -> Result<(), Refused> {
        let app = self.clone();
        let cancelled = to_the_end(async move { app.runs.jobs().cancel(user, id).await.map_err(ApiError::from) }).await;
        cancelled.map_err(|error| refused(error).about(id))
    }
}

/// A user follows a run or a job. Queries are boxed: a tail that waits does not keep the room that they need.
struct LogTail {
    app: App,
    user: UserId,
    log: LogId,
    backoff: Backoff,
}

enum State {
    Opening(Seq),
    Reading(Reader),
    Ended,
}

type Step = Result<Vec<Outgoing>, Refused>;

impl LogTail {
    async fn next(mut self, mut state: State) -> Option<(Step, (Self, State))> {
        loop {
            match state {
                State::Ended => return None,
                State::Opening(after) => match Box::pin(self.open(after)).await {
                    Ok(reader) => {
                        self.backoff.reset();
                        state = State::Reading(reader);
                    }
                    Err(error) if error.is_passing() => {
                        self.backoff.wait().await;
                        state = State::Opening(after);
                    }
                    Err(error) => return Some((Err(refused(error)), (self, State::Ended))),
                },
                State::Reading(mut reader) => match reader.next().await {
                    Ok(Some(events)) => {
                        self.backoff.reset();
                        let terminal = events.last().is_some_and(|event| event.terminal);
                        let state = if terminal { State::Ended } else { State::Reading(reader) };
                        let log = self.log;
                        let batch = events.into_iter().map(|event| Outgoing::Event { log, event }).collect();
                        return Some((Ok(batch), (self, state)));
                    }
                    // The end was known to the client, or the log is gone: then opening it again says why.
                    Ok(None) => match Box::pin(self.open(reader.cursor())).await {
                        Err(error) if error.is_passing() => {
                            self.backoff.wait().await;
                            state = State::Reading(reader);
                        }
                        Err(error) => return Some((Err(refused(error)), (self, State::Ended))),
                        Ok(_) => return None,
                    },
                    Err(error) => {
                        tracing::error!(%error, "a log cannot be read; its reader asks again");
                        self.backoff.wait().await;
                        state = State::Reading(reader);
                    }
                },
            }
        }
    }

    async fn open(&self, after: Seq) -> Result<Reader, ApiError> {
        let (app, user, log) = (self.app.clone(), self.user, self.log);
        to_the_end(async move {
            match log {
                LogId::Run(run) => realtime::open_log(&app, &app.store.run(user, run).await?, after).await,
                LogId::Job(job) => jobs::open_log(&app, &app.store.job(user, job).await?, after).await,
            }
        })
        .await
    }
}

/// A user follows the changes among their conversations.
struct InboxTail {
    app: App,
    user: UserId,
    reader: InboxReader,
    position: InboxPosition,
    backoff: Backoff,
}

impl InboxTail {
    async fn next(mut self) -> Option<(Step, Self)> {
        loop {
            match self.reader.next().await {
                Ok(changes) => {
                    self.backoff.reset();
                    self.position.set(self.reader.cursor());
                    let batch = changes.into_iter().map(|change| Outgoing::Inbox(Box::new(change))).collect();
                    return Some((Ok(batch), self));
                }
                Err(StoreError::NotFound(_)) => {
                    let (log, user) = (self.app.log.clone(), self.user);
                    if let Ok(head) = to_the_end(async move { log.inbox_head(user).await }).await {
                        self.position.set(head);
                        let message = "Some changes are kept no longer: load the conversations, and subscribe again.";
                        return Some((Err(Refused::new("inbox_expired", message)), self));
                    }
                }
                Err(error) => tracing::error!(%error, "an inbox cannot be read; its reader asks again"),
            }
            self.backoff.wait().await;
        }
    }
}

fn refused(error: ApiError) -> Refused {
    let (code, detail) = error.into_words();
    Refused::new(code, detail)
}
