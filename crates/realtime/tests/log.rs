//! The log under random pieces, cuts, repeats, flushes and crashes; and writers that lost their lease.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::time::Duration;

use futures_util::FutureExt as _;
use proptest::prelude::*;
use tokio::{task::JoinHandle, time::Instant};
use weir_protocol::{ChatMessage, Done, Failure, FinishReason, MessageStatus, Seq, StreamChunk, Timestamp};
use weir_realtime::{CommitterOptions, Encoded, EventLog, Frame, LogWriter, LostLease, Reader, Topic};
use weir_store::{Lease, LogId, RunEnd, RunRecord, Store};
use weir_testkit::{ALICE, TestStore, cases, on_one_store, soon, take_over};

/// A log with its committer at work; dropping it is the death of a process.
struct Process {
    store: Store,
    log: EventLog,
    committer: JoinHandle<()>,
}

impl Process {
    fn new(store: Store, window: Duration) -> Self {
        let (log, work) = EventLog::open(store.clone(), CommitterOptions { window });
        Self { store, log, committer: tokio::spawn(work) }
    }

    async fn writer(&self, lease: Lease) -> LogWriter {
        self.log.writer(lease).await.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.committer.abort();
    }
}

const WINDOW: Duration = Duration::from_millis(30);
const NEVER: Duration = Duration::from_hours(1);

async fn answer_of(store: &Store, run: &RunRecord) -> ChatMessage {
    store.streaming_message(run.conversation, run.message).await.unwrap()
}

/// The last events of a run whose answer is `content`.
fn ending(answer: ChatMessage, content: &str) -> (Vec<Encoded>, RunEnd) {
    let message = ChatMessage { status: MessageStatus::Complete, content: content.to_owned(), seq: None, ..answer };
    let done = Done { id: message.id, finish_reason: FinishReason::Stop, usage: None, attempts: None };
    let end = RunEnd::new(message.clone(), FinishReason::Stop, Timestamp(1)).unwrap();
    let events = [StreamChunk::Message(message), StreamChunk::Done(done)];
    (events.iter().map(|event| Encoded::of(event).unwrap()).collect(), end)
}

async fn chunks(store: &Store, run: &RunRecord) -> Vec<(u64, StreamChunk)> {
    let events = store.events(LogId::Run(run.id), Seq::START, 100_000).await.unwrap();
    events.iter().map(|event| (event.seq.0, StreamChunk::parse(&event.kind, &event.data).unwrap())).collect()
}

fn joined(chunks: &[(u64, StreamChunk)]) -> String {
    let text = |chunk: &StreamChunk| match chunk {
        StreamChunk::Token(token) => token.text.clone(),
        _ => String::new(),
    };
    chunks.iter().map(|(_, chunk)| text(chunk)).collect()
}

/// The promise of a log that has ended with `content`.
fn check_whole(chunks: &[(u64, StreamChunk)], content: &str) {
    assert!(chunks.iter().zip(1..).all(|((seq, _), number)| *seq == number), "numbers are dense");
    assert_eq!(joined(chunks), content, "the tokens are the message");
    let dones = chunks.iter().filter(|(_, chunk)| matches!(chunk, StreamChunk::Done(_))).count();
    assert_eq!(dones, 1);
    let [.., (_, StreamChunk::Message(message)), (_, StreamChunk::Done(_))] = chunks else {
        panic!("message and done are last: {chunks:?}")
    };
    assert_eq!(message.content, content);
}

/// One who reads, is cut, and comes back where it was or a little before, as a browser may.
struct Journal {
    reader: Reader,
    seen: Vec<Frame>,
}

impl Journal {
    fn new(process: &Process, run: &RunRecord) -> Self {
        Self { reader: process.log.reader(run.id, Seq::START), seen: Vec::new() }
    }

    fn cut(&mut self, process: &Process, run: &RunRecord, back: usize) {
        let kept = self.seen.len().saturating_sub(back);
        self.reader = process.log.reader(run.id, Seq(kept as u64));
    }

    /// Reads one batch; an event that was seen before has to be the same one.
    async fn read(&mut self) -> bool {
        let Some(frames) = soon("more of the log", self.reader.next()).await.unwrap() else { return false };
        assert!(!frames.is_empty());
        for frame in frames {
            let place = usize::try_from(frame.seq.0).unwrap() - 1;
            if let Some(seen) = self.seen.get(place) {
                assert_eq!(seen, &frame, "a replay carries the same bytes");
            } else {
                assert_eq!(place, self.seen.len(), "no event is left out");
                self.seen.push(frame);
            }
        }
        true
    }

    async fn read_all(&mut self) {
        while self.read().await {}
    }
}

#[derive(Clone, Debug)]
enum Op {
    Say(String),
    /// Waits until all that was said is committed.
    Flush,
    /// Lets the committer and the readers work.
    Breathe,
    /// The reader reads, if the log has more for it.
    Read(usize),
    /// The reader's connection is cut; it comes back so many events before its last.
    Cut(usize, usize),
    /// The process dies; the next one takes the run over and goes on from what is in the log.
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => any::<String>().prop_map(Op::Say),
        1 => "[a-z]{1,40000}".prop_map(Op::Say),
        2 => Just(Op::Flush),
        3 => Just(Op::Breathe),
        6 => (0_usize..3).prop_map(Op::Read),
        3 => (0_usize..3, 0_usize..4).prop_map(|(reader, back)| Op::Cut(reader, back)),
        1 => Just(Op::Crash),
    ]
}

async fn play(stored: &TestStore, ops: Vec<Op>, window: Duration) {
    let run = stored.start("Hello").await;
    let mut process = Process::new(stored.store.clone(), window);
    let mut writer = process.writer(run.first_lease()).await;
    let mut journals: Vec<Journal> = (0..3).map(|_| Journal::new(&process, &run)).collect();
    let mut said = String::new();
    for op in ops {
        match op {
            // A provider's pieces are never empty.
            Op::Say(text) if text.is_empty() => {}
            Op::Say(text) => {
                said.push_str(&text);
                writer.text(run.message, text).await.unwrap();
            }
            Op::Flush => {
                writer.flush().await.unwrap();
                assert_eq!(answer_of(&process.store, &run).await.content, said, "what is flushed is committed");
            }
            Op::Breathe => tokio::task::yield_now().await,
            Op::Read(reader) => {
                let journal = &mut journals[reader];
                if process.store.last_seq(LogId::Run(run.id)).await.unwrap() > journal.reader.cursor() {
                    assert!(journal.read().await);
                    // Committed first, shown second.
                    assert!(process.store.last_seq(LogId::Run(run.id)).await.unwrap() >= journal.reader.cursor());
                }
            }
            Op::Cut(reader, back) => journals[reader].cut(&process, &run, back),
            Op::Crash => {
                drop(process);
                process = Process::new(stored.reopen().await, window);
                let (_, lease) = take_over(&process.store, run.id).await.unwrap();
                writer = process.writer(lease).await;
                said = answer_of(&process.store, &run).await.content;
                for journal in &mut journals {
                    journal.cut(&process, &run, 0);
                }
            }
        }
    }
    let (chunks_of_end, end) = ending(answer_of(&process.store, &run).await, &said);
    writer.end(chunks_of_end, end).await.unwrap();
    check_whole(&chunks(&process.store, &run).await, &said);
    let mut whole = Journal::new(&process, &run);
    whole.read_all().await;
    for journal in &mut journals {
        assert_eq!(journal.seen, whole.seen[..journal.seen.len()], "a reader has seen a prefix of the log");
        journal.read_all().await;
        assert_eq!(journal.seen, whole.seen);
    }
    let stored_message = answer_of(&process.store, &run).await;
    assert_eq!((stored_message.content, stored_message.status), (said, MessageStatus::Complete));
}

/// Where the seeds that failed are kept.
const FAILED_SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt");

#[test]
fn log_14_whatever_happens_the_log_is_the_message() {
    let window = prop_oneof![Just(Duration::ZERO), Just(Duration::from_millis(3))];
    let strategy = (prop::collection::vec(op(), 0..60), window);
    on_one_store(cases(FAILED_SEEDS, 200), &strategy, |runtime, stored, (ops, window)| {
        runtime.block_on(play(stored, ops, window));
    });
}

/// What happens to several runs that are written at the same time.
#[derive(Clone, Debug)]
enum Among {
    Say(usize, String),
    Flush(usize),
    /// Another server takes the run over while this one still writes, and says something.
    TakeOver(usize, String),
}

fn among() -> impl Strategy<Value = Among> {
    prop_oneof![
        10 => (0_usize..4, "\\PC{1,8}").prop_map(|(run, text)| Among::Say(run, text)),
        2 => (0_usize..4).prop_map(Among::Flush),
        1 => (0_usize..4, "\\PC{1,8}").prop_map(|(run, text)| Among::TakeOver(run, text)),
    ]
}

async fn play_among(stored: &TestStore, ops: Vec<Among>) {
    let here = Process::new(stored.store.clone(), Duration::from_millis(1));
    let elsewhere = Process::new(stored.reopen().await, Duration::from_millis(1));
    let mut runs = Vec::new();
    for _ in 0..4 {
        let run = stored.start("Hello").await;
        let writer = here.writer(run.first_lease()).await;
        // The text so far, and whether it was said here or elsewhere.
        runs.push((run, writer, None::<LogWriter>, String::new()));
    }
    for op in ops {
        match op {
            Among::Say(run, text) => {
                let (run, here, elsewhere, said) = &mut runs[run];
                if let Some(elsewhere) = elsewhere {
                    // The old writer may not know yet; what it says never gets in.
                    let _ = here.text(run.message, "lost".to_owned()).await;
                    elsewhere.text(run.message, text.clone()).await.unwrap();
                } else {
                    here.text(run.message, text.clone()).await.unwrap();
                }
                said.push_str(&text);
            }
            Among::Flush(run) => {
                let (_, here, elsewhere, _) = &mut runs[run];
                match elsewhere {
                    Some(elsewhere) => elsewhere.flush().await.unwrap(),
                    None => here.flush().await.unwrap(),
                }
            }
            Among::TakeOver(run, text) => {
                let (run, _, new, said) = &mut runs[run];
                if new.is_none() {
                    let (_, lease) = take_over(&elsewhere.store, run.id).await.unwrap();
                    let mut writer = elsewhere.writer(lease).await;
                    *said = answer_of(&elsewhere.store, run).await.content;
                    writer.text(run.message, text.clone()).await.unwrap();
                    said.push_str(&text);
                    *new = Some(writer);
                }
            }
        }
    }
    for (run, mut here_writer, new, said) in runs {
        let (last, end) = ending(answer_of(&here.store, &run).await, &said);
        match new {
            Some(new) => {
                let _ = here_writer.text(run.message, "lost".to_owned()).await;
                assert_eq!(here_writer.end(last.clone(), end.clone()).await, Err(LostLease));
                new.end(last, end).await.unwrap();
            }
            None => here_writer.end(last, end).await.unwrap(),
        }
        check_whole(&chunks(&here.store, &run).await, &said);
        let mut journal = Journal::new(&here, &run);
        journal.read_all().await;
        assert!(journal.seen.last().unwrap().terminal);
    }
}

#[test]
fn dur_4_a_lost_lease_appends_nothing_and_disturbs_nobody() {
    let strategy = prop::collection::vec(among(), 0..60);
    on_one_store(cases(FAILED_SEEDS, 200), &strategy, |runtime, stored, ops| {
        runtime.block_on(play_among(stored, ops));
    });
}

#[tokio::test]
async fn dur_4_what_an_older_writer_of_this_process_has_pending_is_not_appended() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    // A window that never ends by itself keeps the second piece pending.
    let process = Process::new(stored.store.clone(), NEVER);
    let mut old = process.writer(run.first_lease()).await;
    old.text(run.message, "one ".to_owned()).await.unwrap();
    old.flush().await.unwrap();
    old.text(run.message, "pending".to_owned()).await.unwrap();
    let (_, lease) = take_over(&process.store, run.id).await.unwrap();
    let mut new = process.writer(lease).await;
    new.text(run.message, "two".to_owned()).await.unwrap();
    new.flush().await.unwrap();
    old.lost().await;
    assert_eq!(old.text(run.message, "late".to_owned()).await, Err(LostLease));
    let (last, end) = ending(answer_of(&process.store, &run).await, "one two");
    new.end(last, end).await.unwrap();
    check_whole(&chunks(&process.store, &run).await, "one two");
    let mut journal = Journal::new(&process, &run);
    journal.read_all().await;
    assert_eq!(journal.seen.len(), 5);
}

#[tokio::test]
async fn dur_4_an_older_lease_cannot_be_opened_again() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), WINDOW);
    let (_, lease) = take_over(&process.store, run.id).await.unwrap();
    let mut new = process.writer(lease).await;
    let mut old = process.writer(run.first_lease()).await;
    let _ = old.text(run.message, "old".to_owned()).await;
    new.text(run.message, "new".to_owned()).await.unwrap();
    new.flush().await.unwrap();
    soon("the old writer to know", old.lost()).await;
    assert_eq!(answer_of(&process.store, &run).await.content, "new");
}

#[tokio::test]
async fn dur_4_a_writer_learns_that_its_run_was_deleted_and_its_readers_are_let_go() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), WINDOW);
    let mut writer = process.writer(run.first_lease()).await;
    writer.text(run.message, "one".to_owned()).await.unwrap();
    let mut journal = Journal::new(&process, &run);
    while journal.seen.len() < 2 {
        journal.read().await;
    }
    let waiting = tokio::spawn(async move { journal.read().await });
    process.store.delete_conversation(ALICE, run.conversation, Timestamp(1)).await.unwrap();
    writer.text(run.message, "two".to_owned()).await.unwrap();
    assert_eq!(writer.flush().await, Err(LostLease));
    assert!(!waiting.await.unwrap(), "the reader's log has ended");
}

#[tokio::test]
async fn life_4_a_run_that_can_never_be_committed_is_refused_alone() {
    let stored = TestStore::open().await;
    let process = Process::new(stored.store.clone(), NEVER);
    let mut writers = Vec::new();
    for _ in 0..5 {
        let run = stored.start("Hello").await;
        let mut writer = process.writer(run.first_lease()).await;
        writer.text(run.message, "one ".to_owned()).await.unwrap();
        writer.flush().await.unwrap();
        writers.push((run, writer));
    }
    stored
        .execute(if stored.url().is_some() {
            "ALTER TABLE run_events ADD CHECK (data NOT LIKE '%poison%')"
        } else {
            "CREATE TRIGGER poison BEFORE INSERT ON run_tail WHEN NEW.data LIKE '%poison%'
             BEGIN SELECT RAISE(ABORT, 'poison'); END"
        })
        .await;
    // All of it is one batch: the window ends with the first flush.
    for (nth, (run, writer)) in writers.iter_mut().enumerate() {
        let piece = if nth == 3 { "poison" } else { "two" };
        writer.text(run.message, piece.to_owned()).await.unwrap();
    }
    for (nth, (run, writer)) in writers.iter().enumerate() {
        let flushed = soon("the commit", writer.flush()).await;
        assert_eq!(flushed, if nth == 3 { Err(LostLease) } else { Ok(()) }, "{nth}");
        let expected = if nth == 3 { "one " } else { "one two" };
        assert_eq!(answer_of(&process.store, run).await.content, expected, "{nth}");
    }
}

#[tokio::test]
async fn life_3_a_log_that_stops_appending_gives_up_what_the_database_does_not_take() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), WINDOW);
    let mut writer = process.writer(run.first_lease()).await;
    let locked = stored.lock_writes().await;
    writer.text(run.message, "one".to_owned()).await.unwrap();
    let flushing = tokio::spawn(async move { writer.flush().await });
    process.log.stop_appending();
    assert_eq!(soon("the writer to be let go", flushing).await.unwrap(), Err(LostLease));
    locked.release().await;
    assert_eq!(answer_of(&process.store, &run).await.content, "");
}

#[tokio::test]
async fn log_13_readers_of_a_log_that_is_gone_are_let_go_when_the_bell_rings() {
    let stored = TestStore::open().await;
    let (gone, there) = (stored.start("Hello").await, stored.start("Hello").await);
    let process = Process::new(stored.store.clone(), WINDOW);
    let (mut of_gone, mut of_there) = (Journal::new(&process, &gone), Journal::new(&process, &there));
    assert!(of_gone.read().await && of_there.read().await);
    process.store.delete_conversation(ALICE, gone.conversation, Timestamp(1)).await.unwrap();
    let waiting = tokio::spawn(async move { of_gone.read().await });
    process.log.changed(Topic::Log(LogId::Run(gone.id)));
    process.log.changed(Topic::Log(LogId::Run(there.id)));
    assert!(!waiting.await.unwrap());
    let mut writer = process.writer(there.first_lease()).await;
    writer.text(there.message, "still there".to_owned()).await.unwrap();
    assert!(of_there.read().await, "a bell alone ends nothing");
}

#[tokio::test]
async fn a_reader_that_nobody_polls_any_more_holds_nobody_up() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), WINDOW);
    let mut slow = process.log.reader(run.id, Seq::START);
    let mut looking = Box::pin(slow.next());
    // It looks into the store, and from now on its client is too slow to ask what it found.
    assert!((&mut looking).now_or_never().is_none());
    let mut other = process.log.reader(run.id, Seq::START);
    let frames = soon("another reader of the same run", other.next()).await.unwrap().unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(looking.await.unwrap().unwrap(), frames);
}

#[tokio::test]
async fn log_9_a_flush_returns_when_all_is_committed() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), NEVER);
    let mut writer = process.writer(run.first_lease()).await;
    for word in ["one ", "two ", "three"] {
        writer.text(run.message, word.to_owned()).await.unwrap();
    }
    writer.flush().await.unwrap();
    assert_eq!(answer_of(&process.store, &run).await.content, "one two three");
}

#[tokio::test]
async fn sse_3_events_that_are_no_tokens_are_not_held_back() {
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), NEVER);
    let mut writer = process.writer(run.first_lease()).await;
    let mut journal = Journal::new(&process, &run);
    writer.text(run.message, "a".to_owned()).await.unwrap();
    while journal.seen.len() < 2 {
        journal.read().await;
    }
    writer.text(run.message, "b".to_owned()).await.unwrap();
    let note = Failure { code: "note".to_owned(), message: "A note.".to_owned() };
    writer.reserve().await.unwrap().event(Encoded::of(&StreamChunk::Error(note)).unwrap());
    while journal.seen.len() < 4 {
        journal.read().await;
    }
    let kinds: Vec<_> = chunks(&process.store, &run).await.into_iter().map(|(_, chunk)| chunk.kind()).collect();
    assert_eq!(kinds, ["message", "token", "token", "error"]);
}

#[tokio::test]
async fn sse_4_later_tokens_wait_for_the_window_and_no_longer() {
    let window = CommitterOptions::default().window;
    assert!((Duration::from_millis(20)..=Duration::from_millis(40)).contains(&window));
    let stored = TestStore::open().await;
    let run = stored.start("Hello").await;
    let process = Process::new(stored.store.clone(), window);
    let mut writer = process.writer(run.first_lease()).await;
    let mut journal = Journal::new(&process, &run);
    journal.read().await;
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let said = Instant::now();
        writer.text(run.message, "said ".to_owned()).await.unwrap();
        journal.read().await;
        quickest = quickest.min(said.elapsed());
    }
    // The quickest of many, because a busy machine may be late but never early.
    assert!(quickest <= window + Duration::from_millis(20), "{quickest:?}");
}

#[tokio::test]
async fn sse_4_one_commit_serves_all_runs_of_the_process() {
    let stored = TestStore::open().await;
    let process = Process::new(stored.store.clone(), NEVER);
    let mut writers = Vec::new();
    for _ in 0..5 {
        let run = stored.start("Hello").await;
        writers.push((process.writer(run.first_lease()).await, run));
    }
    for (writer, run) in &mut writers {
        writer.text(run.message, "said".to_owned()).await.unwrap();
    }
    // One of them hurries; what the others said comes with it.
    writers[0].0.flush().await.unwrap();
    for (_, run) in &writers {
        assert_eq!(answer_of(&process.store, run).await.content, "said");
    }
}
