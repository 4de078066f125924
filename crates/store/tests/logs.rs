//! Logs as they are read while answers grow, are taken over, end and go: whatever was appended is there once and in order, wherever
//! the store keeps it.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::collections::HashMap;

use proptest::prelude::*;
use sqlx::{Connection as _, SqliteConnection};
use weir_protocol::{FinishReason, MessageStatus, Seq, Timestamp, Token};
use weir_store::{LogId, NewEvent, RunAppend, RunEnd, RunRecord, Store};
use weir_testkit::{ALICE, TestStore, cases, on_one_store, take_over};

const RUNS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// The next events of several runs, in one batch; 0: of that run none.
    Append([u64; RUNS]),
    /// A batch of two runs in which the first has a number that is not its next one.
    WrongNumber(usize, u64),
    /// A batch of two runs in which the first comes with a lease that somebody else has taken over.
    TakenOver(usize),
    End(usize),
    Delete(usize),
    /// The process dies and another opens the same database.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let few = || prop_oneof![1 => Just(0), 4 => 1_u64..4];
    // So many that the tail is full after some of them.
    let many = || 10_u64..17;
    prop_oneof![
        8 => [few(), few(), few(), few()].prop_map(Step::Append),
        8 => [many(), many(), many(), many()].prop_map(Step::Append),
        1 => (0..RUNS, 0_u64..40).prop_map(|(run, wrong)| Step::WrongNumber(run, wrong)),
        1 => (0..RUNS).prop_map(Step::TakenOver),
        1 => (0..RUNS).prop_map(Step::End),
        1 => (0..RUNS).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ]
}

/// A run, and what its log must be.
struct Expected {
    run: RunRecord,
    epoch: u64,
    log: Vec<String>,
    is_running: bool,
}

impl Expected {
    fn log(&self) -> LogId {
        LogId::Run(self.run.id)
    }

    fn append(&self, count: u64) -> RunAppend {
        self.append_at(self.log.len() as u64 + 1, count)
    }

    fn append_at(&self, from: u64, count: u64) -> RunAppend {
        let token = |seq| Token { id: self.run.message, text: format!("{seq} of {}, ", self.epoch) };
        let event = |seq| NewEvent { seq: Seq(seq), kind: "token", data: serde_json::to_string(&token(seq)).unwrap() };
        RunAppend { run: self.run.id, epoch: self.epoch, events: (from..from + count).map(event).collect(), end: None }
    }

    fn note(&mut self, append: &RunAppend) {
        self.log.extend(append.events.iter().map(|event| event.data.clone()));
    }
}

struct Play<'s> {
    stored: &'s TestStore,
    store: Store,
    runs: Vec<Expected>,
}

impl Play<'_> {
    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(counts) => {
                let running = self.runs.iter_mut().zip(counts).filter(|(run, count)| run.is_running && *count > 0);
                let mut batch = Vec::new();
                for (run, count) in running {
                    let append = run.append(count);
                    run.note(&append);
                    batch.push(append);
                }
                assert!(self.store.append(&batch).await.unwrap().is_empty());
            }
            Step::WrongNumber(run, wrong) => {
                let next = self.runs[run].log.len() as u64 + 1;
                let wrong = self.runs[run].append_at(if wrong == next { wrong + 1 } else { wrong }, 2);
                self.refused(run, wrong).await;
            }
            Step::TakenOver(run) => {
                if !self.runs[run].is_running {
                    return;
                }
                let late = self.runs[run].append(2);
                let (_, lease) = take_over(&self.store, self.runs[run].run.id).await.unwrap();
                assert_eq!(lease.next.0, self.runs[run].log.len() as u64 + 1);
                self.runs[run].epoch = lease.epoch;
                self.refused(run, late).await;
            }
            Step::End(run) => {
                let run = &mut self.runs[run];
                if !run.is_running {
                    return;
                }
                let mut message = self.store.streaming_message(run.run.conversation, run.run.message).await.unwrap();
                message.status = MessageStatus::Complete;
                assert_eq!(message.seq, Some(Seq(run.log.len() as u64)));
                let end = RunEnd::new(message, FinishReason::Stop, Timestamp(1)).unwrap();
                let last = RunAppend { end: Some(end), ..run.append(1) };
                assert!(self.store.append(std::slice::from_ref(&last)).await.unwrap().is_empty());
                run.note(&last);
                run.is_running = false;
            }
            Step::Delete(run) => {
                let run = &mut self.runs[run];
                // The second time it is not found.
                let _ = self.store.delete_conversation(ALICE, run.run.conversation, Timestamp(1)).await;
                run.log.clear();
                run.is_running = false;
            }
            Step::Reopen => self.store = self.stored.reopen().await,
        }
    }

    /// One run's part is refused, that of another is appended.
    async fn refused(&mut self, wrong: usize, append: RunAppend) {
        let mut batch = vec![append];
        if let Some((_, other)) = self.runs.iter_mut().enumerate().find(|(run, it)| *run != wrong && it.is_running) {
            batch.push(other.append(1));
            other.note(&batch[1]);
        }
        let refused = self.store.append(&batch).await.unwrap();
        assert_eq!(refused.into_iter().collect::<Vec<_>>(), [batch[0].run]);
    }

    async fn check(&self) {
        let logs: Vec<_> = self.runs.iter().map(Expected::log).collect();
        let ends = self.store.last_seqs(&logs).await.unwrap();
        for run in &self.runs {
            let length = run.log.len() as u64;
            assert_eq!(ends.get(&run.log()).map_or(0, |last| last.0), length);
            assert_eq!(self.store.last_seq(run.log()).await.unwrap(), Seq(length));
            for after in [0, length / 2, length.saturating_sub(1)] {
                let events = self.store.events(run.log(), Seq(after), 10_000).await.unwrap();
                let expected = run.log.iter().enumerate().skip(usize::try_from(after).unwrap());
                let expected: Vec<_> = expected.map(|(at, data)| (at as u64 + 1, data.as_str())).collect();
                assert_eq!(events.iter().map(|it| (it.seq.0, it.data.as_str())).collect::<Vec<_>>(), expected);
            }
        }
    }
}

/// Of `SQLite`: how many events are in the tail, and how many of them have no business there.
async fn tail(stored: &TestStore) -> Option<(i64, i64)> {
    if stored.url().is_some() {
        return None;
    }
    let (_, folder) = stored.settings().remove(0);
    let mut connection = SqliteConnection::connect(&format!("sqlite://{folder}/weir.db")).await.unwrap();
    let sql = "SELECT count(*), count(*) FILTER (WHERE
                   NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = t.run_id AND r.state = 'running')
                   OR EXISTS (SELECT 1 FROM run_events e WHERE e.run_id = t.run_id AND e.seq = t.seq)) FROM run_tail t";
    Some(sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap())
}

async fn play(stored: &TestStore, steps: &[Step]) {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let run = stored.start("Hello").await;
        let first = stored.store.events(LogId::Run(run.id), Seq::START, 10).await.unwrap();
        let log = first.into_iter().map(|event| event.data).collect();
        runs.push(Expected { run, epoch: 1, log, is_running: true });
    }
    let mut play = Play { stored, store: stored.store.clone(), runs };
    for step in steps {
        play.step(step).await;
    }
    play.check().await;
    if let Some((_, astray)) = tail(stored).await {
        assert_eq!(astray, 0);
    }
}

/// Where the seeds that failed are kept.
const FAILED_SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt");

#[test]
fn dur_11_whatever_was_appended_is_there_once_and_in_order() {
    let strategy = prop::collection::vec(step(), 1..30);
    on_one_store(cases(FAILED_SEEDS, 200), &strategy, |runtime, stored, steps| runtime.block_on(play(stored, &steps)));
}

/// `SQLite` only: the table without a key stays small, and holds running answers only.
#[tokio::test]
async fn dur_11_the_tail_is_moved_when_it_is_full_and_when_an_answer_ends() {
    let stored = TestStore::open().await;
    if tail(&stored).await.is_none() {
        return;
    }
    let mut lengths = HashMap::<&str, i64>::new();
    for (what, steps) in [
        ("begun", vec![Step::Append([1; RUNS])]),
        ("grown", vec![Step::Append([1; RUNS]), Step::Append([2; RUNS])]),
        ("ended", [vec![Step::Append([1; RUNS]); 3], (0..RUNS).map(Step::End).collect()].concat()),
        ("deleted", [vec![Step::Append([1; RUNS]); 3], (0..RUNS).map(Step::Delete).collect()].concat()),
        ("full", vec![Step::Append([16; RUNS]); 33]),
        ("opened", vec![Step::Append([1; RUNS]), Step::Append([2; RUNS]), Step::Reopen]),
    ] {
        stored.reopen().await;
        play(&stored, &steps).await;
        lengths.insert(what, tail(&stored).await.unwrap().0);
    }
    // What comes after it was full is in it again.
    let expected = [("begun", 4), ("grown", 12), ("ended", 0), ("deleted", 0), ("full", 64), ("opened", 0)];
    assert_eq!(lengths, HashMap::from(expected));
}
