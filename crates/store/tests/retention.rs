//! Retention: what a sweep deletes, what it keeps, and what it costs others.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::time::Instant;

use serde_json::json;
use weir_protocol::{Caller, ConversationId, FinishReason, MessageStatus, RunId, Seq, Timestamp, ToolCallId};
use weir_store::{Clock as _, JobChange, LogId, NewEvent, NewJob, RunAppend, RunEnd, StartedJob, Word};
use weir_testkit::{ALICE, BOB, NOBODY, TestStore};

const ENDED: Timestamp = Timestamp(1_000);

/// A run that ended at [`ENDED`] with so many events of so many bytes.
async fn ended_run(stored: &TestStore, events: u64, bytes: usize) -> RunId {
    let run = stored.start("Hello").await;
    let mut answer = stored.store.streaming_message(run.conversation, run.message).await.unwrap();
    answer.status = MessageStatus::Complete;
    let event = |number| NewEvent { seq: Seq(number), kind: "delta", data: "x".repeat(bytes) };
    let append = RunAppend {
        run: run.id,
        epoch: 1,
        events: (2..2 + events).map(event).collect(),
        end: Some(RunEnd::new(answer, FinishReason::Stop, ENDED).unwrap()),
    };
    assert!(stored.store.append(&[append]).await.unwrap().is_empty());
    run.id
}

/// A tool call outside of conversations that ended at `ended`.
async fn ended_job(stored: &TestStore, ended: Timestamp, bytes: usize) -> ToolCallId {
    let new = NewJob {
        id: ToolCallId(stored.clock.id()),
        user: ALICE,
        name: "wait".to_owned(),
        args: json!({}),
        caller: Caller::Person,
        run: None,
        repeatable: true,
        owner: NOBODY,
        word: Word::Allowed,
        key: None,
    };
    let StartedJob::Now(_, lease) = stored.store.start_job(&new, u32::MAX, Timestamp(0)).await.unwrap() else {
        panic!("the job was there before")
    };
    let output = json!("y".repeat(bytes)).to_string();
    let event = NewEvent { seq: Seq(2), kind: "complete", data: output.clone() };
    assert!(stored.store.append_to_job(lease, &event, &JobChange::Worked(output), ended).await.unwrap());
    new.id
}

async fn last_event(stored: &TestStore, log: LogId) -> Seq {
    stored.store.last_seq(log).await.unwrap()
}

#[tokio::test]
async fn priv_6_a_sweep_deletes_expired_logs_whatever_their_size() {
    let stored = TestStore::open().await;
    let mut expired = Vec::new();
    for (events, bytes) in [(1, 10), (2, 3_000_000), (700, 10), (255, 20_000), (256, 10), (257, 1)] {
        expired.push(LogId::Run(ended_run(&stored, events, bytes).await));
    }
    for bytes in [1, 900_000, 900_000, 900_000] {
        expired.push(LogId::Job(ended_job(&stored, ENDED, bytes).await));
    }
    let running = stored.start("Think").await;
    let store = &stored.store;
    let stored_bytes = store.storage(ALICE).await.unwrap().used;
    assert_eq!(store.delete_expired_run_logs(ENDED).await.unwrap(), 0);
    assert_eq!(store.delete_expired_job_logs(ENDED).await.unwrap(), 0);
    let after = Timestamp(ENDED.0 + 1);
    assert_eq!(store.delete_expired_run_logs(after).await.unwrap(), 6);
    assert_eq!(store.delete_expired_job_logs(after).await.unwrap(), 4);
    for log in expired {
        assert_eq!(last_event(&stored, log).await, Seq::START);
    }
    assert_eq!(last_event(&stored, LogId::Run(running.id)).await, Seq(1));
    assert_eq!(store.delete_expired_run_logs(after).await.unwrap(), 0, "a deleted log is not looked at again");
    assert_eq!(store.delete_expired_job_logs(after).await.unwrap(), 0);
    assert_eq!(store.storage(ALICE).await.unwrap().used, stored_bytes, "messages and tool outputs are kept");
}

#[tokio::test]
async fn priv_6_a_sweep_lets_other_commits_through() {
    let stored = TestStore::open().await;
    for _ in 0..8 {
        ended_run(&stored, 600, 4_000).await;
    }
    let (mut longest, mut commits) = (std::time::Duration::ZERO, 0);
    let sweep = stored.store.delete_expired_run_logs(Timestamp(ENDED.0 + 1));
    tokio::pin!(sweep);
    loop {
        let began = Instant::now();
        let id = ConversationId(stored.clock.id());
        tokio::select! {
            biased;
            deleted = &mut sweep => break assert_eq!(deleted.unwrap(), 8),
            created = stored.store.create_conversation(BOB, id, None, Timestamp(0), None) => {
                created.unwrap();
                (longest, commits) = (longest.max(began.elapsed()), commits + 1);
            }
        }
    }
    eprintln!("{commits} commits of others, the longest {longest:?}");
    assert!(commits >= 24, "one in each pause at least, and the sweep makes 24: {commits}");
}

#[tokio::test]
async fn priv_7_tool_calls_outside_of_conversations_expire() {
    let stored = TestStore::open().await;
    let mut jobs = Vec::new();
    for number in 0..5 {
        jobs.push(ended_job(&stored, Timestamp(ENDED.0 + number), 900_000).await);
    }
    let store = &stored.store;
    assert_eq!(store.delete_expired_activity(Timestamp(ENDED.0 + 4)).await.unwrap(), 4);
    assert_eq!(store.delete_expired_activity(Timestamp(ENDED.0 + 4)).await.unwrap(), 0);
    let kept: Vec<_> = store.jobs(ALICE, None, 50, None).await.unwrap().items.iter().map(|job| job.id).collect();
    assert_eq!(kept, jobs[4..]);
    let used = store.storage(ALICE).await.unwrap().used;
    assert!((900_000..901_000).contains(&used), "{used}");
}
