//! What is still to be rung: for each topic only how far it has grown, so it cannot pile up.

use std::{
    collections::HashMap,
    mem::take,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use weir_protocol::Seq;

use super::{Ring, Topic};
use crate::measure::BELL_DELAY;

/// Most rings that go out together. The longest is 54 bytes with its space, and a notice has room for 7,900.
const AT_ONCE: usize = 128;
/// A ring that was not heard after so long is lost.
const LOST: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    grown: Mutex<HashMap<Topic, Seq>>,
    filled: Notify,
    /// Whether the rings of other instances are heard.
    hears: AtomicBool,
    /// The one ring whose way is timed just now: every instance hears its own rings too, and so no clock is compared with
    /// another.
    timed: Mutex<Option<(Ring, Instant)>>,
}

impl Outbox {
    pub(crate) fn put(&self, topic: Topic, seq: Seq) {
        let mut grown = self.grown.lock().unwrap_or_else(PoisonError::into_inner);
        let last = grown.entry(topic).or_insert(seq);
        *last = seq.max(*last);
        drop(grown);
        self.filled.notify_one();
    }

    pub(crate) fn hears(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }

    pub(super) fn set_hears(&self, hears: bool) {
        self.hears.store(hears, Ordering::Relaxed);
    }

    /// These go out now.
    pub(super) fn rings_out(&self, rings: &[Ring]) {
        let Some(ring) = rings.iter().find(|ring| ring.grown > Seq::START) else { return };
        let mut timed = self.timed.lock().unwrap_or_else(PoisonError::into_inner);
        if timed.is_none_or(|(_, since)| since.elapsed() >= LOST) {
            *timed = Some((*ring, Instant::now()));
        }
    }

    /// These were heard.
    pub(super) fn heard(&self, rings: &[Ring]) {
        let mut timed = self.timed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, since)) = timed.take_if(|(ring, _)| rings.contains(ring)) {
            BELL_DELAY.record(since.elapsed());
        }
    }

    /// The next rings, at least one.
    pub(super) async fn take(&self) -> Vec<Ring> {
        loop {
            let rings = self.take_now();
            if !rings.is_empty() {
                return rings;
            }
            self.filled.notified().await;
        }
    }

    fn take_now(&self) -> Vec<Ring> {
        let mut grown = self.grown.lock().unwrap_or_else(PoisonError::into_inner);
        if grown.len() <= AT_ONCE {
            return take(&mut *grown).into_iter().map(|(topic, grown)| Ring { topic, grown }).collect();
        }
        let some: Vec<_> = grown.iter().take(AT_ONCE).map(|(&topic, &grown)| Ring { topic, grown }).collect();
        for ring in &some {
            grown.remove(&ring.topic);
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use weir_protocol::RunId;
    use weir_store::LONGEST_NOTICE;
    use weir_store::LogId;

    use super::*;

    #[tokio::test]
    async fn a_topic_is_rung_once_for_all_it_has_grown() {
        let outbox = Outbox::default();
        let topic = Topic::Log(LogId::Run(RunId(Uuid::from_u128(1))));
        for seq in [3, 5, 4] {
            outbox.put(topic, Seq(seq));
        }
        assert_eq!(outbox.take().await, [Ring { topic, grown: Seq(5) }]);
    }

    #[tokio::test]
    async fn many_topics_go_out_in_notices_that_are_short_enough() {
        let outbox = Outbox::default();
        for run in 0..1000 {
            outbox.put(Topic::Log(LogId::Run(RunId(Uuid::from_u128(run)))), Seq(u64::MAX));
        }
        let mut rung = 0;
        while rung < 1000 {
            let rings = outbox.take().await;
            assert!(super::super::joined(&rings).len() <= LONGEST_NOTICE);
            rung += rings.len();
        }
        assert_eq!(rung, 1000);
    }
}
