//! Work that goes on whoever waits for it.

use std::panic::resume_unwind;

use tracing::Instrument as _;

/// Does some work to its end in a task of its own, and gives its result.
///
/// A client that is slow is not polled, and so are the futures it waits for. What such a future holds, a place in a queue or
/// a connection to the database, nobody else can have: so looks into the store are not left to it.
///
/// Whoever waits holds a handle to the task and not the work itself: a query is some 20 KB, which thousands of readers
/// would else keep while they wait for something quite different.
///
/// # Panics
/// When the work does.
pub fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> impl Future<Output = T> + Send {
    // It is done on behalf of whoever waits for it, also in logs and traces.
    let task = tokio::spawn(work.in_current_span());
    async move {
        match task.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}
