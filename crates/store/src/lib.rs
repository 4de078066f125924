//! The only SQL of Weir: conversations, messages, runs, the event log and idempotency keys.
//!
//! Everything that a user owns is asked for together with the user; another user's thing does not exist.

mod bell;
mod clock;
mod conversations;
mod cursor;
mod db;
mod error;
mod idempotency;
mod inbox;
mod instances;
mod log;
mod messages;
mod runs;
mod store;

pub use bell::{LONGEST_NOTICE, Notices};
pub use clock::{Clock, ManualClock, SystemClock};
pub use conversations::{ConversationFilter, UNTITLED};
pub use db::{Durability, PostgresUrl};
pub use error::StoreError;
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use inbox::InboxPage;
pub use instances::{Beat, InstanceId};
pub use log::{NewEvent, RunAppend, RunEnd, StoredEvent};
pub use messages::NewMessage;
pub use runs::{Lease, NewRun, Prompt, RunRecord, RunState, Started};
pub use store::Store;
