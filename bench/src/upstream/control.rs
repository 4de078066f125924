//! What the upstream remembers of each request, so that a test can ask how it ended.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestState {
    /// The answer is under way.
    Streaming,
    /// All of it was sent.
    Finished,
    /// Refused, or broken off on purpose.
    Failed,
    /// The client closed its side before the end.
    ClosedEarly,
}

/// One chat completion that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRecord {
    /// Counts from 1 in the order of arrival.
    pub number: u64,
    /// The model it named.
    pub model: String,
    /// The text of its last user message.
    pub question: String,
    /// Bytes of the partial answer it asked to go on from.
    pub partial_bytes: u64,
    /// Which trace it said it belongs to (W3C Trace Context).
    #[serde(default)]
    pub traceparent: Option<String>,
    /// When it arrived, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// Tokens handed to the connection so far.
    pub tokens_sent: u64,
    /// Bytes of the body handed to the connection so far.
    pub bytes_sent: u64,
    /// How far it has come.
    pub state: RequestState,
    /// When it ended, in milliseconds since it arrived.
    pub ended_after_ms: Option<u64>,
}

/// Every request since the start.
#[derive(Debug)]
pub(crate) struct Requests {
    records: Mutex<Vec<(Instant, RequestRecord)>>,
    changed: watch::Sender<()>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { records: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Vec<(Instant, RequestRecord)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a new request and gives its number.
    pub(crate) fn begin(&self, model: &str, question: &str, partial: &str, traceparent: Option<&str>) -> u64 {
        let started_at_ms = epoch_micros() / 1000;
        let mut records = self.lock();
        let number = records.len() as u64 + 1;
        let record = RequestRecord {
            number,
            model: model.to_owned(),
            question: question.to_owned(),
            partial_bytes: partial.len() as u64,
            traceparent: traceparent.map(str::to_owned),
            started_at_ms,
            tokens_sent: 0,
            bytes_sent: 0,
            state: RequestState::Streaming,
            ended_after_ms: None,
        };
        records.push((Instant::now(), record));
        drop(records);
        self.changed.send_replace(());
        number
    }

    fn change(&self, number: u64, change: impl FnOnce(Instant, &mut RequestRecord)) {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        if let Some((started, record)) = self.lock().get_mut(index) {
            change(*started, record);
        }
        self.changed.send_replace(());
    }

    pub(crate) fn sent(&self, number: u64, tokens: u64, bytes: usize) {
        self.change(number, |_, record| {
            record.tokens_sent += tokens;
            record.bytes_sent += bytes as u64;
        });
    }

    /// Notes the end; only the first end counts.
    pub(crate) fn end(&self, number: u64, state: RequestState) {
        self.change(number, |started, record| {
            if record.ended_after_ms.is_none() {
                record.state = state;
                record.ended_after_ms = u64::try_from(started.elapsed().as_millis()).ok();
            }
        });
    }

    pub(crate) fn snapshot(&self) -> Vec<RequestRecord> {
        self.lock().iter().map(|(_, record)| record.clone()).collect()
    }

    pub(crate) async fn wait_for(&self, wanted: impl Fn(&RequestRecord) -> bool) -> RequestRecord {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(record) = self.snapshot().into_iter().find(&wanted) {
                return record;
            }
            // The sender lives in `self`: this waits for the next change and cannot fail.
            let _ = changed.changed().await;
        }
    }
}

/// Microseconds since 1970.
pub(crate) fn epoch_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|t| u64::try_from(t.as_micros()).ok()).unwrap_or(0)
}
