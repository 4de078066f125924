//! What is being written just now: whose it is and how far it has come, never with what.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;
use weir_protocol::{ConversationId, RunId, Timestamp, UserId};
use weir_store::RunRecord;

use crate::measure::{FIRST_TOKEN, OUTPUT_TOKENS};

/// A run that is driven in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRun {
    /// The run.
    pub id: RunId,
    /// Whose it is.
    pub user: UserId,
    /// Where it is read.
    pub conversation: ConversationId,
    /// The model, as `provider/model`.
    pub model: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// Tokens that were written in this process.
    pub tokens: u64,
}

/// The counter of one run.
#[derive(Debug)]
pub(crate) struct Live {
    about: LiveRun,
    since: Instant,
    tokens: AtomicU64,
    /// Nobody has counted its first token elsewhere.
    is_first_attempt: bool,
}

impl Live {
    /// A run that was asked for at `since`.
    pub(crate) fn new(run: &RunRecord, since: Instant) -> Self {
        let about = LiveRun {
            id: run.id,
            user: run.user,
            conversation: run.conversation,
            model: run.model.clone(),
            started_at: run.created_at,
            tokens: 0,
        };
        Self { about, since, tokens: AtomicU64::new(0), is_first_attempt: run.attempts <= 1 }
    }

    /// One more token.
    pub(crate) fn token(&self) {
        OUTPUT_TOKENS.increment(1);
        if self.tokens.fetch_add(1, Ordering::Relaxed) == 0 && self.is_first_attempt {
            FIRST_TOKEN.record(self.since.elapsed());
        }
    }

    /// How far it has come.
    pub(crate) fn so_far(&self) -> LiveRun {
        LiveRun { tokens: self.tokens.load(Ordering::Relaxed), ..self.about.clone() }
    }
}
