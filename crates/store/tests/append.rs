//! Batches of appends in which some runs may not write: the others are committed, exactly once.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::collections::HashSet;

use proptest::prelude::*;
use weir_protocol::{FinishReason, MessageStatus, RunId, Seq, Timestamp};
use weir_store::{LogId, NewEvent, RunAppend, RunEnd, RunRecord, RunState, StoreError};
use weir_testkit::{ALICE, NOBODY, TestStore, cases, on_one_store, take_over};

/// What is wrong with a run's part of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Somebody has taken the run over.
    OldEpoch,
    /// The run has its terminal event.
    Done,
    /// Its conversation was deleted.
    Gone,
    /// An event with the first number is there already.
    NumberUsed,
}

#[derive(Clone, Debug)]
struct Part {
    fault: Fault,
    events: u64,
    ends: bool,
}

fn part() -> impl Strategy<Value = Part> {
    use Fault::{Done, Gone, None, NumberUsed, OldEpoch};
    let fault =
        prop_oneof![4 => Just(None), 1 => Just(OldEpoch), 1 => Just(Done), 1 => Just(Gone), 1 => Just(NumberUsed)];
    let events = prop_oneof![4 => 1_u64..4, 1 => 30_u64..70];
    (fault, events, prop::bool::weighted(0.2)).prop_map(|(fault, events, ends)| Part { fault, events, ends })
}

fn events(from: u64, count: u64, word: &str) -> Vec<NewEvent> {
    let event = |seq| NewEvent { seq: Seq(seq), kind: "token", data: format!("\"{word} {seq}\"") };
    (from..from + count).map(event).collect()
}

async fn end_of(store: &TestStore, run: &RunRecord) -> RunEnd {
    let mut message = store.store.streaming_message(run.conversation, run.message).await.unwrap();
    message.status = MessageStatus::Complete;
    RunEnd::new(message, FinishReason::Stop, Timestamp(1)).unwrap()
}

async fn log_of(store: &TestStore, run: RunId) -> Vec<(u64, String)> {
    let events = store.store.events(LogId::Run(run), Seq::START, 1000).await.unwrap();
    events.into_iter().map(|event| (event.seq.0, event.data)).collect()
}

/// Brings a run into the state in which its part of the batch has its fault.
async fn spoil(store: &TestStore, run: &RunRecord, fault: Fault) {
    match fault {
        Fault::None => {}
        Fault::OldEpoch => drop(take_over(&store.store, run.id).await.unwrap()),
        Fault::Gone => store.store.delete_conversation(ALICE, run.conversation, Timestamp(1)).await.unwrap(),
        Fault::NumberUsed => {
            let before = RunAppend { run: run.id, epoch: 1, events: events(2, 1, "before"), end: None };
            assert!(store.store.append(&[before]).await.unwrap().is_empty());
        }
        Fault::Done => {
            let end = Some(end_of(store, run).await);
            let last = RunAppend { run: run.id, epoch: 1, events: events(2, 1, "last"), end };
            assert!(store.store.append(&[last]).await.unwrap().is_empty());
        }
    }
}

async fn check(store: &TestStore, parts: Vec<Part>) {
    let (mut batch, mut expected, mut refusable) = (Vec::new(), Vec::new(), HashSet::new());
    for part in &parts {
        let run = store.start("Hello").await;
        let end = if part.ends { Some(end_of(store, &run).await) } else { None };
        spoil(store, &run, part.fault).await;
        let mut log = log_of(store, run.id).await;
        let append = RunAppend { run: run.id, epoch: 1, events: events(2, part.events, "now"), end };
        if part.fault == Fault::None {
            log.extend(append.events.iter().map(|event| (event.seq.0, event.data.clone())));
        } else {
            refusable.insert(run.id);
        }
        expected.push((run, log, part.fault == Fault::Done || (part.fault == Fault::None && part.ends)));
        batch.push(append);
    }
    assert_eq!(store.store.append(&batch).await.unwrap(), refusable);
    for (run, log, done) in &expected {
        assert_eq!(&log_of(store, run.id).await, log);
        if let Ok(now) = store.store.run(ALICE, run.id).await {
            assert_eq!(now.state != RunState::Running, *done);
        }
    }
    // The same batch once more: every number is used, so nothing of it is committed twice.
    assert_eq!(store.store.append(&batch).await.unwrap().len(), batch.len());
    for (run, log, _) in &expected {
        assert_eq!(&log_of(store, run.id).await, log);
    }
}

/// Where the seeds that failed are kept.
const FAILED_SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt");

#[test]
fn dur_4_a_refused_run_takes_nobody_with_it() {
    let strategy = prop::collection::vec(part(), 1..6);
    on_one_store(cases(FAILED_SEEDS, 200), &strategy, |runtime, stored, parts| runtime.block_on(check(stored, parts)));
}

fn parts(faults: &[Fault], events: u64, ends: bool) -> Vec<Part> {
    faults.iter().map(|fault| Part { fault: *fault, events, ends }).collect()
}

#[tokio::test]
async fn dur_4_together_a_refused_run_takes_nobody_with_it() {
    let stored = TestStore::open().await;
    for fault in [Fault::OldEpoch, Fault::Done, Fault::Gone, Fault::NumberUsed] {
        check(&stored, parts(&[Fault::None, fault, Fault::None], 2, false)).await;
    }
}

#[tokio::test]
async fn dur_4_run_by_run_a_refused_run_takes_nobody_with_it() {
    let stored = TestStore::open().await;
    for fault in [Fault::OldEpoch, Fault::Done, Fault::Gone, Fault::NumberUsed] {
        check(&stored, parts(&[Fault::None, fault, Fault::None], 2, true)).await;
        check(&stored, parts(&[Fault::None, fault, Fault::None], 40, false)).await;
    }
}

#[tokio::test]
async fn dur_4_among_a_hundred_runs_a_refused_one_takes_nobody_with_it() {
    let stored = TestStore::open().await;
    for ends in [false, true] {
        let ending = parts(&[Fault::None, Fault::OldEpoch, Fault::None], 2, ends);
        let faulty = parts(&[Fault::OldEpoch, Fault::Gone, Fault::Done, Fault::NumberUsed], 1, false);
        check(&stored, [parts(&[Fault::None; 95], 1, false), faulty, ending].concat()).await;
    }
}

#[tokio::test]
async fn an_empty_batch_is_no_fault() {
    let store = TestStore::open().await;
    assert!(store.store.append(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn dur_4_a_run_that_is_done_is_taken_over_by_nobody() {
    let store = TestStore::open().await;
    let run = store.start("Hello").await;
    spoil(&store, &run, Fault::Done).await;
    assert!(matches!(take_over(&store.store, run.id).await, Err(StoreError::NotFound("run"))));
    assert!(store.store.runs_to_look_after(NOBODY).await.unwrap().is_empty());
}
