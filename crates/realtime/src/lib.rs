//! The event log of Weir: commit first, then publish; a reader follows a run or a job from any number on.
//!
//! There is one door for appends, the [`EventLog`]: its committer for runs, a [`JobWriter`] for each job. There is one way to read, the
//! [`Reader`]. Every transport is
//! such a reader.

mod bell;
mod committer;
mod detached;
mod encoded;
mod feed;
mod frame;
mod inbox;
mod job;
mod log;
mod measure;
mod reader;
mod session;

pub use bell::{BellError, Broadcaster, Heard, PostgresBell, RedisBell, Ring, Topic};
pub use committer::{CommitterOptions, EventSlot, LogWriter, LostLease};
pub use detached::to_the_end;
pub use encoded::Encoded;
pub use frame::Frame;
pub use inbox::InboxReader;
pub use job::JobWriter;
pub use log::{EventLog, Listener};
pub use reader::Reader;
pub use session::{KEPT_BYTES, KEPT_FRAMES, NeverSent, Session};
