//! A run over the deaths of its processes, at random places of a random answer.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use proptest::prelude::*;
use tokio::{runtime::Runtime, sync::Notify};
use weir_protocol::{FinishReason, MessageStatus, Model, Seq, StartRun, StreamChunk};
use weir_providers::{ChatRequest, EventStream, FinishedWith, Provider, ProviderError, ProviderEvent};
use weir_realtime::{CommitterOptions, EventLog};
use weir_runs::{APPROVAL_PATIENCE, Providers, Runs};
use weir_store::{LogId, RunRecord, Store, SystemClock};
use weir_testkit::{ALICE, TestStore, cases, on_one_store, soon};
use weir_tools::Registry;

/// Answers with one text, piece by piece, from wherever the partial answer ends.
struct Reciter {
    text: String,
    /// How many characters a piece has, again and again.
    pieces: Vec<usize>,
    continues: bool,
    /// After so many pieces it falls silent; none: it goes on to the end.
    silent_after: Option<usize>,
    silent: Arc<Notify>,
    partials: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl Provider for Reciter {
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
        self.continues
    }

    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError> {
        let partial = request.partial.clone().unwrap_or_default();
        self.partials.lock().unwrap().push(request.partial);
        let rest = self.text.strip_prefix(&partial).expect("the partial is how the answer begins");
        let (mut letters, mut pieces) = (rest.chars().peekable(), Vec::new());
        for length in self.pieces.iter().cycle() {
            if letters.peek().is_none() {
                break;
            }
            pieces.push(Ok(ProviderEvent::Text(letters.by_ref().take(*length).collect())));
        }
        let finish = stream::iter([Ok(ProviderEvent::Finished(FinishedWith::Stop))]);
        let Some(after) = self.silent_after else { return Ok(Box::pin(stream::iter(pieces).chain(finish))) };
        pieces.truncate(after);
        let silent = self.silent.clone();
        let silence = stream::once(async move {
            silent.notify_one();
            std::future::pending().await
        });
        Ok(Box::pin(stream::iter(pieces).chain(silence)))
    }
}

/// The life of one process.
#[derive(Clone, Debug)]
struct Life {
    /// Pieces that the provider says before it falls silent.
    pieces: usize,
    /// Whether all that was said is committed before the process dies.
    settles: bool,
}

#[derive(Clone, Debug)]
struct Answer {
    text: String,
    pieces: Vec<usize>,
    continues: bool,
}

impl Answer {
    fn reciter(&self, silent_after: Option<usize>) -> Arc<Reciter> {
        Arc::new(Reciter {
            text: self.text.clone(),
            pieces: self.pieces.clone(),
            continues: self.continues,
            silent_after,
            silent: Arc::default(),
            partials: Mutex::default(),
        })
    }
}

async fn open(stored: &TestStore, provider: Arc<Reciter>) -> (Store, EventLog, Runs) {
    let store = stored.reopen().await;
    let (log, work) = EventLog::open(store.clone(), CommitterOptions { window: Duration::from_millis(1) });
    tokio::spawn(work);
    let (providers, clock) = (Providers::new(vec![provider], None), Arc::<SystemClock>::default());
    let runs = Runs::new(store.clone(), log.clone(), providers, Registry::default(), clock, APPROVAL_PATIENCE);
    (store, log, runs)
}

/// One process: it starts the run or takes it over, and dies in the middle of the answer.
fn live(stored: &TestStore, answer: &Answer, life: &Life, run: &mut Option<RunRecord>) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let provider = answer.reciter(Some(life.pieces));
        let (store, log, runs) = open(stored, provider.clone()).await;
        let answer_of = async |run: &RunRecord| store.streaming_message(run.conversation, run.message).await.unwrap();
        // How the process finds the answer: taking it over, it may go on at once.
        let found = match run {
            Some(run) => Some(answer_of(run).await),
            None => None,
        };
        let content = found.as_ref().map_or("", |found| found.content.as_str());
        let has_ended = found.as_ref().is_some_and(|found| found.status != MessageStatus::Streaming);
        if run.is_some() {
            runs.take_over_orphans().await.unwrap();
        } else {
            let request: StartRun = StartRun {
                prompt: Some("Recite".to_owned()),
                context: None,
                tools: None,
                conversation_id: None,
                parent_id: None,
                edit_of: None,
                model: Some("scripted/one".to_owned()),
            };
            *run = Some(runs.start(ALICE, request, None, u32::MAX).await.unwrap());
        }
        let run = run.as_ref().unwrap();
        if has_ended || (!answer.continues && !content.is_empty()) {
            return; // It ends, or has ended, as interrupted.
        }
        let mut end = log.reader(run.id, Seq(1));
        let ended = async { while end.next().await.unwrap().is_some() {} };
        let falls_silent = async {
            tokio::select! {
                () = provider.silent.notified() => true,
                () = ended => false,
            }
        };
        if !soon("the provider to fall silent, or the answer to end", falls_silent).await {
            // What the dead process was about to commit came in after the look: the answer ends as interrupted.
            assert!(!answer.continues);
            return;
        }
        let said: usize = answer.pieces.iter().cycle().take(life.pieces).sum();
        let wanted = (content.chars().count() + said).min(answer.text.chars().count());
        let mut reader = log.reader(run.id, Seq(1));
        while life.settles && answer_of(run).await.content.chars().count() < wanted {
            soon("what was said", reader.next()).await.unwrap();
        }
    });
    // Everything that was under way is dropped where it stands.
    runtime.shutdown_background();
}

fn check(stored: &TestStore, answer: &Answer, lives: &[Life]) {
    let mut run = None;
    for life in lives {
        live(stored, answer, life, &mut run);
    }
    let run = run.unwrap();
    Runtime::new().unwrap().block_on(async {
        let provider = answer.reciter(None);
        let (store, log, runs) = open(stored, provider.clone()).await;
        let before = store.streaming_message(run.conversation, run.message).await.unwrap();
        runs.take_over_orphans().await.unwrap();
        let mut reader = log.reader(run.id, Seq::START);
        let mut seen = Vec::new();
        while let Some(frames) = soon("the log", reader.next()).await.unwrap() {
            seen.extend(frames);
        }
        assert!(seen.iter().zip(1..).all(|(frame, number)| frame.seq.0 == number));
        let events = store.events(LogId::Run(run.id), Seq::START, 100_000).await.unwrap();
        let log: Vec<_> = events.iter().map(|event| StreamChunk::parse(&event.kind, &event.data).unwrap()).collect();
        let tokens =
            log.iter().filter_map(|one| if let StreamChunk::Token(token) = one { Some(&*token.text) } else { None });
        let joined: String = tokens.collect();
        let [.., StreamChunk::Message(message), StreamChunk::Done(done)] = &log[..] else { panic!("no end: {log:?}") };
        assert_eq!(log.iter().filter(|one| matches!(one, StreamChunk::Done(_))).count(), 1);
        assert_eq!(joined, message.content);
        let stored = store.streaming_message(run.conversation, run.message).await.unwrap();
        assert_eq!(&stored, message);
        if answer.continues {
            assert_eq!(message.status, MessageStatus::Complete);
            assert_eq!(done.attempts, Some(u32::try_from(lives.len()).unwrap() + 1));
        }
        if message.status == MessageStatus::Complete {
            assert_eq!(message.content, answer.text);
        } else {
            assert_eq!((message.status, done.finish_reason), (MessageStatus::Interrupted, FinishReason::Interrupted));
            assert!(answer.text.starts_with(&joined) && !joined.is_empty());
        }
        if before.status == MessageStatus::Streaming && answer.continues {
            // What the dead process was about to commit may still have come in between this look and the take-over.
            let partials = provider.partials.lock().unwrap();
            let [partial] = &partials[..] else { panic!("asked once: {partials:?}") };
            let partial = partial.as_deref().unwrap_or_default();
            assert!(partial.starts_with(&before.content) && answer.text.starts_with(partial), "{partial:?}");
        }
    });
}

/// Where the seeds that failed are kept.
const FAILED_SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt");

#[test]
fn dur_2_an_answer_survives_the_deaths_of_its_processes() {
    let pieces = prop::collection::vec(1_usize..12, 1..5);
    let answer = ("\\PC{1,400}", pieces, prop::bool::weighted(0.7)).prop_map(|(text, pieces, continues)| Answer {
        text,
        pieces,
        continues,
    });
    let life = (0_usize..30, any::<bool>()).prop_map(|(pieces, settles)| Life { pieces, settles });
    let strategy = (answer, prop::collection::vec(life, 1..4));
    on_one_store(cases(FAILED_SEEDS, 200), &strategy, |_, stored, (answer, lives)| check(stored, &answer, &lives));
}
