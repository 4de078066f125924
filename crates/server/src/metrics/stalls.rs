//! Whether the async runtime keeps up: how late its timers are, and which polls take long. A worker that computes runs no
//! other task meanwhile.

use std::{
    borrow::Cow,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use metrics::histogram;
use tokio::time::sleep;

/// Polls that take longer are counted.
const SLOW_POLL: Duration = Duration::from_millis(1);
/// How often the canary task runs.
const BEAT: Duration = Duration::from_millis(50);
/// The watchdog reports a canary that is later than this.
const STALL: Duration = Duration::from_millis(500);
/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(100);

/// A future whose slow polls are counted under `route`.
pub(crate) fn watched<F: Future + Unpin>(route: impl Into<Cow<'static, str>>, future: F) -> Watched<F> {
    Watched { route: route.into(), future }
}

#[derive(Debug)]
pub(crate) struct Watched<F> {
    route: Cow<'static, str>,
    future: F,
}

impl<F: Future + Unpin> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let began = Instant::now();
        let polled = Pin::new(&mut self.future).poll(cx);
        let taken = began.elapsed();
        if taken > SLOW_POLL {
            histogram!("weir_slow_poll_seconds", "route" => self.route.clone().into_owned()).record(taken);
        }
        polled
    }
}

/// Measures how late the runtime runs a task, until it is dropped. A thread outside the runtime logs it when the runtime
/// stalls, since a stalled runtime cannot.
pub(crate) async fn watch_runtime() {
    canary(|silent| {
        let milliseconds = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            milliseconds,
            "The async runtime is stalled: a computation blocks it. Requests and streams wait."
        );
    })
    .await;
}

async fn canary(report: impl Fn(Duration) + Send + 'static) {
    let began = Instant::now();
    let beat = Arc::new(AtomicU64::new(0));
    let watched = Arc::downgrade(&beat);
    let watchdog = thread::Builder::new().name("weir-watchdog".to_owned());
    if let Err(error) = watchdog.spawn(move || watch(&watched, began, report)) {
        tracing::warn!(%error, "the runtime is not watched");
    }
    let lag = histogram!("weir_runtime_lag_seconds");
    loop {
        let due = Instant::now() + BEAT;
        sleep(BEAT).await;
        lag.record(due.elapsed());
        beat.store(micros(began.elapsed()), Ordering::Relaxed);
    }
}

/// Reports each stall once, until the canary is gone.
fn watch(beat: &Weak<AtomicU64>, began: Instant, report: impl Fn(Duration)) {
    let mut reported = None;
    while let Some(last) = beat.upgrade().map(|beat| beat.load(Ordering::Relaxed)) {
        let silent = began.elapsed().saturating_sub(Duration::from_micros(last) + BEAT);
        if silent > STALL && reported != Some(last) {
            reported = Some(last);
            report(silent);
        }
        thread::sleep(LOOK);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn edge_7_a_runtime_that_stalls_is_reported_by_a_thread_outside_of_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (reports, stalls) = mpsc::channel();
        runtime.block_on(async {
            let canary = tokio::spawn(canary(move |silent| reports.send(silent).unwrap_or_default()));
            sleep(2 * BEAT).await;
            assert!(stalls.try_recv().is_err(), "nothing stalls");
            // This is the computation that blocks it.
            let silent = stalls.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(silent > STALL, "{silent:?}");
            canary.abort();
        });
    }
}
