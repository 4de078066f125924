//! One answer from its start to its terminal event: context, provider, log, cancel, take-over after a crash.

mod context;
mod drive;
mod error;
mod fold;
mod keep;
mod lease;
mod providers;
mod runs;
mod title;

pub use error::StartError;
pub use fold::{Fold, Outcome, Step};
pub use providers::Providers;
pub use runs::Runs;
pub use title::title_of;
