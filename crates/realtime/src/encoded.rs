//! Events in the form in which they are stored and sent.

use weir_protocol::{JobEvent, StreamChunk};

/// An event of a log as JSON, without its number. It is encoded by its writer: the committer, which all runs share, copies bytes only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    pub(crate) kind: &'static str,
    pub(crate) data: String,
}

impl Encoded {
    /// Encodes an event of a run.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(chunk: &StreamChunk) -> serde_json::Result<Self> {
        Ok(Self { kind: chunk.kind(), data: chunk.data()? })
    }

    /// Encodes an event of a job.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of_job(event: &JobEvent) -> serde_json::Result<Self> {
        Ok(Self { kind: event.kind(), data: event.data()? })
    }
}
