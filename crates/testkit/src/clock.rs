//! A clock that a test moves, with ids that are the same in every run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use uuid::Uuid;
use weir_protocol::Timestamp;
use weir_store::Clock;

/// Stands at 2026-01-31T12:00:00Z until it is moved; its ids are `UUIDv7` of that time with a counter.
#[derive(Debug)]
pub struct TestClock {
    now: AtomicI64,
    ids: AtomicU64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { now: AtomicI64::new(1_769_860_800_000), ids: AtomicU64::new(1) }
    }
}

impl TestClock {
    /// Moves it by `milliseconds`, backwards when negative.
    pub fn advance(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn id(&self) -> Uuid {
        let millis = u128::from(self.now().0.unsigned_abs());
        let count = u128::from(self.ids.fetch_add(1, Ordering::SeqCst));
        Uuid::from_u128(millis << 80 | 0x7 << 76 | 0b10 << 62 | count)
    }
}
