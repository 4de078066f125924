//! Every run of this process: started, stopped, taken over, drained.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;
use weir_protocol::{
    ChatMessage, ConversationId, Failure, FieldError, MessageId, Model, Role, RunId, StartRun, ToolCallId, UserId,
};
use weir_providers::Admission;
use weir_realtime::{EventLog, Topic, to_the_end};
use weir_store::{
    Backoff, Clock, FairQueue, IdempotencyKey, InstanceId, Lease, LogId, NewMessage, NewRun, Position, Prompt,
    RunRecord, Started, Store, StoreError, UnfinishedRun, off_worker,
};
use weir_tools::Registry;

use crate::{
    Fold, Jobs, LiveRun, Outcome, Providers, StartError,
    drive::{Broke, Drive, Ended, Signals},
    keep::Missing,
    live::Live,
    measure,
    providers::Chosen,
    title::title_of,
    trace,
};

/// How long a deletion waits for the runs that it stops.
const DELETION_WAIT: Duration = Duration::from_secs(5);

/// Contexts that are read and encoded at once; one user has half of them. Each takes three times its size while that lasts.
const CONTEXTS_AT_ONCE: usize = 4;

/// Every run of this process. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) log: EventLog,
    providers: Providers,
    pub(crate) jobs: Jobs,
    contexts: FairQueue<UserId>,
    pub(crate) clock: Arc<dyn Clock>,
    /// This process, among those that serve the database.
    pub(crate) instance: InstanceId,
    active: Mutex<HashMap<RunId, Active>>,
    /// What a dashboard sees of them.
    live: Mutex<HashMap<RunId, Arc<Live>>>,
    /// Runs that are driven here although the last look for runs did not find them.
    missing: Mutex<Missing<RunId>>,
    tasks: TaskTracker,
    /// No new run is started any more.
    pub(crate) draining: CancellationToken,
    /// Running ones that another instance can go on with are left to it.
    hand_over: CancellationToken,
    /// Running ones are left to whoever comes next.
    pub(crate) stop: CancellationToken,
    /// The other instances that may be dead.
    pub(crate) silent: Mutex<HashSet<InstanceId>>,
    /// Runs that could not be taken over, which is logged once.
    pub(crate) refused_take_overs: Mutex<HashSet<RunId>>,
}

/// A run that is under way here.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) cancel: CancellationToken,
    /// Cancelled when the run was deleted or taken over elsewhere.
    pub(crate) gone: CancellationToken,
    ended: CancellationToken,
    /// When it was asked for here.
    since: Instant,
}

impl Default for Active {
    fn default() -> Self {
        Self {
            cancel: CancellationToken::new(),
            gone: CancellationToken::new(),
            ended: CancellationToken::new(),
            since: Instant::now(),
        }
    }
}

impl Runs {
    /// Runs that answer by `providers`, call `tools` and write to `log`. `patience` is how long a call waits for a person's
    /// word.
    pub fn new(
        store: Store,
        log: EventLog,
        providers: Providers,
        tools: Registry,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        let stop = CancellationToken::new();
        let instance = InstanceId(clock.id());
        let jobs = Jobs::new(store.clone(), log.clone(), tools, clock.clone(), instance, patience);
        let inner = Inner {
            store,
            log,
            providers,
            jobs,
            contexts: FairQueue::new(CONTEXTS_AT_ONCE),
            instance,
            clock,
            active: Mutex::default(),
            live: Mutex::default(),
            missing: Mutex::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            hand_over: stop.child_token(),
            stop,
            silent: Mutex::default(),
            refused_take_overs: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The jobs of this process.
    pub fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    /// Every model, the default marked.
    pub async fn models(&self) -> Vec<Model> {
        self.inner.providers.models().await
    }

    /// Starts a run and answers at once; the reply arrives on its log. A request whose key was used before gives the run
    /// that was started then. As many as `most` of the user's runs are under way at once.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is stored then.
    pub async fn start(
        &self,
        user: UserId,
        request: StartRun,
        key: Option<IdempotencyKey>,
        most: u32,
    ) -> Result<RunRecord, StartError> {
        let runs = self.clone();
        // Whoever asks may leave in the middle of it; a run that is stored is also driven.
        to_the_end(async move { runs.begin(user, request, key, most).await }).await
    }

    async fn begin(
        &self,
        user: UserId,
        request: StartRun,
        key: Option<IdempotencyKey>,
        most: u32,
    ) -> Result<RunRecord, StartError> {
        let inner = &self.inner;
        if let Some(key) = &key
            && let Some(first) = inner.store.first_answer::<RunId>(user, key, inner.clock.now()).await?
        {
            return Ok(inner.store.run(user, first).await?);
        }
        if inner.draining.is_cancelled() {
            return Err(StartError::Draining);
        }
        let unknown = inner.jobs.unknown(request.tools.as_deref().unwrap_or_default());
        if !unknown.is_empty() {
            return Err(StartError::Invalid(unknown));
        }
        let chosen = inner.providers.choose(request.model.as_deref()).await?;
        let admission = chosen.provider.admit()?;
        let new = inner.new_run(user, request, &chosen, key, most)?;
        // Known as active before it is stored: whoever sees the run can stop it.
        let active = inner.activate(new.id);
        match inner.store.start_run(&new, inner.clock.now()).await {
            Ok(Started::Now(run)) => {
                inner.log.changed(Topic::Inbox(user));
                let lease = run.first_lease();
                measure::RUNS_STARTED.increment(1);
                self.spawn(run.clone(), lease, active, Some(admission));
                Ok(run)
            }
            Ok(Started::Before(run)) => {
                inner.deactivate(new.id);
                Ok(run)
            }
            Err(error) => {
                inner.deactivate(new.id);
                Err(error.into())
            }
        }
    }

    /// Stops a run, from anywhere; one that is done stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such run of this user.
    pub async fn cancel(&self, user: UserId, run: RunId) -> Result<(), StoreError> {
        self.inner.store.request_cancel(user, run, self.inner.clock.now()).await?;
        if let Some(active) = self.inner.active(run) {
            active.cancel.cancel();
        }
        Ok(())
    }

    /// Stops the runs and jobs of a conversation that is about to be deleted, and waits until the runs have ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_all_in(&self, user: UserId, conversation: ConversationId) -> Result<(), StoreError> {
        self.inner.store.conversation(user, conversation).await?;
        self.cancel_each(user, self.inner.store.running_in(conversation).await?).await?;
        self.cancel_jobs(user, self.inner.store.unfinished_jobs_in(user, conversation).await?).await
    }

    /// Stops everything of a user who is disabled or about to be deleted: the runs, waiting until they have ended, and the
    /// jobs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cancel_all_of(&self, user: UserId) -> Result<(), StoreError> {
        self.cancel_each(user, self.inner.store.running_of(user).await?).await?;
        self.cancel_jobs(user, self.inner.store.unfinished_jobs_of(user).await?).await
    }

    /// Stops runs, then waits for all of them together.
    async fn cancel_each(&self, user: UserId, runs: Vec<RunId>) -> Result<(), StoreError> {
        let mut stopping = Vec::new();
        for run in runs {
            stopping.extend(self.inner.active(run));
            ignore_missing(self.cancel(user, run).await)?;
        }
        let ended = join_all(stopping.iter().map(|active| active.ended.cancelled()));
        if timeout(DELETION_WAIT, ended).await.is_err() {
            tracing::warn!(%user, "not every run that was stopped has ended in time");
        }
        Ok(())
    }

    async fn cancel_jobs(&self, user: UserId, jobs: Vec<ToolCallId>) -> Result<(), StoreError> {
        for job in jobs {
            ignore_missing(self.jobs().cancel(user, job).await)?;
        }
        Ok(())
    }

    /// How many runs are under way here.
    pub fn under_way(&self) -> usize {
        lock(&self.inner.active).len()
    }

    /// What is being written here just now.
    pub fn live(&self) -> Vec<LiveRun> {
        lock(&self.inner.live).values().map(|live| live.so_far()).collect()
    }

    /// This process, among those that serve the database.
    pub fn instance(&self) -> InstanceId {
        self.inner.instance
    }

    /// Starts no run from now on.
    pub fn stop_starting(&self) {
        self.inner.draining.cancel();
        self.inner.jobs.stop_starting();
    }

    /// Hands running answers over to another instance at once, where one is alive that does not stop itself, and where their provider
    /// can go on from a part. Waits for the others for as long as `grace`, then leaves them, with everything they said
    /// committed, to the instance that takes them over.
    pub async fn drain(&self, grace: Duration) {
        self.stop_starting();
        self.inner.tasks.close();
        let begun = Instant::now();
        if self.has_successor().await && self.under_way() > 0 {
            self.inner.hand_over.cancel();
        }
        let ended = async { tokio::join!(self.inner.tasks.wait(), self.inner.jobs.ended()) };
        if timeout_at(begun + grace, ended).await.is_err() {
            tracing::info!(runs = self.under_way(), "leaving running answers to the next server");
        }
        self.inner.stop.cancel();
        self.inner.jobs.stop();
        self.inner.tasks.wait().await;
        self.inner.jobs.ended().await;
        self.leave().await;
    }

    pub(crate) fn spawn(&self, run: RunRecord, lease: Lease, active: Active, admission: Option<Admission>) {
        let inner = self.inner.clone();
        let live = Arc::new(Live::new(&run, active.since));
        let span = trace::run(&run);
        lock(&inner.live).insert(run.id, live.clone());
        self.inner.tasks.spawn(
            async move {
                let (id, epoch) = (run.id, lease.epoch);
                let driven = AssertUnwindSafe(inner.drive(run, lease, &active, live)).catch_unwind().await;
                let broke = !matches!(driven, Ok(Ok(())));
                match driven {
                    Ok(Ok(())) => {}
                    Ok(Err(Broke::LostLease(_))) => {
                        measure::run_let_go("lost");
                        tracing::warn!(run = %id, "the run was taken over or deleted");
                    }
                    Ok(Err(Broke::Store(error))) => inner.end_broken(id, epoch, &error.to_string()).await,
                    Err(_) => {
                        tracing::error!(run = %id, "the driver of a run panicked");
                        inner.end_broken(id, epoch, "it panicked").await;
                    }
                }
                if broke {
                    // It may have been deleted, and then nobody writes the end that its readers wait for.
                    inner.log.changed(Topic::Log(LogId::Run(id)));
                }
                drop(admission);
                inner.deactivate(id);
            }
            .instrument(span),
        );
    }
}

impl Inner {
    fn new_run(
        &self,
        user: UserId,
        request: StartRun,
        chosen: &Chosen,
        key: Option<IdempotencyKey>,
        most: u32,
    ) -> Result<NewRun, StartError> {
        let position = match (request.edit_of, request.parent_id) {
            (Some(version), _) => Position::Beside(version),
            (None, Some(parent)) => Position::Under(parent),
            (None, None) => Position::Newest,
        };
        let prompt = match (request.prompt, request.conversation_id, request.parent_id) {
            (Some(content), conversation, _) => Prompt::New(NewMessage {
                id: MessageId(self.clock.id()),
                conversation,
                new_conversation: ConversationId(self.clock.id()),
                title: title_of(&content),
                position,
                role: Role::User,
                content,
            }),
            (None, Some(conversation), Some(message)) => Prompt::Stored { conversation, message },
            (None, ..) => return Err(StartError::Invalid(vec![FieldError::new("prompt", "is required")])),
        };
        Ok(NewRun {
            id: RunId(self.clock.id()),
            user,
            owner: self.instance,
            prompt,
            message: MessageId(self.clock.id()),
            model: chosen.id(),
            context: request.context,
            tools: request.tools,
            max_running: most,
            key,
        })
    }

    async fn drive(&self, run: RunRecord, lease: Lease, active: &Active, live: Arc<Live>) -> Result<(), Broke> {
        let mut drive = self.prepare(run, active, live).await?;
        let mut writer = self.log.writer(lease).await?;
        match drive.answer(&mut writer).await? {
            Ended::Left => {
                writer.flush().await?;
                measure::run_let_go("left");
                match self.store.release(drive.run.id, self.instance).await {
                    Ok(()) => self.log.changed(Topic::Leases),
                    Err(error) => {
                        tracing::warn!(%error, run = %drive.run.id, "a run could not be given up; it is found later");
                    }
                }
            }
            Ended::With(outcome) => {
                // Whatever ended it, no call of it goes on.
                drive.cancel_calls(&mut writer).await?;
                let (fold, attempts, now) = (drive.fold, drive.run.attempts, self.clock.now());
                let (events, end) = off_worker(move || fold.end(outcome, attempts, now)).await.map_err(unwritable)?;
                let (reason, usage) = (end.finish_reason, end.message.usage);
                writer.end(events, end).await?;
                measure::run_ended(reason, usage);
                self.log.changed(Topic::Inbox(drive.run.user));
            }
        }
        Ok(())
    }

    async fn prepare(&self, mut run: RunRecord, active: &Active, live: Arc<Live>) -> Result<Drive, StoreError> {
        // It is read with the rest of the context.
        run.context = None;
        let fold = Fold::new(self.answer_so_far(&run).await?);
        let chosen = self.providers.find(&run.model);
        let goes_on_elsewhere = chosen.as_ref().is_some_and(|chosen| chosen.provider.continues(&chosen.model));
        let stop = if goes_on_elsewhere { &self.hand_over } else { &self.stop };
        Ok(Drive {
            store: self.store.clone(),
            chosen,
            contexts: self.contexts.clone(),
            fold,
            jobs: self.jobs.clone(),
            unreadable: 0,
            live,
            signals: Signals {
                cancel: active.cancel.clone(),
                gone: active.gone.clone(),
                stop: stop.clone(),
                draining: self.draining.clone(),
            },
            run,
        })
    }

    /// The assistant message with what the log has of it, however long the database takes. A database that fails breaks no run.
    async fn answer_so_far(&self, run: &RunRecord) -> Result<ChatMessage, StoreError> {
        let mut backoff = Backoff::of_database();
        loop {
            let read = self.store.streaming_message(run.conversation, run.message).await;
            let Err(StoreError::Database(error)) = &read else { return read };
            tracing::warn!(%error, run = %run.id, "an answer cannot be read; trying again");
            if backoff.wait_unless(&self.stop).await.is_err() {
                return read;
            }
        }
    }

    /// A fault of ours must not leave a spinner: the run ends with an error as soon as the store allows it, unless another instance has
    /// taken it over since `epoch`.
    async fn end_broken(&self, run: RunId, mut epoch: u64, why: &str) {
        let mut backoff = Backoff::of_database();
        loop {
            match self.try_end_broken(run, &mut epoch).await {
                Ok(()) => return tracing::error!(%run, why, "a run broke"),
                Err(StoreError::NotFound(_) | StoreError::Gone) => {
                    return tracing::info!(%run, why, "a run was deleted, or another instance has it");
                }
                Err(error) => tracing::error!(%error, %run, why, "a broken run could not be ended; trying again"),
            }
            if backoff.wait_unless(&self.stop).await.is_err() {
                return;
            }
        }
    }

    async fn try_end_broken(&self, run: RunId, epoch: &mut u64) -> Result<(), StoreError> {
        let (run, lease) = self.store.take_over(run, *epoch, self.instance).await?;
        *epoch = lease.epoch;
        let fold = Fold::new(self.answer_so_far(&run).await?);
        let error = Failure {
            code: "internal".to_owned(),
            message: "Weir failed while it wrote this answer. What was there is kept. Try again.".to_owned(),
        };
        let now = self.clock.now();
        let ended = off_worker(move || fold.end(Outcome::Failed(error), run.attempts, now)).await;
        let (events, end) = ended.map_err(unwritable)?;
        let (reason, usage) = (end.finish_reason, end.message.usage);
        let ended = async { self.log.writer(lease).await?.end(events, end).await };
        if ended.await.is_ok() {
            measure::run_ended(reason, usage);
        } else {
            tracing::warn!(run = %lease.run, "another instance has taken over the failed run");
        }
        Ok(())
    }

    pub(crate) fn activate(&self, run: RunId) -> Active {
        lock(&self.active).entry(run).or_default().clone()
    }

    pub(crate) fn active(&self, run: RunId) -> Option<Active> {
        lock(&self.active).get(&run).cloned()
    }

    /// Runs that are driven here.
    pub(crate) fn driven(&self) -> Vec<RunId> {
        lock(&self.live).keys().copied().collect()
    }

    /// Lets go of the runs in `driven` that were deleted or that another instance has taken over.
    pub(crate) fn let_go(&self, driven: Vec<RunId>, found: &[UnfinishedRun]) {
        let found: HashSet<RunId> = found.iter().map(|run| run.id).collect();
        for run in lock(&self.missing).twice(driven, |run| !found.contains(run)) {
            if let Some(active) = self.active(run) {
                active.gone.cancel();
            }
        }
    }

    pub(crate) fn deactivate(&self, run: RunId) {
        lock(&self.live).remove(&run);
        if let Some(active) = lock(&self.active).remove(&run) {
            active.ended.cancel();
        }
    }
}

/// What was deleted meanwhile needs no stopping.
fn ignore_missing(stopped: Result<(), StoreError>) -> Result<(), StoreError> {
    match stopped {
        Err(StoreError::NotFound(_)) => Ok(()),
        other => other,
    }
}

/// The end of an answer cannot be written as JSON, which no answer is.
fn unwritable(error: impl std::fmt::Display) -> StoreError {
    tracing::error!(%error, "the end of an answer cannot be written as JSON");
    StoreError::Corrupt("message")
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The map is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
