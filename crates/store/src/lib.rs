//! The only SQL of Weir: conversations, messages, runs, the event log and idempotency keys.
//!
//! Everything that a user owns is asked for together with the user; another user's thing does not exist.

mod clock;
mod conversations;
mod cursor;
mod database;
mod error;
mod idempotency;
mod log;
mod messages;
mod runs;

pub use clock::{Clock, ManualClock, SystemClock};
pub use conversations::{ConversationFilter, UNTITLED};
pub use database::{Durability, Store};
pub use error::StoreError;
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use log::{NewEvent, RunAppend, RunEnd, StoredEvent};
pub use messages::NewMessage;
pub use runs::{Lease, NewRun, Prompt, RunRecord, RunState, Started};
