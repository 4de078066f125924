//! One answer from its start to its terminal event: context, provider, tools, log, cancel, take-over after a crash.

mod contact;
mod context;
mod drive;
mod error;
mod fair_queue;
mod fold;
mod history;
mod jobs;
mod keep;
mod lease;
mod live;
mod measure;
mod providers;
mod runs;
mod steps;
mod title;
mod trace;

pub use contact::Contact;
pub use error::StartError;
pub use fold::{Fold, Outcome, Step};
pub use history::StoredHistory;
pub use jobs::{APPROVAL_PATIENCE, AnswerError, Invocation, InvokeError, Jobs};
pub use live::LiveRun;
pub use providers::Providers;
pub use runs::Runs;
pub use title::title_of;
