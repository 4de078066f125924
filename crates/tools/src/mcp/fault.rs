//! A breach of the protocol that ends a connection.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why a connection must end, reported by its transport. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionFault(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reason: OnceLock<String>,
    reported: CancellationToken,
}

impl ConnectionFault {
    /// Ends the connection for this reason, a sentence. Only the first report counts.
    pub(super) fn report(&self, reason: String) {
        let _ = self.0.reason.set(reason);
        self.0.reported.cancel();
    }

    /// The reason that was reported, if one was.
    pub(super) fn reason(&self) -> Option<String> {
        self.0.reason.get().cloned()
    }

    /// Waits for a report and returns its reason.
    pub(super) async fn reported(&self) -> String {
        self.0.reported.cancelled().await;
        self.reason().unwrap_or_default()
    }
}
