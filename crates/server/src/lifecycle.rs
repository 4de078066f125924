//! The long-lived tasks of the process: who watches them, and in which order they stop.
//!
//! Two tokens order a stop (`docs/decisions/lifecycle.md`): after [`Lifecycle::stop`] a task may end, and [`Lifecycle::end`] ends
//! those that have not.

use std::{panic::AssertUnwindSafe, process, sync::Arc, thread, time::Duration};

use futures_util::FutureExt as _;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use weir_store::Backoff;

/// Delays before an optional task that ended is restarted.
const RESTART_MIN: Duration = Duration::from_secs(1);
const RESTART_MAX: Duration = Duration::from_mins(1);
/// The exit code of a process that stopped although not everything was committed.
pub(crate) const EXIT_UNCOMMITTED: u8 = 3;

/// A critical task ended although the server was not stopping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the critical task {name:?} {how}")]
pub struct TaskFailure {
    /// The task.
    pub name: &'static str,
    how: TaskEnd,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TaskEnd {
    Returned,
    Panicked,
}

impl std::fmt::Display for TaskEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Returned => "returned",
            Self::Panicked => "panicked",
        })
    }
}

/// Runs and watches the long-lived tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tasks: TaskTracker,
    /// Tasks may end from now on.
    stopping: CancellationToken,
    /// Tasks are dropped from now on.
    ending: CancellationToken,
    failure: watch::Sender<Option<TaskFailure>>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self(Arc::new(Inner {
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            ending: CancellationToken::new(),
            failure: watch::Sender::new(None),
        }))
    }
}

impl Lifecycle {
    /// Runs a task without which the process must not continue. If it ends or panics before the stop, [`Self::failed`] returns.
    pub fn critical(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let ending = self.0.ending.clone();
        self.critical_to_its_end(name, async move {
            ending.run_until_cancelled(work).await;
        });
    }

    /// As [`Self::critical`], for a task that ends when its work is done: [`Self::end`] does not drop it.
    pub fn critical_to_its_end(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let inner = self.0.clone();
        self.0.tasks.spawn(async move {
            let how = end_of(work).await;
            if inner.stopping.is_cancelled() && how == TaskEnd::Returned {
                return;
            }
            tracing::error!(task = name, %how, "a critical task ended");
            inner.failure.send_if_modified(|failure| {
                let is_first = failure.is_none();
                failure.get_or_insert(TaskFailure { name, how });
                is_first
            });
        })
    }

    /// Runs a task that the process can do without for a while: if it ends or panics before the stop, it is restarted with back-off.
    pub fn optional<W>(&self, name: &'static str, mut work: impl FnMut() -> W + Send + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let inner = self.0.clone();
        self.0.tasks.spawn(async move {
            let mut backoff = Backoff::new(RESTART_MIN, RESTART_MAX);
            loop {
                let began = Instant::now();
                let Some(how) = inner.ending.run_until_cancelled(end_of(work())).await else { return };
                if inner.stopping.is_cancelled() {
                    return;
                }
                tracing::error!(task = name, %how, "an optional task ended; it is restarted");
                if began.elapsed() > RESTART_MAX {
                    backoff.reset();
                }
                if backoff.wait_unless(&inner.stopping).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Returns when a critical task has ended although the server is not stopping.
    pub async fn failed(&self) -> TaskFailure {
        let mut failures = self.0.failure.subscribe();
        let failed = failures.wait_for(Option::is_some).await.ok().and_then(|failure| failure.clone());
        match failed {
            Some(failure) => failure,
            // The sender is in `self`.
            None => std::future::pending().await,
        }
    }

    /// Lets tasks end: from now on that is no failure.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Drops every task but those that run to their end.
    pub fn end(&self) {
        self.0.ending.cancel();
    }

    /// Runs one stage of the stop, which ends at its limit whatever its work does. None: it was not finished then.
    pub async fn stage<T>(&self, name: &'static str, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let began = Instant::now();
        let done = timeout(limit, work).await.ok();
        match &done {
            Some(_) => tracing::debug!(stage = name, took = ?began.elapsed(), "a stage of the stop is done"),
            None => {
                tracing::warn!(
                    stage = name,
                    ?limit,
                    "a stage of the stop took too long; the stop continues without it"
                );
            }
        }
        done
    }
}

async fn end_of(work: impl Future<Output = ()>) -> TaskEnd {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(()) => TaskEnd::Returned,
        Err(_) => TaskEnd::Panicked,
    }
}

/// Ends the process after `time` with [`EXIT_UNCOMMITTED`], whatever the runtime does: the thread needs none.
pub(crate) fn exit_after(time: Duration) {
    let waits = thread::Builder::new().name("weir-deadline".to_owned()).spawn(move || {
        thread::sleep(time);
        tracing::error!(?time, "the stop takes too long; the process ends now");
        process::exit(i32::from(EXIT_UNCOMMITTED));
    });
    if let Err(error) = waits {
        tracing::warn!(%error, "the stop has no hard deadline");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicU32, Ordering},
    };

    use tokio::{sync::Notify, task::yield_now};
    use weir_testkit::soon;

    use super::*;

    #[tokio::test]
    async fn life_1_a_critical_task_that_ends_or_panics_is_a_failure_of_the_process() {
        for (work, how) in [(async {}.boxed(), "returned"), (async { panic!("a bug") }.boxed(), "panicked")] {
            let lifecycle = Lifecycle::default();
            lifecycle.critical("healthy", pending());
            lifecycle.critical("broken", work);
            let failure = soon("the failure", lifecycle.failed()).await;
            assert_eq!(failure.to_string(), format!("the critical task \"broken\" {how}"));
        }
    }

    #[tokio::test]
    async fn life_1_a_critical_task_may_end_while_the_server_stops_and_is_dropped_at_its_end() {
        let (lifecycle, go) = (Lifecycle::default(), Arc::new(Notify::new()));
        let (held, waits) = (Arc::new(()), go.clone());
        let holds = held.clone();
        lifecycle.critical("holds", async move {
            pending::<()>().await;
            drop(holds);
        });
        let done = lifecycle.critical_to_its_end("done", async move { waits.notified().await });
        lifecycle.stop();
        lifecycle.end();
        while Arc::strong_count(&held) > 1 {
            yield_now().await;
        }
        assert!(!done.is_finished(), "it runs to its end");
        go.notify_one();
        soon("its end", done).await.unwrap();
        assert!(lifecycle.failed().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn life_2_an_optional_task_that_ends_or_panics_is_restarted_with_back_off() {
        let (lifecycle, begun) = (Lifecycle::default(), Arc::new(AtomicU32::new(0)));
        let (since, counted) = (Instant::now(), begun.clone());
        lifecycle.optional("broken", move || {
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            async move { assert_eq!(nth % 2, 0, "a bug") }
        });
        while begun.load(Ordering::SeqCst) < 6 {
            tokio::time::sleep(RESTART_MIN / 10).await;
        }
        // Five delays of at least half of 1, 2, 4, 8 and 16 seconds.
        assert!(since.elapsed() >= Duration::from_secs(15), "{:?}", since.elapsed());
        assert!(lifecycle.failed().now_or_never().is_none());
        lifecycle.stop();
        tokio::time::sleep(2 * RESTART_MAX).await;
        assert_eq!(begun.load(Ordering::SeqCst), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn life_3_a_stage_of_the_stop_ends_at_its_limit() {
        let (lifecycle, began) = (Lifecycle::default(), Instant::now());
        let limit = Duration::from_secs(2);
        assert_eq!(lifecycle.stage("hangs", limit, pending::<()>()).await, None);
        assert_eq!(began.elapsed(), limit);
        assert_eq!(lifecycle.stage("works", limit, async { 7 }).await, Some(7));
        assert_eq!(began.elapsed(), limit);
    }
}
