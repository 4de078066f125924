//! Delays between tries of an operation that fails for a while.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The work was told to stop while it waited for its next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped while waiting for the next try")]
pub struct Stopped;

/// Exponential delays with jitter. Every loop that retries waits through it.
///
/// A delay is between half of its step and the whole step (equal jitter), so that clients that fail together do not retry
/// together. Time is tokio's, which a test can pause; randomness is a value.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    step: Duration,
    random: Rng,
}

impl Backoff {
    /// Delays for a database that fails: from 50 ms up to 2 s.
    pub fn of_database() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(2))
    }

    /// Delays whose step begins at `min` and doubles up to `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self::with_random(min, max, Rng::new())
    }

    /// As [`Self::new`], with the random numbers of `random`.
    pub const fn with_random(min: Duration, max: Duration, random: Rng) -> Self {
        Self { min, max, step: min, random }
    }

    /// The next delay. The one after it is longer.
    pub fn next_delay(&mut self) -> Duration {
        let step = self.step;
        self.step = step.saturating_mul(2).min(self.max);
        step.mul_f64(0.5 + self.random.f64() / 2.0)
    }

    /// Begins again with the shortest delay: the operation has worked.
    pub fn reset(&mut self) {
        self.step = self.min;
    }

    /// Waits for the next try. It may be dropped while it waits.
    pub async fn wait(&mut self) {
        sleep(self.next_delay()).await;
    }

    /// Waits for the next try, unless `stop` is or gets cancelled.
    ///
    /// # Errors
    /// [`Stopped`] when it is cancelled.
    pub async fn wait_unless(&mut self, stop: &CancellationToken) -> Result<(), Stopped> {
        stop.run_until_cancelled(self.wait()).await.ok_or(Stopped)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const MIN: Duration = Duration::from_millis(50);
    const MAX: Duration = Duration::from_secs(2);

    #[test]
    fn life_5_delays_double_up_to_a_limit_and_differ() {
        let delays = |seed| {
            let mut backoff = Backoff::with_random(MIN, MAX, Rng::with_seed(seed));
            (0..10).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        for (nth, delay) in (0..).zip(delays(1)) {
            let step = MIN.saturating_mul(1 << nth).min(MAX);
            assert!((step / 2..=step).contains(&delay), "{nth}: {delay:?}");
        }
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }

    #[test]
    fn life_5_an_operation_that_has_worked_begins_with_the_shortest_delay() {
        let mut backoff = Backoff::new(MIN, MAX);
        for _ in 0..10 {
            backoff.next_delay();
        }
        backoff.reset();
        assert!(backoff.next_delay() <= MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn life_5_a_wait_ends_when_the_work_is_told_to_stop() {
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let mut backoff = Backoff::new(MAX, MAX);
        assert_eq!(backoff.wait_unless(&stop).await, Ok(()));
        assert!(began.elapsed() >= MAX / 2);
        stop.cancel();
        assert_eq!(backoff.wait_unless(&stop).await, Err(Stopped));
    }
}
