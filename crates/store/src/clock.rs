//! Where times and ids come from, as a value that a test can hold.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::{ContextV7, Timestamp as UuidTime, Uuid};
use weir_protocol::Timestamp;

/// A source of times and of ids that sort by them.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// A new `UUIDv7` (RFC 9562), greater than every one this clock gave before within the same millisecond.
    fn id(&self) -> Uuid;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    ids: Mutex<ContextV7>,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { ids: Mutex::new(ContextV7::new()) }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn id(&self) -> Uuid {
        new_id(&self.ids, self.now())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    ids: Mutex<ContextV7>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.0), ids: Mutex::new(ContextV7::new()) }
    }

    /// Moves it by `milliseconds`, backwards when negative.
    pub fn advance(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn id(&self) -> Uuid {
        new_id(&self.ids, self.now())
    }
}

fn new_id(ids: &Mutex<ContextV7>, now: Timestamp) -> Uuid {
    let ids = ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let millis = u64::try_from(now.0).unwrap_or_default();
    let nanos = u32::try_from(millis % 1000).unwrap_or_default() * 1_000_000;
    Uuid::new_v7(UuidTime::from_unix(&*ids, millis / 1000, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_keep_their_order() {
        let clock = ManualClock::new(Timestamp(1_769_860_800_000));
        let ids: Vec<Uuid> = (0..1000).map(|_| clock.id()).collect();
        assert!(ids.is_sorted());
    }
}
