//! Jobs: tools at work, under the permissions of whoever they work for.

mod approvals;
mod for_runs;
mod permission;
mod questions;
mod work;

pub use questions::AnswerError;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::{self, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;
use weir_protocol::{Caller, ConversationId, FieldError, Permission, RunId, Timestamp, ToolCallId, UserId};
use weir_realtime::{EventLog, Topic, to_the_end};
use weir_store::{
    Clock, IdempotencyKey, InstanceId, JobLease, JobRecord, LogId, NewJob, StartedJob, Store, StoreError, Word,
};
use weir_tools::{Callable, Registry};

use crate::{measure, trace};

/// How long a call waits for a person's word when nothing else is set.
pub const APPROVAL_PATIENCE: Duration = Duration::from_hours(24);

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// Its id; the same call never runs twice.
    pub id: ToolCallId,
    /// For whom.
    pub user: UserId,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub args: Value,
    /// Who asks for it.
    pub caller: Caller,
    /// The run whose model asks for it, and its conversation.
    pub run: Option<(RunId, ConversationId)>,
    /// Under which key it is asked for.
    pub key: Option<IdempotencyKey>,
}

/// Why a tool was not called. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// There is no such tool.
    #[error("there is no tool named {0:?}")]
    UnknownTool(String),
    /// Arguments that do not fit.
    #[error("the arguments do not fit")]
    Invalid(Vec<FieldError>),
    /// The user does not permit it.
    #[error("the tool {0:?} is not permitted")]
    Denied(String),
    /// The tool's own description is broken.
    #[error("the tool {0:?} describes its arguments wrongly: {1}")]
    BrokenSchema(String, String),
    /// The server is about to stop.
    #[error("the server is restarting")]
    Draining,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every job of this process. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    log: EventLog,
    tools: Registry,
    clock: Arc<dyn Clock>,
    instance: InstanceId,
    /// How long a call waits for a person's word.
    patience: Duration,
    active: Mutex<HashMap<ToolCallId, CancellationToken>>,
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Held while a job is looked for and started.
    starting: sync::Mutex<()>,
    tasks: TaskTracker,
    /// No new job is started any more, and those that wait for a person are left to the next server.
    draining: CancellationToken,
    /// Running ones are left to the next server.
    stop: CancellationToken,
}

impl Jobs {
    pub(crate) fn new(
        store: Store,
        log: EventLog,
        tools: Registry,
        clock: Arc<dyn Clock>,
        instance: InstanceId,
        patience: Duration,
    ) -> Self {
        let inner = Inner {
            store,
            log,
            tools,
            clock,
            instance,
            patience,
            active: Mutex::default(),
            places: Mutex::default(),
            starting: sync::Mutex::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Every tool there is.
    pub fn registry(&self) -> &Registry {
        &self.inner.tools
    }

    /// Calls a tool and answers at once: what comes of it stands in the job's log. A call whose id is known is the same
    /// call.
    ///
    /// # Errors
    /// See [`InvokeError`]; nothing is stored then.
    pub async fn invoke(&self, call: Invocation) -> Result<JobRecord, InvokeError> {
        let jobs = self.clone();
        // Whoever asks may leave in the middle of it; a job that is stored is also driven.
        to_the_end(async move { jobs.start(call).await }).await
    }

    async fn start(&self, call: Invocation) -> Result<JobRecord, InvokeError> {
        let inner = &self.inner;
        // Of twins that come at once, the second finds the first.
        let _alone = inner.starting.lock().await;
        if let Some(known) = inner.known(&call).await? {
            return Ok(known);
        }
        if inner.draining.is_cancelled() && call.caller != Caller::Model {
            return Err(InvokeError::Draining);
        }
        let tool = inner.tools.find(&call.name).ok_or_else(|| InvokeError::UnknownTool(call.name.clone()))?;
        let broken = |why| InvokeError::BrokenSchema(call.name.clone(), why);
        let faults = weir_tools::faults(&tool.spec().input_schema, &call.args, "args").map_err(broken)?;
        if !faults.is_empty() {
            return Err(InvokeError::Invalid(faults));
        }
        let word = match (self.permission_for(call.user, &*tool, &call.args).await?, call.caller) {
            (Permission::Deny, _) => return Err(InvokeError::Denied(call.name)),
            // Whoever calls a tool in person needs not be asked whether they mean it.
            (Permission::Allow, _) | (Permission::Ask, Caller::Person) => Word::Allowed,
            (Permission::Ask, Caller::Model | Caller::Mcp) => Word::Asked(inner.deadline()),
        };
        let new = NewJob {
            id: call.id,
            user: call.user,
            name: call.name,
            args: call.args,
            caller: call.caller,
            run: call.run,
            repeatable: tool.spec().is_repeatable(),
            owner: inner.instance,
            word,
            key: call.key,
        };
        // Known as active before it is stored: whoever sees the job can stop it.
        let cancel = inner.activate(new.id);
        match inner.store.start_job(&new, inner.clock.now()).await {
            Ok(StartedJob::Now(record, lease)) => {
                if matches!(word, Word::Asked(_)) {
                    inner.log.changed(Topic::Inbox(record.user));
                }
                self.spawn(record.clone(), lease, cancel);
                Ok(record)
            }
            Ok(StartedJob::Before(record)) => {
                inner.deactivate(new.id);
                Ok(record)
            }
            Err(error) => {
                inner.deactivate(new.id);
                Err(error.into())
            }
        }
    }

    /// Stops a job, from anywhere; one that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such job of this user.
    pub async fn cancel(&self, user: UserId, id: ToolCallId) -> Result<(), StoreError> {
        self.inner.store.request_job_cancel(user, id, self.inner.clock.now()).await?;
        match self.inner.active(id) {
            Some(cancel) => cancel.cancel(),
            // Whoever runs it looks at its row when the bell rings.
            None => self.inner.log.changed(Topic::Log(LogId::Job(id))),
        }
        Ok(())
    }

    /// How many jobs are under way here.
    pub fn under_way(&self) -> usize {
        lock(&self.inner.active).len()
    }

    /// Looks after the jobs of this instance that somebody spoke about elsewhere, and takes over those of dead ones: they
    /// are run again where that does no harm, else they end as interrupted.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn look_after(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        for found in inner.store.jobs_to_look_after(inner.instance).await? {
            let id = found.id;
            if let Some(active) = inner.active(id) {
                if found.cancel_requested {
                    active.cancel();
                }
                if found.is_decided {
                    inner.log.changed(Topic::Log(LogId::Job(id)));
                }
                continue;
            }
            if inner.draining.is_cancelled() {
                continue;
            }
            let cancel = inner.activate(id);
            match inner.store.take_job_over(id, found.epoch, inner.instance).await {
                Ok((record, lease)) => {
                    tracing::info!(job = %id, tool = %record.job.name, attempt = record.attempts, "taking a job over");
                    measure::taken_over("job");
                    self.spawn(record, lease, cancel);
                }
                // Somebody else was faster, or it has just ended.
                Err(StoreError::NotFound(_)) => inner.deactivate(id),
                Err(error) => {
                    inner.deactivate(id);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Starts no job from now on; those that wait for a person are left to the next server.
    pub(crate) fn stop_starting(&self) {
        self.inner.draining.cancel();
    }

    /// Leaves running jobs to the next server.
    pub(crate) fn stop(&self) {
        self.inner.stop.cancel();
    }

    /// Returns when no job is under way.
    pub(crate) async fn ended(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    fn spawn(&self, record: JobRecord, lease: JobLease, cancel: CancellationToken) {
        if record.cancel_requested {
            cancel.cancel();
        }
        let inner = self.inner.clone();
        let id = record.job.id;
        let span = trace::job(&record);
        self.inner.tasks.spawn(
            async move {
                if inner.drive(record, lease, cancel).await.is_err() {
                    tracing::warn!(job = %id, "the job is somebody else's or gone");
                    inner.log.changed(Topic::Log(LogId::Job(id)));
                }
                inner.deactivate(id);
            }
            .instrument(span),
        );
    }
}

impl Inner {
    /// The job of this very call, if it is there.
    async fn known(&self, call: &Invocation) -> Result<Option<JobRecord>, StoreError> {
        if let Some(key) = &call.key
            && let Some(first) = self.store.first_answer::<ToolCallId>(call.user, key, self.clock.now()).await?
        {
            return self.store.job(call.user, first).await.map(Some);
        }
        match self.store.job(call.user, call.id).await {
            Ok(known) if known.job.name == call.name && known.job.args == call.args => Ok(Some(known)),
            Ok(_) => Err(StoreError::IdTaken),
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn deadline(&self) -> Timestamp {
        Timestamp(self.clock.now().0 + i64::try_from(self.patience.as_millis()).unwrap_or(i64::MAX / 2))
    }

    /// The places of a tool: so many of its jobs run at once here.
    fn places(&self, tool: &dyn Callable) -> Arc<Semaphore> {
        let spec = tool.spec();
        let places = || Arc::new(Semaphore::new(spec.concurrency.max(1)));
        lock(&self.places).entry(spec.name.clone()).or_insert_with(places).clone()
    }

    fn activate(&self, id: ToolCallId) -> CancellationToken {
        lock(&self.active).entry(id).or_default().clone()
    }

    fn active(&self, id: ToolCallId) -> Option<CancellationToken> {
        lock(&self.active).get(&id).cloned()
    }

    fn deactivate(&self, id: ToolCallId) {
        lock(&self.active).remove(&id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The maps are whole after every statement; a panic elsewhere does not spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
