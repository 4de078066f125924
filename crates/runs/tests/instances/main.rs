//! Two instances at one PostgreSQL: what one begins, the other reads, stops and takes over.
//!
//! SQLite has one instance at a time, so without `WEIR_TEST_DATABASE_URL` there is nothing to test here.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{
    runtime::Runtime,
    sync::{broadcast, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use weir_protocol::{
    DecideApproval, FinishReason, InboxChange, Permission, RunId, Seq, SetPermission, StartRun, StreamChunk, Verdict,
};
use weir_realtime::{BellError, Broadcaster, CommitterOptions, EventLog, Heard, Ring};
use weir_runs::{APPROVAL_PATIENCE, Contact, Providers, Runs};
use weir_store::{LogId, RunRecord, Store, SystemClock};
use weir_testkit::{ALICE, Answer, Script, ScriptedProvider, TestStore, soon};
use weir_tools::{Registry, builtin::Wait, callable};

mod database;
mod stopping;

/// The bell between the instances of a test.
#[derive(Debug)]
struct Hall {
    rings: broadcast::Sender<Vec<Ring>>,
    /// Nothing is heard any more.
    silent: AtomicBool,
}

#[async_trait]
impl Broadcaster for Hall {
    async fn ring(&self, rings: &[Ring]) -> Result<(), BellError> {
        if !self.silent.load(Ordering::SeqCst) {
            let _ = self.rings.send(rings.to_vec());
        }
        Ok(())
    }

    async fn hear(&self, heard: mpsc::Sender<Heard>) -> BellError {
        let mut rings = self.rings.subscribe();
        let mut next = Heard::Listening;
        while heard.send(next).await.is_ok() {
            let Ok(rung) = rings.recv().await else { break };
            next = Heard::Rings(rung);
        }
        BellError("the test is over".to_owned())
    }
}

/// One server process, as far as runs go.
struct Instance {
    runtime: Option<Runtime>,
    store: Store,
    log: EventLog,
    runs: Runs,
    script: Script,
    contact: Contact,
    keeper: JoinHandle<()>,
}

/// The end of a process that is told nothing.
impl Drop for Instance {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Instance {
    async fn join(stored: &TestStore, hall: Arc<Hall>) -> Self {
        Self::join_at(stored.url().unwrap(), hall).await
    }

    async fn join_at(url: &str, hall: Arc<Hall>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let url = url.parse().unwrap();
        let (provider, script) = ScriptedProvider::new();
        let joining = runtime.spawn(async move {
            let store = Store::connect(&url, weir_store::Durability::Process).await.unwrap();
            let options = CommitterOptions { window: Duration::from_millis(1) };
            let (log, committing, ringing) = EventLog::open_shared(store.clone(), options, hall);
            tokio::spawn(committing);
            tokio::spawn(ringing);
            let providers = Providers::new(vec![provider], None);
            let clock = Arc::new(SystemClock::default());
            let tools = Registry::new(vec![callable(Wait)]);
            let runs = Runs::new(store.clone(), log.clone(), providers, tools, clock, APPROVAL_PATIENCE);
            runs.join().await.unwrap();
            (store, log, runs)
        });
        let (store, log, runs) = joining.await.unwrap();
        let contact = Contact::new(CancellationToken::new());
        let keeper = runtime.spawn(runs.clone().keep(contact.clone()));
        Self { runtime: Some(runtime), store, log, runs, script, contact, keeper }
    }

    async fn ask(&self) -> RunRecord {
        let request = StartRun {
            prompt: Some("Hello".to_owned()),
            context: None,
            tools: None,
            conversation_id: None,
            parent_id: None,
            edit_of: None,
            model: None,
        };
        let runs = self.runs.clone();
        let start = async move { runs.start(ALICE, request, None, u32::MAX).await.unwrap() };
        self.runtime.as_ref().unwrap().spawn(start).await.unwrap()
    }

    /// An answer that has begun with "Good ", which was read at another instance.
    async fn begin(&self, elsewhere: &Self) -> (RunRecord, Answer) {
        let run = self.ask().await;
        let answer = self.script.answers().await;
        answer.say("Good ");
        assert_eq!(elsewhere.read(run.id, "Good ").await, "Good ");
        (run, answer)
    }

    /// Stops it as a signal does. Answers have a minute to come to their end.
    fn stop(&self) -> JoinHandle<()> {
        let runs = self.runs.clone();
        self.runtime.as_ref().unwrap().spawn(async move { runs.drain(Duration::from_mins(1)).await })
    }

    /// The text of the run as somebody reads it here, up to and with the piece `until` or the end of the log.
    async fn read(&self, run: RunId, until: &str) -> String {
        let mut reader = self.log.reader(run, Seq::START);
        let mut text = String::new();
        while !text.ends_with(until) || until.is_empty() {
            let Some(frames) = soon("events", reader.next()).await.unwrap() else { break };
            for frame in frames {
                let sse = String::from_utf8(frame.sse.to_vec()).unwrap();
                let (kind, data) = sse.split_once("\ndata: ").unwrap();
                if let (true, Ok(StreamChunk::Token(token))) =
                    (kind.ends_with("token"), StreamChunk::parse("token", data.trim()))
                {
                    text.push_str(&token.text);
                }
            }
        }
        text
    }
}

impl Hall {
    fn new() -> Arc<Self> {
        Arc::new(Self { rings: broadcast::Sender::new(1024), silent: AtomicBool::new(false) })
    }
}

/// Two instances; nothing on SQLite.
async fn two() -> Option<(Instance, Instance, Arc<Hall>)> {
    let stored = TestStore::open().await;
    stored.url()?;
    let hall = Hall::new();
    let a = Instance::join(&stored, hall.clone()).await;
    let b = Instance::join(&stored, hall.clone()).await;
    Some((a, b, hall))
}

#[tokio::test]
async fn ins_1_a_run_of_one_instance_is_followed_at_another() {
    let Some((a, b, _)) = two().await else { return };
    let (run, answer) = a.begin(&b).await;
    answer.say("day.");
    answer.finish();
    assert_eq!(b.read(run.id, "").await, "Good day.");
}

#[tokio::test]
async fn ins_9_a_call_that_waits_at_one_instance_is_answered_at_another() {
    let Some((a, b, hall)) = two().await else { return };
    a.script.set_calls_tools(true);
    let ask = SetPermission { permission: Permission::Ask, rules: None };
    b.runs.jobs().set_permission(ALICE, "wait", ask).await.unwrap();
    for silent in [false, true] {
        hall.silent.store(silent, Ordering::SeqCst);
        let run = a.ask().await;
        let answer = a.script.answers().await;
        answer.call("wait", r#"{"seconds":0}"#);
        answer.finish();
        let waiting = async {
            loop {
                if let [waiting] = &b.runs.jobs().approvals(ALICE).await.unwrap()[..] {
                    return waiting.id;
                }
                tokio::task::yield_now().await;
            }
        };
        let call = soon("the call", waiting).await;
        let grant = DecideApproval { decision: Verdict::Grant, remember: false, message: None };
        b.runs.jobs().decide(ALICE, call, grant).await.unwrap();
        let answer = a.script.answers().await;
        assert!(answer.request.turns.last().unwrap().content.contains("waited"), "{:?}", answer.request);
        answer.say("Done.");
        answer.finish();
        assert_eq!(b.read(run.id, "").await, "Done.");
    }
}

#[tokio::test]
async fn ins_6_a_bell_that_nobody_hears_costs_a_poll_and_no_data() {
    let Some((a, b, hall)) = two().await else { return };
    let (run, answer) = a.begin(&b).await;
    hall.silent.store(true, Ordering::SeqCst);
    answer.say("day.");
    let since = Instant::now();
    assert_eq!(b.read(run.id, "day.").await, "Good day.");
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    answer.finish();
}

#[tokio::test]
async fn ins_2_the_runs_of_a_dead_instance_go_on_at_another_within_five_seconds() {
    let Some((a, b, _)) = two().await else { return };
    let (run, _answer) = a.begin(&b).await;
    drop(a);
    let since = Instant::now();
    let answer = b.script.answers().await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(answer.request.partial.as_deref(), Some("Good "));
    answer.say("day.");
    answer.finish();
    assert_eq!(b.read(run.id, "").await, "Good day.");
}

#[tokio::test]
async fn ins_3_an_instance_that_was_only_thought_dead_appends_nothing() {
    let Some((a, b, _)) = two().await else { return };
    let (run, zombie) = a.begin(&b).await;
    // It goes on in everything but its beat.
    a.keeper.abort();
    let answer = b.script.answers().await;
    zombie.say("night.");
    soon("the zombie to let its provider go", zombie.dropped()).await;
    answer.say("day.");
    answer.finish();
    assert_eq!(b.read(run.id, "").await, "Good day.");
    assert_eq!(a.read(run.id, "").await, "Good day.", "also at the zombie");
}

#[tokio::test]
async fn ins_4_stop_reaches_the_provider_from_any_instance_within_a_second() {
    let Some((a, b, _)) = two().await else { return };
    let (run, answer) = a.begin(&b).await;
    let since = Instant::now();
    b.runs.cancel(ALICE, run.id).await.unwrap();
    answer.dropped().await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert_eq!(b.read(run.id, "").await, "Good ");
    let ended = b.store.streaming_message(run.conversation, run.message).await.unwrap();
    assert_eq!(ended.status, weir_protocol::MessageStatus::Cancelled);
}

#[tokio::test]
async fn ins_8_an_instance_whose_heartbeats_fail_knows_that_it_is_cut_off() {
    let Some((a, b, _)) = two().await else { return };
    let (of_a, of_b) = (a.contact.ending(), b.contact.ending());
    a.store.close().await;
    soon("the loss to be noticed", of_a.cancelled()).await;
    assert!(a.contact.is_lost());
    assert!(!of_b.is_cancelled(), "the other one serves on");
}

#[tokio::test]
async fn ins_7_what_changes_among_conversations_is_seen_at_every_instance() {
    let Some((a, b, _)) = two().await else { return };
    let mut inbox = b.log.inbox(ALICE, b.log.inbox_head(ALICE).await.unwrap());
    let run = a.ask().await;
    let answer = a.script.answers().await;
    let first = soon("a change", inbox.next()).await.unwrap();
    assert!(matches!(&first[..], [InboxChange::Created { conversation }] if conversation.id == run.conversation));
    answer.finish();
    let second = soon("a change", inbox.next()).await.unwrap();
    assert!(matches!(&second[..], [InboxChange::Answered { run_id, .. }] if *run_id == run.id), "{second:?}");
    let log = b.store.events(LogId::Run(run.id), Seq::START, 100).await.unwrap();
    let done = StreamChunk::parse(&log.last().unwrap().kind, &log.last().unwrap().data).unwrap();
    assert!(matches!(done, StreamChunk::Done(done) if done.finish_reason == FinishReason::Stop));
}

#[tokio::test]
async fn ins_15_what_is_deleted_elsewhere_ends_at_its_owner_without_a_bell() {
    let Some((a, b, hall)) = two().await else { return };
    a.script.set_calls_tools(true);
    let ask = SetPermission { permission: Permission::Ask, rules: None };
    b.runs.jobs().set_permission(ALICE, "wait", ask).await.unwrap();
    let run = a.ask().await;
    let answer = a.script.answers().await;
    answer.call("wait", r#"{"seconds":0}"#);
    answer.finish();
    soon("the call to wait for a word", async {
        while b.runs.jobs().approvals(ALICE).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut reader = a.log.reader(run.id, Seq::START);
    hall.silent.store(true, Ordering::SeqCst);
    // The deletion itself, without the stop that precedes it.
    b.store.delete_conversation(ALICE, run.conversation, weir_protocol::Timestamp(1)).await.unwrap();
    soon("the run and its call to end", async {
        while a.runs.under_way() + a.runs.jobs().under_way() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    soon("the reader to end", async { while let Ok(Some(_)) = reader.next().await {} }).await;
}
