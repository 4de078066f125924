//! Jobs: tools at work, under the permissions of whoever they work for.

mod active;
mod approvals;
mod arguments;
mod for_runs;
mod permission;
mod questions;
mod work;

pub use questions::AnswerError;

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;
use weir_protocol::{Caller, ConversationId, FieldError, Permission, RunId, Timestamp, ToolCallId, UserId};
use weir_realtime::{EventLog, LostLease, Topic, to_the_end};
use weir_store::{
    Clock, FairQueue, IdempotencyKey, InstanceId, JobLease, JobRecord, LogId, MAX_VALUE_DEPTH, NewJob, StartedJob,
    Store, StoreError, UnfinishedJob, Word, is_deeper_than, is_large, poll_off_worker,
};
use weir_tools::{Callable, Registry};

use crate::{
    keep::{Missing, TAKE_OVERS_AT_ONCE},
    measure,
    runs::lock,
    trace,
};
use active::{ActiveJob, ActiveJobs, Key};
use arguments::SANDBOXED_CHECKS;

/// How long a call waits for a person's word when nothing else is set.
pub const APPROVAL_PATIENCE: Duration = Duration::from_hours(24);
/// How many unfinished jobs one user may have when nothing else is set.
const MAX_UNFINISHED: u32 = 32;

/// Calls with large arguments that begin at once.
const LARGE_CALLS: usize = 4;

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
    /// The user has as many unfinished jobs as may be.
    #[error("you have {max} unfinished tool calls, which is the limit")]
    TooMany {
        /// How many may be.
        max: u32,
    },
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
    active: ActiveJobs,
    /// Jobs that are driven here although the last look for jobs did not find them.
    missing: Mutex<Missing<Key>>,
    /// The jobs of each tool wait here for their turn.
    queues: Mutex<HashMap<String, FairQueue<UserId>>>,
    /// Checks of arguments wait here for their turn in the sandbox.
    checks: FairQueue<UserId>,
    /// Calls with large arguments wait here for their turn to begin.
    large_calls: FairQueue<UserId>,
    /// How many jobs of one user may be unfinished.
    max_unfinished: AtomicU32,
    /// Jobs that could not be taken over, which is logged once.
    refused_take_overs: Mutex<HashSet<ToolCallId>>,
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
            active: ActiveJobs::default(),
            missing: Mutex::default(),
            queues: Mutex::default(),
            checks: FairQueue::new(SANDBOXED_CHECKS),
            large_calls: FairQueue::new(LARGE_CALLS),
            max_unfinished: AtomicU32::new(MAX_UNFINISHED),
            refused_take_overs: Mutex::default(),
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

    /// Sets how many unfinished jobs one user may have: running, queued or waiting for approval.
    pub fn set_max_unfinished(&self, max: u32) {
        self.inner.max_unfinished.store(max, Ordering::Relaxed);
    }

    /// Calls a tool and answers at once: what comes of it stands in the job's log. A call whose id is known is the same
    /// call. The record that is returned lacks the arguments, which may be large.
    ///
    /// # Errors
    /// See [`InvokeError`]; nothing is stored then.
    pub async fn invoke(&self, call: Invocation) -> Result<JobRecord, InvokeError> {
        let jobs = self.clone();
        // Whoever asks may leave in the middle of it; a job that is stored is also driven.
        to_the_end(async move {
            if !is_large(&call.args) {
                return jobs.start(call).await;
            }
            let turn = jobs.inner.large_calls.acquire(call.user).await;
            poll_off_worker(async move {
                let _turn = turn;
                jobs.start(call).await
            })
            .await
        })
        .await
    }

    async fn start(&self, call: Invocation) -> Result<JobRecord, InvokeError> {
        let inner = &self.inner;
        if let Some(known) = inner.known(&call).await? {
            return Ok(without_args(known));
        }
        if inner.draining.is_cancelled() && call.caller != Caller::Model {
            return Err(InvokeError::Draining);
        }
        let tool = inner.tools.find(&call.name).ok_or_else(|| InvokeError::UnknownTool(call.name.clone()))?;
        if is_deeper_than(&call.args, MAX_VALUE_DEPTH) {
            let message = format!("must not be nested more than {MAX_VALUE_DEPTH} levels deep");
            return Err(InvokeError::Invalid(vec![FieldError::new("args", &message)]));
        }
        let (args, faults) = inner.check(call.user, &tool.spec().input_schema, call.args, "args").await;
        if !faults.is_empty() {
            return Err(InvokeError::Invalid(faults));
        }
        let (args, permission) = self.permission_for(call.user, &*tool, args).await?;
        let word = match (permission, call.caller) {
            (Permission::Deny, _) => return Err(InvokeError::Denied(call.name)),
            // Whoever calls a tool in person needs not be asked whether they mean it.
            (Permission::Allow, _) | (Permission::Ask, Caller::Person) => Word::Allowed,
            (Permission::Ask, Caller::Model | Caller::Mcp) => Word::Asked(inner.deadline()),
        };
        let new = NewJob {
            id: call.id,
            user: call.user,
            name: call.name,
            args,
            caller: call.caller,
            run: call.run,
            repeatable: tool.spec().is_repeatable(),
            owner: inner.instance,
            word,
            key: call.key,
        };
        // Active before it is stored: a job that can be seen can be cancelled.
        let active = inner.active.enter(new.user, new.id);
        let max = inner.max_unfinished.load(Ordering::Relaxed);
        match inner.store.start_job(&new, max, inner.clock.now()).await? {
            StartedJob::Now(record, lease) => {
                if matches!(word, Word::Asked(_)) {
                    inner.log.changed(Topic::Inbox(record.user));
                }
                let mut driven = record;
                let args = std::mem::take(&mut driven.job.args);
                let started = driven.clone();
                driven.job.args = args;
                self.spawn(driven, lease, active);
                Ok(started)
            }
            // A twin that came at the same time was faster.
            StartedJob::Before(record) => Ok(without_args(record)),
            StartedJob::TooMany => Err(InvokeError::TooMany { max }),
        }
    }

    /// Stops a job, from anywhere; one that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such job of this user.
    pub async fn cancel(&self, user: UserId, id: ToolCallId) -> Result<(), StoreError> {
        self.inner.store.request_job_cancel(user, id, self.inner.clock.now()).await?;
        match self.inner.active.find(user, id) {
            Some(cancel) => cancel.cancel(),
            // Whoever runs it looks at its row when the bell rings.
            None => self.inner.log.changed(Topic::Log(LogId::Job(id))),
        }
        Ok(())
    }

    /// Stops jobs of an answer that has ended: at once where they run here. The database hears of it later, so that the end of the
    /// answer does not wait for it.
    pub(crate) fn stop_all(&self, user: UserId, ids: Vec<ToolCallId>) {
        if ids.is_empty() {
            return;
        }
        for id in &ids {
            if let Some(cancel) = self.inner.active.find(user, *id) {
                cancel.cancel();
            }
        }
        let jobs = self.clone();
        self.inner.tasks.spawn(async move {
            for id in ids {
                match jobs.cancel(user, id).await {
                    Ok(()) | Err(StoreError::NotFound(_)) => {}
                    Err(error) => tracing::warn!(%error, job = %id, "a job of a stopped answer could not be cancelled"),
                }
            }
        });
    }

    /// How many jobs are under way here.
    pub fn under_way(&self) -> usize {
        self.inner.active.len()
    }

    /// Looks after the jobs of this instance that somebody spoke about elsewhere, and takes over those of dead ones: they
    /// are run again where that does no harm, else they end as interrupted. One that cannot be taken over is logged and tried again with
    /// the next look.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn look_after(&self) -> Result<(), StoreError> {
        let driven = self.inner.active.driven();
        let found = self.inner.store.jobs_to_look_after(self.inner.instance).await?;
        self.inner.let_go(driven, &found);
        stream::iter(found).for_each_concurrent(TAKE_OVERS_AT_ONCE, |found| self.look_after_job(found)).await;
        Ok(())
    }

    async fn look_after_job(&self, found: UnfinishedJob) {
        let (inner, id) = (&self.inner, found.id);
        if let Some(cancel) = inner.active.find(found.user, id) {
            if found.cancel_requested {
                cancel.cancel();
            }
            if found.is_decided {
                inner.log.changed(Topic::Log(LogId::Job(id)));
            }
            return;
        }
        if inner.draining.is_cancelled() {
            return;
        }
        let active = inner.active.enter(found.user, id);
        match inner.store.take_job_over(id, found.epoch, inner.instance).await {
            Ok((record, lease)) => {
                tracing::info!(job = %id, tool = %record.job.name, attempt = record.attempts, "taking a job over");
                measure::taken_over("job");
                self.spawn(record, lease, active);
            }
            // Another instance was faster, the job has ended, or its row is locked.
            Err(StoreError::NotFound(_)) => {}
            Err(error) => {
                measure::take_over_failed("job");
                // Once, not with every look: a newer version may have written what this one cannot read.
                if lock(&inner.refused_take_overs).insert(id) {
                    tracing::error!(%error, job = %id, "a job cannot be taken over; trying again");
                }
            }
        }
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

    fn spawn(&self, record: JobRecord, lease: JobLease, active: ActiveJob) {
        if record.cancel_requested {
            active.cancel.cancel();
        }
        active.drives();
        let inner = self.inner.clone();
        let id = record.job.id;
        let span = trace::job(&record);
        self.inner.tasks.spawn(
            async move {
                let driving = inner.drive(record, lease, active.cancel.clone());
                match AssertUnwindSafe(driving).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(LostLease)) => {
                        tracing::warn!(job = %id, "the job was taken over or deleted");
                        inner.log.changed(Topic::Log(LogId::Job(id)));
                    }
                    Err(_) => inner.end_broken(lease).await,
                }
                drop(active);
            }
            .instrument(span),
        );
    }
}

fn without_args(mut record: JobRecord) -> JobRecord {
    record.job.args = Value::Null;
    record
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

    /// Stops the jobs in `driven` that were deleted or that another instance has taken over.
    fn let_go(&self, driven: Vec<Key>, found: &[UnfinishedJob]) {
        let found: HashSet<Key> = found.iter().map(|job| (job.user, job.id)).collect();
        let mut missing = lock(&self.missing);
        for (user, id) in missing.twice(driven, |key| !found.contains(key)) {
            if let Some(cancel) = self.active.find(user, id) {
                cancel.cancel();
            }
        }
    }

    fn deadline(&self) -> Timestamp {
        Timestamp(self.clock.now().0 + i64::try_from(self.patience.as_millis()).unwrap_or(i64::MAX / 2))
    }

    /// The queue of a tool whose concurrency is limited.
    fn queue(&self, tool: &dyn Callable) -> Option<FairQueue<UserId>> {
        let spec = tool.spec();
        let concurrency = spec.concurrency?;
        let mut queues = lock(&self.queues);
        if !queues.contains_key(&spec.name) {
            // The tools of servers come and go under any name.
            queues.retain(|name, _| self.tools.find(name).is_some());
        }
        Some(queues.entry(spec.name.clone()).or_insert_with(|| FairQueue::new(concurrency)).clone())
    }
}
