//! The bell between instances: it says how far a log has grown, never with what. One that is lost costs a poll.

mod outbox;
mod postgres;
mod redis;

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::mpsc,
    time::{interval, timeout},
};
use uuid::Uuid;
use weir_protocol::{RunId, Seq, ToolCallId, UserId};
use weir_store::{Backoff, LogId, Store};

pub(crate) use outbox::Outbox;
pub use postgres::PostgresBell;
pub use redis::RedisBell;

use crate::feed::Feeds;

/// Something that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// A run's or a job's log.
    Log(LogId),
    /// The changes among a user's conversations.
    Inbox(UserId),
    /// Runs were given up by their instance. It has no number.
    Leases,
}

/// "This has grown to that number." Its text form is `r`, `j`, `i` or `l`, the id, a colon and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// What has grown.
    pub topic: Topic,
    /// The number of its last entry.
    pub grown: Seq,
}

/// What a bell tells the instance that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From now on every ring is heard; some before may have been missed.
    Listening,
    /// Some topics have grown.
    Rings(Vec<Ring>),
}

/// Rings for every instance, this one included.
#[async_trait]
pub trait Broadcaster: Send + Sync + 'static {
    /// Rings once for all of them. An empty list is heard too: it says that the bell works.
    ///
    /// # Errors
    /// A sentence for the log. Whoever did not hear it finds out by polling.
    async fn ring(&self, rings: &[Ring]) -> Result<(), BellError>;

    /// Tells what is heard, first [`Heard::Listening`]. Returns only when the bell is broken; it is then asked again.
    async fn hear(&self, heard: mpsc::Sender<Heard>) -> BellError;
}

/// Why a bell does not ring.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BellError(pub String);

/// How often the logs that are followed here and written elsewhere are looked at, bell or no bell.
const POLL: Duration = Duration::from_secs(1);
/// How often the bell is rung for nothing, so that a broken one is noticed.
const PROBE: Duration = Duration::from_secs(5);
/// After how long a silence the bell is thought broken.
const SILENCE: Duration = Duration::from_secs(12);
/// Delays between two tries to hear a broken bell.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Rings for what is written here, hears what is written elsewhere, and polls. Works for as long as it is polled.
pub(crate) async fn work(store: Store, feeds: Arc<Feeds>, outbox: Arc<Outbox>, broadcaster: Arc<dyn Broadcaster>) {
    tokio::join!(
        ring_out(&outbox, &*broadcaster),
        hear(&feeds, &outbox, &*broadcaster),
        poll(&store, &feeds),
        probe(&*broadcaster),
    );
}

async fn ring_out(outbox: &Outbox, broadcaster: &dyn Broadcaster) {
    loop {
        let rings = outbox.take().await;
        outbox.rings_out(&rings);
        if let Err(error) = broadcaster.ring(&rings).await {
            tracing::debug!(%error, "the bell was not rung; the other instances find out by polling");
        }
    }
}

async fn hear(feeds: &Feeds, outbox: &Outbox, broadcaster: &dyn Broadcaster) {
    let mut backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
    loop {
        let (sender, mut heard) = mpsc::channel(256);
        let listening = async {
            loop {
                match timeout(SILENCE, heard.recv()).await {
                    Ok(Some(Heard::Listening)) => {
                        outbox.set_hears(true);
                        feeds.ring_all();
                    }
                    Ok(Some(Heard::Rings(rings))) => {
                        for ring in &rings {
                            feeds.grown(ring.topic, ring.grown);
                        }
                        outbox.heard(&rings);
                    }
                    Ok(None) | Err(_) => return BellError("nothing is heard any more".to_owned()),
                }
            }
        };
        let error = tokio::select! {
            error = broadcaster.hear(sender) => error,
            error = listening => error,
        };
        if outbox.hears() {
            // It worked for a while.
            backoff.reset();
        }
        outbox.set_hears(false);
        tracing::warn!(%error, "the bell is broken; polling until it is mended");
        backoff.wait().await;
    }
}

async fn probe(broadcaster: &dyn Broadcaster) {
    let mut ticks = interval(PROBE);
    loop {
        ticks.tick().await;
        // Whether it worked is heard, or not.
        let _ = timeout(PROBE, broadcaster.ring(&[])).await;
    }
}

async fn poll(store: &Store, feeds: &Feeds) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (logs, users) = feeds.written_elsewhere();
        if let Err(error) = look(store, feeds, &logs, &users).await {
            tracing::debug!(%error, "the logs cannot be looked at");
        }
    }
}

async fn look(store: &Store, feeds: &Feeds, logs: &[LogId], users: &[UserId]) -> Result<(), weir_store::StoreError> {
    let ends = store.last_seqs(logs).await?;
    for &log in logs {
        match ends.get(&log) {
            Some(&last) => feeds.grown(Topic::Log(log), last),
            // It was deleted: its readers see for themselves.
            None => feeds.ring(Topic::Log(log)),
        }
    }
    for (user, head) in store.inbox_heads(users).await? {
        feeds.grown(Topic::Inbox(user), head);
    }
    Ok(())
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = match self.topic {
            Topic::Log(LogId::Run(run)) => ('r', run.0),
            Topic::Log(LogId::Job(job)) => ('j', job.0),
            Topic::Inbox(user) => ('i', user.0),
            Topic::Leases => ('l', Uuid::nil()),
        };
        write!(f, "{kind}{}:{}", id.simple(), self.grown)
    }
}

impl FromStr for Ring {
    type Err = BellError;

    fn from_str(text: &str) -> Result<Self, BellError> {
        let garbage = || BellError(format!("{text:?} is no ring"));
        let (topic, grown) = text.split_once(':').ok_or_else(garbage)?;
        let grown = Seq(grown.parse().map_err(|_| garbage())?);
        let kind = topic.chars().next().ok_or_else(garbage)?;
        let id = Uuid::try_parse(&topic[kind.len_utf8()..]).map_err(|_| garbage())?;
        let topic = match kind {
            'r' => Topic::Log(LogId::Run(RunId(id))),
            'j' => Topic::Log(LogId::Job(ToolCallId(id))),
            'i' => Topic::Inbox(UserId(id)),
            'l' => Topic::Leases,
            _ => return Err(garbage()),
        };
        Ok(Self { topic, grown })
    }
}

/// Rings as one text: `Ring` after `Ring`, with a space between.
fn joined(rings: &[Ring]) -> String {
    rings.iter().map(Ring::to_string).collect::<Vec<_>>().join(" ")
}

/// The rings of such a text. What cannot be read is from another version, and left out.
fn parted(text: &str) -> Heard {
    Heard::Rings(text.split_whitespace().filter_map(|ring| ring.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_come_back_as_they_went() {
        let id = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001);
        let logs = [LogId::Run(RunId(id)), LogId::Job(ToolCallId(id))].map(Topic::Log);
        let topics = logs.into_iter().chain([Topic::Inbox(UserId(id)), Topic::Leases]);
        let rings: Vec<_> = topics.zip(7..).map(|(topic, n)| Ring { topic, grown: Seq(n) }).collect();
        assert_eq!(parted(&joined(&rings)), Heard::Rings(rings));
        assert_eq!(parted(&joined(&[])), Heard::Rings(vec![]));
    }

    #[test]
    fn garbage_rings_nothing() {
        for text in
            ["", ":", "r:1", "ü:1", "x01980000000070008000000000000001:1", "r01980000000070008000000000000001:x"]
        {
            assert_eq!(parted(text), Heard::Rings(vec![]), "{text}");
        }
    }
}
