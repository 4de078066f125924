//! The event log of Weir: commit first, then publish; a reader follows a run from any number on.
//!
//! There is one door for appends, the [`EventLog`]'s committer, and one way to read, the [`Reader`]. Every transport is
//! such a reader.

mod committer;
mod feed;
mod frame;
mod log;
mod reader;

pub use committer::{CommitterOptions, LogWriter, LostLease};
pub use frame::Frame;
pub use log::EventLog;
pub use reader::Reader;
