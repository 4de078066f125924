//! Runs without a server around them: taken over, drained, broken.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{panic::panic_any, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use weir_protocol::{
    ChatMessage, Done, Failure, FinishReason, MessageStatus, Model, RunId, Seq, StartRun, StreamChunk, UserId,
};
use weir_providers::{ChatRequest, EventStream, Provider, ProviderError, ProviderErrorKind, ProviderEvent};
use weir_realtime::{CommitterOptions, EventLog};
use weir_runs::{APPROVAL_PATIENCE, Providers, Runs, StartError};
use weir_store::{LogId, RunRecord, RunState, StoredEvent};
use weir_testkit::{ALICE, BOB, PATIENCE, Script, ScriptedProvider, TestClock, TestStore, soon, take_over};
use weir_tools::Registry;

/// The runs of one process over a store that outlives it.
struct Process {
    stored: TestStore,
    log: EventLog,
    runs: Runs,
}

impl Process {
    async fn of(provider: Arc<dyn Provider>) -> Self {
        let stored = TestStore::open().await;
        let (log, work) = EventLog::open(stored.store.clone(), CommitterOptions::default());
        tokio::spawn(work);
        let providers = Providers::new(vec![provider], None);
        let clock = Arc::new(TestClock::default());
        let runs =
            Runs::new(stored.store.clone(), log.clone(), providers, Registry::default(), clock, APPROVAL_PATIENCE);
        Self { stored, log, runs }
    }

    async fn new() -> (Self, Script) {
        let (provider, script) = ScriptedProvider::new();
        (Self::of(provider).await, script)
    }

    /// A run whose server died after it had said `text`.
    async fn orphan(&self, text: &str) -> RunRecord {
        let run = self.stored.start("Hello").await;
        let mut writer = self.log.writer(run.first_lease()).await.unwrap();
        if !text.is_empty() {
            writer.text(run.message, text.to_owned()).await.unwrap();
        }
        writer.flush().await.unwrap();
        run
    }

    async fn start(&self, prompt: &str) -> RunRecord {
        self.runs.start(ALICE, ask(prompt), None, u32::MAX).await.unwrap()
    }

    /// The whole log of a run, when it has ended.
    async fn log_of(&self, run: RunId) -> Vec<StreamChunk> {
        let mut reader = self.log.reader(run, Seq::START);
        while soon("the end of the run", reader.next()).await.unwrap().is_some() {}
        let mut events = Vec::new();
        loop {
            let after = events.last().map_or(Seq::START, |event: &StoredEvent| event.seq);
            let page = self.stored.store.events(LogId::Run(run), after, 10_000).await.unwrap();
            if page.is_empty() {
                break;
            }
            events.extend(page);
        }
        assert!(events.iter().zip(1..).all(|(event, number)| event.seq.0 == number));
        events.iter().map(|event| StreamChunk::parse(&event.kind, &event.data).unwrap()).collect()
    }
}

fn ask(prompt: &str) -> StartRun {
    let prompt = Some(prompt.to_owned());
    StartRun { prompt, context: None, tools: None, conversation_id: None, parent_id: None, edit_of: None, model: None }
}

fn joined(log: &[StreamChunk]) -> String {
    let text = |chunk: &StreamChunk| match chunk {
        StreamChunk::Token(token) => token.text.clone(),
        _ => String::new(),
    };
    log.iter().map(text).collect()
}

fn kinds(log: &[StreamChunk]) -> Vec<&str> {
    log.iter().map(StreamChunk::kind).collect()
}

/// The final message and `done` of a log whose tokens are its message.
fn ending(log: &[StreamChunk]) -> (&ChatMessage, &Done) {
    let [.., StreamChunk::Message(message), StreamChunk::Done(done)] = log else { panic!("no end: {log:?}") };
    assert_eq!(message.content, joined(log));
    (message, done)
}

fn told(log: &[StreamChunk]) -> &Failure {
    let mut errors = log.iter().filter_map(|chunk| match chunk {
        StreamChunk::Error(error) => Some(error),
        _ => None,
    });
    errors.next().expect("an error is told")
}

#[tokio::test]
async fn dur_2_an_orphan_goes_on_where_its_provider_continues() {
    let (process, script) = Process::new().await;
    let run = process.orphan("Good ").await;
    assert_eq!(process.runs.take_over_orphans().await.unwrap(), 1);
    let answer = script.answers().await;
    assert_eq!(answer.request.partial.as_deref(), Some("Good "));
    assert_eq!(answer.request.conversation, run.conversation);
    answer.say("day.");
    answer.finish();
    let log = process.log_of(run.id).await;
    let (message, done) = ending(&log);
    assert_eq!((message.content.as_str(), message.status), ("Good day.", MessageStatus::Complete));
    assert_eq!((done.finish_reason, done.attempts), (FinishReason::Stop, Some(2)));
    assert_eq!(process.runs.take_over_orphans().await.unwrap(), 0);
}

#[tokio::test]
async fn dur_2_an_orphan_that_said_nothing_is_begun_anew_by_any_provider() {
    let (process, script) = Process::new().await;
    script.set_continues(false);
    let run = process.orphan("").await;
    process.runs.take_over_orphans().await.unwrap();
    let answer = script.answers().await;
    assert_eq!(answer.request.partial, None);
    answer.say("Good day.");
    answer.finish();
    let log = process.log_of(run.id).await;
    assert_eq!(ending(&log).1.attempts, Some(2));
}

#[tokio::test]
async fn dur_3_an_orphan_whose_provider_cannot_continue_ends_as_interrupted() {
    let (process, script) = Process::new().await;
    script.set_continues(false);
    let run = process.orphan("Good ").await;
    process.runs.take_over_orphans().await.unwrap();
    let log = process.log_of(run.id).await;
    assert_eq!(kinds(&log), ["message", "token", "error", "message", "done"]);
    assert_eq!(told(&log).code, "interrupted");
    let (message, done) = ending(&log);
    assert_eq!((message.content.as_str(), message.status), ("Good ", MessageStatus::Interrupted));
    assert_eq!((done.finish_reason, done.attempts), (FinishReason::Interrupted, Some(2)));
    assert!(!script.is_asked().await);
}

#[tokio::test]
async fn dur_3_an_orphan_whose_continuation_is_refused_ends_as_interrupted() {
    let (process, script) = Process::new().await;
    let run = process.orphan("Good ").await;
    process.runs.take_over_orphans().await.unwrap();
    let asked = script.asked().await;
    asked.refuse(ProviderError::new(ProviderErrorKind::Rejected, "The last message must be a user's."));
    let log = process.log_of(run.id).await;
    assert_eq!(told(&log).code, "interrupted");
    let (message, done) = ending(&log);
    assert_eq!((message.content.as_str(), message.status), ("Good ", MessageStatus::Interrupted));
    assert_eq!(done.finish_reason, FinishReason::Interrupted);
}

#[tokio::test]
async fn dur_3_an_orphan_whose_model_is_not_set_up_any_more_ends_as_interrupted() {
    let (process, _script) = Process::new().await;
    let run = process.stored.new_run(ALICE, None, "Hello");
    let run = weir_store::NewRun { model: "gone/one".to_owned(), ..run };
    process.stored.store.start_run(&run, weir_protocol::Timestamp(0)).await.unwrap();
    process.runs.take_over_orphans().await.unwrap();
    let log = process.log_of(run.id).await;
    assert_eq!(told(&log).code, "interrupted");
}

#[tokio::test]
async fn dur_2_an_orphan_that_was_stopped_stays_stopped() {
    let (process, script) = Process::new().await;
    let run = process.orphan("Good ").await;
    process.stored.store.request_cancel(ALICE, run.id, weir_protocol::Timestamp(0)).await.unwrap();
    process.runs.take_over_orphans().await.unwrap();
    let log = process.log_of(run.id).await;
    assert_eq!(ending(&log).1.finish_reason, FinishReason::Cancelled);
    assert!(!script.is_asked().await);
}

#[tokio::test]
async fn dur_2_a_run_that_ends_its_server_each_time_ends_some_time() {
    let (process, script) = Process::new().await;
    let run = process.orphan("Good ").await;
    for _ in 0..4 {
        take_over(&process.stored.store, run.id).await.unwrap();
    }
    process.runs.take_over_orphans().await.unwrap();
    let log = process.log_of(run.id).await;
    assert_eq!(ending(&log).1.finish_reason, FinishReason::Interrupted);
    assert!(!script.is_asked().await);
}

#[tokio::test]
async fn can_2_a_cancel_by_another_user_finds_nothing() {
    let (process, script) = Process::new().await;
    let run = process.start("Hello").await;
    assert!(process.runs.cancel(BOB, run.id).await.is_err());
    let answer = script.answers().await;
    assert!(answer.is_heard());
    answer.finish();
    assert_eq!(ending(&process.log_of(run.id).await).1.finish_reason, FinishReason::Stop);
}

#[tokio::test]
async fn dur_7_draining_lets_answers_in_reach_end() {
    let (process, script) = Process::new().await;
    let run = process.start("Hello").await;
    let answer = script.answers().await;
    process.runs.stop_starting();
    assert!(matches!(process.runs.start(ALICE, ask("More"), None, u32::MAX).await, Err(StartError::Draining)));
    let runs = process.runs.clone();
    let draining = tokio::spawn(async move { runs.drain(PATIENCE).await });
    answer.say("Good day.");
    answer.finish();
    soon("the drain", draining).await.unwrap();
    assert_eq!(process.runs.under_way(), 0);
    let log = process.log_of(run.id).await;
    assert_eq!(ending(&log).0.content, "Good day.");
}

#[tokio::test]
async fn dur_7_draining_leaves_the_others_with_all_they_said() {
    let (process, script) = Process::new().await;
    let run = process.start("Hello").await;
    let answer = script.answers().await;
    answer.say("Good ");
    answer.say("day");
    let mut reader = process.log.reader(run.id, Seq(1));
    soon("a token", reader.next()).await.unwrap();
    soon("the drain", process.runs.drain(Duration::ZERO)).await;
    answer.dropped().await;
    let kept = process.stored.store.streaming_message(run.conversation, run.message).await.unwrap();
    assert_eq!((kept.content.as_str(), kept.status), ("Good day", MessageStatus::Streaming));
    assert_eq!(process.stored.store.run(ALICE, run.id).await.unwrap().state, RunState::Running);
}

/// Says something and then panics.
struct Faulty;

#[async_trait]
impl Provider for Faulty {
    fn id(&self) -> &'static str {
        "scripted"
    }

    async fn models(&self) -> Vec<Model> {
        Vec::new()
    }

    fn calls_tools(&self, _: &str) -> bool {
        false
    }

    fn continues(&self, _: &str) -> bool {
        true
    }

    async fn stream(&self, _: ChatRequest) -> Result<EventStream, ProviderError> {
        let words = ["Good ", "day", ", "].map(|word| Ok(ProviderEvent::Text(word.to_owned())));
        let broken = stream::once(async { panic_any("a fault of ours") });
        Ok(Box::pin(stream::iter(words).chain(broken)))
    }
}

#[tokio::test]
async fn dur_9_a_fault_of_ours_ends_the_run_and_what_is_shown_is_the_message() {
    let process = Process::of(Arc::new(Faulty)).await;
    let request = StartRun { model: Some("scripted/one".to_owned()), ..ask("Hello") };
    let run = process.runs.start(ALICE, request, None, u32::MAX).await.unwrap();
    let log = process.log_of(run.id).await;
    assert_eq!(told(&log).code, "internal");
    let (message, done) = ending(&log);
    assert_eq!((message.status, done.finish_reason), (MessageStatus::Error, FinishReason::Error));
    assert!("Good day, ".starts_with(&message.content), "{}", message.content);
    process.runs.drain(PATIENCE).await;
    assert_eq!(process.runs.under_way(), 0);
}

#[tokio::test]
async fn run_16_an_answer_that_does_not_stop_ends_at_its_limit_and_is_kept() {
    let (process, script) = Process::new().await;
    let run = process.start("Count").await;
    let answer = script.answers().await;
    let piece = "0123456789abcdef".repeat(64 * 1024);
    for _ in 0..6 {
        answer.say(&piece);
    }
    answer.dropped().await;
    let log = process.log_of(run.id).await;
    assert_eq!(told(&log).code, "answer_too_long");
    let (message, done) = ending(&log);
    assert_eq!((message.content.len(), message.status), (4 * piece.len(), MessageStatus::Error));
    assert_eq!(done.finish_reason, FinishReason::Error);
}

/// Holds each request, with the place of its context, for as long as the run listens.
struct Hoarder(mpsc::UnboundedSender<String>);

#[async_trait]
impl Provider for Hoarder {
    fn id(&self) -> &'static str {
        "scripted"
    }

    async fn models(&self) -> Vec<Model> {
        Vec::new()
    }

    fn calls_tools(&self, _: &str) -> bool {
        false
    }

    fn continues(&self, _: &str) -> bool {
        true
    }

    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError> {
        self.0.send(request.turns[0].content.clone()).unwrap();
        std::future::pending::<()>().await;
        drop(request);
        unreachable!("it is dropped before");
    }
}

#[tokio::test]
async fn run_18_contexts_are_read_in_turn_and_run_17_a_run_that_waits_for_its_turn_is_stopped_at_once() {
    let (asked, mut asks) = mpsc::unbounded_channel();
    let process = Process::of(Arc::new(Hoarder(asked))).await;
    let start = async |user: UserId, prompt: &str| {
        let request = StartRun { model: Some("scripted/one".to_owned()), ..ask(prompt) };
        process.runs.start(user, request, None, u32::MAX).await.unwrap().id
    };
    let mut next = async || soon("a question", asks.recv()).await.unwrap();
    let first = start(ALICE, "first").await;
    assert_eq!(next().await, "first");
    start(ALICE, "second").await;
    assert_eq!(next().await, "second");
    let stopped = start(ALICE, "stopped").await;
    let last = start(ALICE, "last").await;
    start(BOB, "of another user").await;
    assert_eq!(next().await, "of another user", "one user has half of the places");
    process.runs.cancel(ALICE, stopped).await.unwrap();
    let log = process.log_of(stopped).await;
    assert_eq!(ending(&log).1.finish_reason, FinishReason::Cancelled);
    process.runs.cancel(ALICE, first).await.unwrap();
    assert_eq!(next().await, "last", "a place that is given up is for the next run, and not for one that was stopped");
    process.runs.cancel(ALICE, last).await.unwrap();
    assert_eq!(ending(&process.log_of(last).await).1.finish_reason, FinishReason::Cancelled);
}
