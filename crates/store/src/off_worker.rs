//! Work that takes the processor for long is done on blocking threads: an async worker that is busy polls nothing else.

use std::panic::resume_unwind;

use serde::Serialize;
use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::{Instrument as _, Span};

/// JSON up to this size is handled on the async worker, in bytes: a quarter of a millisecond.
pub const SMALL_JSON: usize = 32 * 1024;

/// Does some work on a blocking thread and returns its result.
///
/// # Panics
/// When the work does.
pub async fn off_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let span = Span::current();
    match spawn_blocking(move || span.in_scope(work)).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Polls a future on a blocking thread, for async work that handles large values between its waits. Dropping the returned future does
/// not end the work.
///
/// # Panics
/// When the work does.
pub async fn poll_off_worker<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (runtime, work) = (Handle::current(), work.in_current_span());
    off_worker(move || runtime.block_on(work)).await
}

/// Whether the JSON of a value has more than so many bytes; no more of it is written than that.
pub fn is_larger_than(value: &impl Serialize, bytes: usize) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(bytes), value).is_err()
}
