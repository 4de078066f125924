//! Jobs without a server around them: what becomes of them when their process dies, drains, or is not asked.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{FutureExt as _, future::join_all};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use weir_protocol::{
    Approval, Caller, DecideApproval, Job, Permission, RunId, Seq, SetPermission, StartRun, StreamChunk,
    ToolAnnotations, ToolCallId, ToolCallStatus, UserId, Verdict,
};
use weir_realtime::{CommitterOptions, EventLog};
use weir_runs::{APPROVAL_PATIENCE, Invocation, InvokeError, Providers, Runs};
use weir_store::{Clock as _, LogId, Store, StoreError};
use weir_testkit::{ALICE, BOB, Script, ScriptedProvider, TestClock, TestStore, soon};
use weir_tools::{About, Call, Callable, Registry, Spec, Tool, ToolError, callable};

/// A tool that counts how often it was begun, and ends when the test lets it.
#[derive(Clone)]
struct Gate {
    name: &'static str,
    idempotent: bool,
    begun: Arc<AtomicU32>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new(name: &'static str, idempotent: bool) -> Self {
        Self { name, idempotent, begun: Arc::default(), open: Arc::new(Semaphore::new(0)) }
    }

    fn open(&self) {
        self.open.add_permits(1);
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Passed {
    times: u32,
}

#[async_trait]
impl Tool for Gate {
    type Args = Nothing;
    type Output = Passed;

    fn about(&self) -> About {
        let annotations = ToolAnnotations { idempotent_hint: self.idempotent, ..ToolAnnotations::default() };
        let about = About::read_only(self.name, "Gate", "Waits for the test.");
        About { annotations, timeout: Duration::from_hours(1), ..about }
    }

    async fn run(&self, _: Nothing, call: &Call) -> Result<Passed, ToolError> {
        let times = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        call.progress(0.5, Some("at the gate"));
        self.open.acquire().await.unwrap().forget();
        Ok(Passed { times })
    }
}

/// A tool that gives its arguments back.
struct Echo;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Items {
    items: Value,
}

#[async_trait]
impl Tool for Echo {
    type Args = Items;
    type Output = Items;

    fn about(&self) -> About {
        About::read_only("echo", "Echo", "Gives its arguments back.")
    }

    async fn run(&self, args: Items, _: &Call) -> Result<Items, ToolError> {
        Ok(args)
    }
}

/// A tool whose description panics when the test wants it: a bug of whatever drives the job, not of the tool's work.
struct Fragile {
    tool: Arc<dyn Callable>,
    is_broken: Arc<AtomicBool>,
}

#[async_trait]
impl Callable for Fragile {
    fn spec(&self) -> &Spec {
        assert!(!self.is_broken.load(Ordering::SeqCst), "a bug");
        self.tool.spec()
    }

    async fn call(&self, args: Value, call: &Call) -> Result<Value, ToolError> {
        self.tool.call(args, call).await
    }
}

/// One process after another over the same store.
struct World {
    stored: TestStore,
    is_broken: Arc<AtomicBool>,
    clock: Arc<TestClock>,
    once: Gate,
    again: Gate,
}

impl World {
    async fn new() -> Self {
        let (once, again) = (Gate::new("once", false), Gate::new("again", true));
        Self { stored: TestStore::open().await, is_broken: Arc::default(), clock: Arc::default(), once, again }
    }

    /// A process; whatever it drives ends with it when it is dropped.
    async fn process(&self) -> Process {
        self.process_with(APPROVAL_PATIENCE).await
    }

    async fn process_with(&self, patience: Duration) -> Process {
        let store = self.stored.reopen().await;
        let (log, committing) = EventLog::open(store.clone(), CommitterOptions::default());
        tokio::spawn(committing);
        let (provider, script) = ScriptedProvider::new();
        script.set_calls_tools(true);
        let fragile = Fragile { tool: callable(Gate::new("fragile", true)), is_broken: self.is_broken.clone() };
        let tools = vec![callable(self.once.clone()), callable(self.again.clone()), callable(Echo), Arc::new(fragile)];
        let tools = Registry::new(tools);
        let providers = Providers::new(vec![provider], None);
        let runs = Runs::new(store.clone(), log.clone(), providers, tools, self.clock.clone(), patience);
        Process { runs, log, store, script }
    }

    fn call(&self, tool: &str, caller: Caller) -> Invocation {
        Invocation {
            id: ToolCallId(self.clock.id()),
            user: ALICE,
            name: tool.to_owned(),
            args: json!({}),
            caller,
            run: None,
            key: None,
        }
    }
}

struct Process {
    runs: Runs,
    log: EventLog,
    store: Store,
    script: Script,
}

impl Process {
    /// What came of a job, when it has ended; its log is dense and ends once.
    async fn result(&self, id: ToolCallId) -> Job {
        self.result_for(ALICE, id).await
    }

    async fn result_for(&self, user: UserId, id: ToolCallId) -> Job {
        let mut reader = self.log.job_reader(id, Seq::START);
        while soon("the end of the job", reader.next()).await.unwrap().is_some() {}
        let events = self.store.events(LogId::Job(id), Seq::START, 1000).await.unwrap();
        assert!(events.iter().zip(1..).all(|(event, number)| event.seq.0 == number), "{events:?}");
        let ends = events.iter().filter(|event| matches!(event.kind.as_str(), "complete" | "error")).count();
        assert_eq!(ends, 1, "{events:?}");
        self.store.job(user, id).await.unwrap().job
    }

    /// Waits until a job has written down that it is at the gate.
    async fn at_the_gate(&self, id: ToolCallId) {
        let mut reader = self.log.job_reader(id, Seq::START);
        while self.store.job(ALICE, id).await.unwrap().job.note.is_none() {
            soon("the job's progress", reader.next()).await.unwrap();
        }
    }

    async fn ask(&self) -> RunId {
        self.runs.start(ALICE, hello(), None, u32::MAX).await.unwrap().id
    }

    /// The first call of a run that waits for a word.
    async fn waiting(&self) -> ToolCallId {
        loop {
            if let [waiting, ..] = &self.runs.jobs().approvals(ALICE).await.unwrap()[..] {
                return waiting.id;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn grant(&self, id: ToolCallId) {
        let grant = DecideApproval { decision: Verdict::Grant, remember: false, message: None };
        self.runs.jobs().decide(ALICE, id, grant).await.unwrap();
    }

    async fn log_of(&self, run: RunId) -> Vec<StreamChunk> {
        let mut reader = self.log.reader(run, Seq::START);
        while soon("the end of the run", reader.next()).await.unwrap().is_some() {}
        let events = self.store.events(LogId::Run(run), Seq::START, 1000).await.unwrap();
        assert!(events.iter().zip(1..).all(|(event, number)| event.seq.0 == number));
        events.iter().map(|event| StreamChunk::parse(&event.kind, &event.data).unwrap()).collect()
    }
}

fn hello() -> StartRun {
    serde_json::from_value(json!({ "prompt": "Hello" })).unwrap()
}

/// The tool calls of the message that a log ends with.
fn calls(log: &[StreamChunk]) -> Vec<weir_protocol::ToolCall> {
    let message = log.iter().rev().find_map(|chunk| match chunk {
        StreamChunk::Message(message) => Some(message.clone()),
        _ => None,
    });
    message.unwrap().tool_calls.unwrap()
}

#[tokio::test]
async fn job_1_a_job_whose_process_died_is_run_again_only_where_that_does_no_harm() {
    let world = World::new().await;
    let first = world.process().await;
    let once = first.runs.jobs().invoke(world.call("once", Caller::Person)).await.unwrap().job.id;
    let again = first.runs.jobs().invoke(world.call("again", Caller::Person)).await.unwrap().job.id;
    first.at_the_gate(once).await;
    first.at_the_gate(again).await;

    // The first process is not heard of any more: nothing of it is registered.
    let second = world.process().await;
    second.runs.take_over_orphans().await.unwrap();
    let ended = second.result(once).await;
    assert_eq!((ended.status, ended.error.unwrap().code.as_str()), (ToolCallStatus::Error, "interrupted"));
    world.again.open();
    world.again.open();
    assert_eq!(second.result(again).await.status, ToolCallStatus::Done);
    assert_eq!((world.once.begun(), world.again.begun()), (1, 2));
}

#[tokio::test]
async fn job_6_a_job_whose_servers_died_twice_is_not_run_again() {
    let world = World::new().await;
    let first = world.process().await;
    let again = first.runs.jobs().invoke(world.call("again", Caller::Person)).await.unwrap().job.id;
    first.at_the_gate(again).await;
    let second = world.process().await;
    second.runs.take_over_orphans().await.unwrap();
    while world.again.begun() < 2 {
        tokio::task::yield_now().await;
    }
    let third = world.process().await;
    third.runs.take_over_orphans().await.unwrap();
    let ended = third.result(again).await;
    let error = ended.error.unwrap();
    assert_eq!((ended.status, error.code.as_str()), (ToolCallStatus::Error, "interrupted"));
    assert!(error.message.contains("stopped twice"), "{}", error.message);
    assert_eq!(world.again.begun(), 2);
}

#[tokio::test]
async fn job_6_a_planned_hand_over_is_no_death() {
    let world = World::new().await;
    let mut process = world.process().await;
    let again = process.runs.jobs().invoke(world.call("again", Caller::Person)).await.unwrap().job.id;
    for handed_over in 0..6 {
        while world.again.begun() <= handed_over {
            tokio::task::yield_now().await;
        }
        process.runs.drain(Duration::ZERO).await;
        process = world.process().await;
        process.runs.take_over_orphans().await.unwrap();
    }
    while world.again.begun() < 7 {
        tokio::task::yield_now().await;
    }
    world.again.open();
    assert_eq!(process.result(again).await.status, ToolCallStatus::Done);
    assert_eq!(process.store.job(ALICE, again).await.unwrap().deaths, 0);
}

/// The call of another user under the id of a job that runs: neither the job nor what this process knows of it changes.
#[tokio::test]
async fn job_7_another_users_call_with_the_id_of_a_job_leaves_the_job_alone() {
    let world = World::new().await;
    let process = world.process().await;
    let jobs = process.runs.jobs();
    let call = world.call("again", Caller::Person);
    let job = jobs.invoke(call.clone()).await.unwrap().job.id;
    process.at_the_gate(job).await;
    for args in [json!({}), json!({ "other": 1 })] {
        let foreign = Invocation { user: BOB, args, ..call.clone() };
        let refused = jobs.invoke(foreign).await;
        assert!(
            matches!(refused, Err(InvokeError::Store(StoreError::IdTaken) | InvokeError::Invalid(_))),
            "{refused:?}"
        );
        assert!(matches!(jobs.cancel(BOB, job).await, Err(StoreError::NotFound(_))));
    }
    assert_eq!(jobs.under_way(), 1);
    // A look for orphans does not take it for one, and its user's twin finds it.
    process.runs.take_over_orphans().await.unwrap();
    assert_eq!(jobs.invoke(call).await.unwrap().job.id, job);
    world.again.open();
    assert_eq!(process.result(job).await.status, ToolCallStatus::Done);
    assert_eq!(world.again.begun(), 1);
}

#[tokio::test]
async fn job_7_twins_of_a_call_are_one_job_that_can_be_cancelled() {
    let world = World::new().await;
    let process = world.process().await;
    let jobs = process.runs.jobs();
    let call = world.call("again", Caller::Person);
    let twins = join_all((0..8).map(|_| jobs.invoke(call.clone()))).await;
    assert!(twins.iter().all(|twin| twin.as_ref().is_ok_and(|job| job.job.id == call.id)), "{twins:?}");
    process.at_the_gate(call.id).await;
    assert_eq!((jobs.under_way(), world.again.begun()), (1, 1));
    jobs.cancel(ALICE, call.id).await.unwrap();
    assert_eq!(process.result(call.id).await.error.unwrap().code, "cancelled");
}

#[tokio::test]
async fn life_7_a_job_whose_driver_panics_ends_with_an_error() {
    let world = World::new().await;
    let process = world.process().await;
    let jobs = process.runs.jobs();
    let id = jobs.invoke(world.call("fragile", Caller::Mcp)).await.unwrap().job.id;
    world.is_broken.store(true, Ordering::SeqCst);
    process.grant(id).await;
    let ended = process.result(id).await;
    assert_eq!((ended.status, ended.error.unwrap().code.as_str()), (ToolCallStatus::Error, "internal"));
    while jobs.under_way() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lim_20_calls_that_come_at_once_do_not_pass_the_bound() {
    let world = World::new().await;
    let process = world.process().await;
    let jobs = process.runs.jobs();
    jobs.set_max_unfinished(8);
    let started = join_all((0..40).map(|_| jobs.invoke(world.call("again", Caller::Person)))).await;
    let (begun, refused): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
    assert_eq!(begun.len(), 8);
    assert!(refused.iter().all(|refused| matches!(refused, Err(InvokeError::TooMany { max: 8 }))), "{refused:?}");
    // A call that waits for approval counts as well; another user's do not.
    assert!(matches!(jobs.invoke(world.call("once", Caller::Mcp)).await, Err(InvokeError::TooMany { .. })));
    jobs.invoke(Invocation { user: BOB, ..world.call("once", Caller::Mcp) }).await.unwrap();
    let first = begun[0].as_ref().unwrap().job.id;
    jobs.cancel(ALICE, first).await.unwrap();
    process.result(first).await;
    jobs.invoke(world.call("once", Caller::Mcp)).await.unwrap();
}

#[tokio::test]
async fn lim_21_a_users_endless_calls_leave_room_for_another_users() {
    let world = World::new().await;
    let process = world.process().await;
    let jobs = process.runs.jobs();
    jobs.set_max_unfinished(100);
    for _ in 0..45 {
        jobs.invoke(world.call("again", Caller::Person)).await.unwrap();
    }
    while world.again.begun() < 4 {
        tokio::task::yield_now().await;
    }
    // Eight may run; Alice has half of them for as long as she likes.
    let bobs = jobs.invoke(Invocation { user: BOB, ..world.call("again", Caller::Person) }).await.unwrap().job.id;
    while process.store.job(BOB, bobs).await.unwrap().job.status != ToolCallStatus::Running {
        tokio::task::yield_now().await;
    }
    for _ in 0..46 {
        world.again.open();
    }
    assert_eq!(process.result_for(BOB, bobs).await.status, ToolCallStatus::Done);
}

#[tokio::test]
async fn job_2_a_process_that_lost_a_job_writes_nothing_more() {
    let world = World::new().await;
    let first = world.process().await;
    let once = first.runs.jobs().invoke(world.call("once", Caller::Person)).await.unwrap().job.id;
    first.at_the_gate(once).await;
    let second = world.process().await;
    second.runs.take_over_orphans().await.unwrap();
    let ended = second.result(once).await;
    world.once.open();
    while first.runs.jobs().under_way() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(second.result(once).await, ended, "it came to its end after all, and nobody heard");
}

#[tokio::test]
async fn job_3_an_approval_that_is_pending_outlives_its_process() {
    let world = World::new().await;
    let first = world.process().await;
    let run = first.ask().await;
    let answer = first.script.answers().await;
    answer.say("Well, ");
    answer.call("once", "{}");
    answer.finish();
    let call = soon("the approval", first.waiting()).await;
    first.runs.drain(Duration::from_secs(5)).await;
    assert_eq!(first.store.job(ALICE, call).await.unwrap().job.approval, Some(Approval::Pending));

    let second = world.process().await;
    second.runs.take_over_orphans().await.unwrap();
    second.grant(call).await;
    world.once.open();
    let answer = second.script.answers().await;
    assert!(answer.request.turns.last().unwrap().content.contains("times"), "{:?}", answer.request);
    assert_eq!(answer.request.partial, None);
    answer.say("done.");
    answer.finish();
    let log = second.log_of(run).await;
    let [call] = &calls(&log)[..] else { panic!("one call: {log:?}") };
    assert_eq!((call.status, call.approval), (ToolCallStatus::Done, Some(Approval::Granted)));
    assert_eq!(world.once.begun(), 1);
}

#[tokio::test]
async fn job_4_a_run_that_is_taken_over_in_the_middle_of_its_calls_makes_none_twice() {
    let world = World::new().await;
    let first = world.process().await;
    first.allow("once").await;
    let run = first.ask().await;
    let answer = first.script.answers().await;
    answer.call("once", "{}");
    answer.finish();
    while world.once.begun() == 0 {
        tokio::task::yield_now().await;
    }
    // The job goes on in the first process, which lost only the run.
    let found = first.store.unfinished_run(run).await.unwrap();
    let second = world.process().await;
    second.runs.take_over_orphans().await.unwrap();
    let answer = second.script.answers().await;
    assert!(answer.request.turns.last().unwrap().content.contains("interrupted"), "{:?}", answer.request);
    answer.finish();
    let log = second.log_of(run).await;
    assert_eq!(calls(&log).len(), 1);
    assert_eq!((world.once.begun(), found.epoch), (1, 1));
}

#[tokio::test]
async fn appr_6_silence_is_a_denial_that_says_so() {
    let world = World::new().await;
    let process = world.process_with(Duration::from_millis(1)).await;
    let call = process.runs.jobs().invoke(world.call("once", Caller::Mcp)).await.unwrap().job.id;
    world.clock.advance(1);
    let ended = process.result(call).await;
    assert_eq!((ended.approval, ended.error.unwrap().code.as_str()), (Some(Approval::Denied), "approval_timeout"));
    assert_eq!(world.once.begun(), 0);
}

#[tokio::test]
async fn job_5_a_server_that_drains_begins_nothing_for_people() {
    let world = World::new().await;
    let process = world.process().await;
    process.runs.stop_starting();
    let refused = process.runs.jobs().invoke(world.call("again", Caller::Person)).await;
    assert!(matches!(refused, Err(InvokeError::Draining)));
}

#[tokio::test]
async fn dur_10_what_is_stored_is_driven_though_whoever_asked_has_left() {
    let world = World::new().await;
    let process = world.process().await;
    let call = world.call("again", Caller::Person);
    // Asked, and gone at once: the future is dropped after its first step.
    assert!(process.runs.jobs().invoke(call.clone()).now_or_never().is_none());
    world.again.open();
    assert_eq!(process.result_of_twin(call).await.status, ToolCallStatus::Done);
    assert!(process.runs.start(ALICE, hello(), None, u32::MAX).now_or_never().is_none());
    process.script.answers().await.finish();
}

impl Process {
    /// The result of a call that somebody else may have begun already.
    async fn result_of_twin(&self, call: Invocation) -> Job {
        let id = self.runs.jobs().invoke(call).await.unwrap().job.id;
        self.result(id).await
    }

    async fn allow(&self, tool: &str) {
        let set = SetPermission { permission: Permission::Allow, rules: None };
        self.runs.jobs().set_permission(ALICE, tool, set).await.unwrap();
    }
}

#[tokio::test]
async fn run_17_a_stopped_run_begins_no_call() {
    let world = World::new().await;
    let process = world.process().await;
    let run = process.runs.start(ALICE, hello(), None, u32::MAX).await.unwrap();
    let call = |tool| Invocation { run: Some((run.id, run.conversation)), ..world.call(tool, Caller::Model) };
    process.allow("once").await;
    process.runs.jobs().invoke(call("once")).await.unwrap();
    process.runs.cancel(ALICE, run.id).await.unwrap();
    let refused = process.runs.jobs().invoke(call("once")).await;
    assert!(matches!(refused, Err(InvokeError::Store(StoreError::NotFound("run")))), "{refused:?}");
}

/// How long this thread has computed.
#[cfg(target_os = "linux")]
fn computed() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// The test's thread is the only async worker. Time of the processor is compared with time of the processor, so that other work on the
/// machine makes no difference.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn edge_24_large_arguments_and_outputs_are_worked_on_outside_the_async_workers() {
    let world = World::new().await;
    let process = world.process().await;
    let call = |items| Invocation { args: json!({ "items": items }), ..world.call("echo", Caller::Person) };
    let mut taken = Vec::new();
    for items in [json!([]), (0..300_000).collect(), json!("x".repeat(3 * 1024 * 1024))] {
        let call = call(items);
        let before = computed();
        let text = serde_json::to_string(&call.args).unwrap();
        drop(serde_json::from_str::<Value>(&text).unwrap());
        let handled_once = computed().saturating_sub(before);
        let before = computed();
        let job = process.runs.jobs().invoke(call).await.unwrap().job.id;
        let mut reader = process.log.job_reader(job, Seq::START);
        while soon("the end of the job", reader.next()).await.unwrap().is_some() {}
        let read = process.store.job(ALICE, job).await.unwrap();
        let page = process.store.jobs(ALICE, None, 1, None).await.unwrap();
        taken.push((computed().saturating_sub(before), handled_once));
        assert_eq!(page.items[0].id, job);
        assert!(read.job.output == page.items[0].output && read.job.output.is_some());
    }
    let (small, _) = taken[0];
    for (large, handled_once) in &taken[1..] {
        let more = large.saturating_sub(small);
        assert!(
            more < *handled_once,
            "the async worker computed {more:?} longer; to handle it once is {handled_once:?}"
        );
    }
}
