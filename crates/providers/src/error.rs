//! What can go wrong upstream, in words that a person can act on.

use std::time::Duration;

/// A provider's failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What kind it is.
    pub kind: ProviderErrorKind,
    /// A sentence for the person, with the next step. Never a secret, never an upstream's raw page.
    pub message: String,
    /// When another try makes sense, where the upstream said so.
    pub retry_after: Option<Duration>,
}

impl ProviderError {
    /// A failure of `kind`.
    pub fn new(kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The same, with a time to retry after.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderErrorKind {
    /// The key is missing or wrong, or may not use this model.
    Unauthorized,
    /// There is no such model.
    ModelNotFound,
    /// Too many requests, or the account's quota is used up.
    RateLimited,
    /// The prompt does not fit into the model's context.
    ContextTooLong,
    /// The upstream says that the request is wrong.
    Rejected,
    /// No connection, or none in time.
    Unreachable,
    /// The upstream fell silent for too long.
    Silent,
    /// The upstream failed (5xx) or its stream broke off without a finish reason.
    Broken,
    /// What it sent is not of the protocol.
    Malformed,
    /// Its queue is full.
    Overloaded,
    /// The engine's process ended in the middle of an answer; a fresh one can take it up again.
    Crashed,
    /// It is not set up: no model file, or no processor for it.
    NotReady,
}

impl ProviderErrorKind {
    /// The stable word of an `error` event.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "provider_unauthorized",
            Self::ModelNotFound => "model_not_found",
            Self::RateLimited => "provider_rate_limited",
            Self::ContextTooLong => "context_too_long",
            Self::Rejected => "provider_rejected",
            Self::Unreachable => "provider_unreachable",
            Self::Silent => "provider_timeout",
            Self::Broken => "provider_failed",
            Self::Malformed => "provider_malformed",
            Self::Overloaded => "provider_overloaded",
            Self::Crashed => "provider_crashed",
            Self::NotReady => "model_not_ready",
        }
    }
}
