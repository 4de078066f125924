//! What the tests of several crates hold in their hands: a clock, a scripted provider, a store, a reader of SSE.
//!
//! Nothing here sleeps. What a test waits for is an event, and every wait is bounded by [`PATIENCE`].

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "the helpers of a test fail as it does")]

use std::time::Duration;

mod clock;
mod property;
mod provider;
mod proxy;
mod sse;
mod store;
mod transaction;

pub use clock::TestClock;
pub use property::{cases, on_one_store, run_alone};
pub use provider::{Answer, Asked, Script, ScriptedProvider};
pub use proxy::Proxy;
pub use sse::{Event, EventParser, Heard};
pub use store::{ALICE, BOB, NOBODY, TestStore, WriteLock, take_over};
pub use transaction::OpenTransaction;

/// Longer than anything may take, even on a busy machine; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `what` no longer than [`PATIENCE`].
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
