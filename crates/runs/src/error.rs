//! Why a run was not started.

use std::time::Duration;

use weir_protocol::FieldError;
use weir_providers::ProviderError;
use weir_store::StoreError;

/// Why a run was not started. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Fields of the request cannot be carried out.
    #[error("the request cannot be carried out")]
    Invalid(Vec<FieldError>),
    /// Nothing is there that could answer; the text says what to do.
    #[error("{0}")]
    NoModel(String),
    /// The model's queue is full.
    #[error("{message}")]
    Overloaded {
        /// A sentence for the person.
        message: String,
        /// When a place may be free.
        retry_after: Duration,
    },
    /// As many answers of this person are under way as may be.
    #[error("as many answers are under way as may be: {most}")]
    TooMany {
        /// How many may be.
        most: u32,
    },
    /// The server is about to stop.
    #[error("the server is restarting")]
    Draining,
    /// The store refused or failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooManyRuns { limit } => Self::TooMany { most: limit },
            error => Self::Store(error),
        }
    }
}

impl From<ProviderError> for StartError {
    fn from(error: ProviderError) -> Self {
        let retry_after = error.retry_after.unwrap_or(Duration::from_secs(5));
        Self::Overloaded { message: error.message, retry_after }
    }
}
