//! Keeps an engine that crashes at once from being started over and over.

use std::time::Duration;

use tokio::time::Instant;

/// So many crashes within [`WINDOW`] are a loop.
const CRASHES: usize = 3;
/// Crashes that are further apart are single mishaps.
const WINDOW: Duration = Duration::from_mins(1);
/// How long no engine is started after the last crash of a loop.
const PAUSE: Duration = Duration::from_secs(30);

/// The last crashes.
#[derive(Debug, Default)]
pub(super) struct CrashLoop {
    crashes: Vec<Instant>,
}

impl CrashLoop {
    /// Notes a crash.
    pub(super) fn crashed(&mut self, now: Instant) {
        self.crashes.retain(|crash| now.duration_since(*crash) < WINDOW);
        self.crashes.push(now);
    }

    /// How long to wait before an engine may be started; `None`: now.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let recent = self.crashes.iter().filter(|crash| now.duration_since(**crash) < WINDOW).count();
        let last = self.crashes.last()?;
        if recent < CRASHES {
            return None;
        }
        (*last + PAUSE).checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_crashes_in_a_minute_make_a_pause() {
        let start = Instant::now();
        let mut crashes = CrashLoop::default();
        for second in [0, 1, 2] {
            let now = start + Duration::from_secs(second);
            assert_eq!(crashes.pause(now), None);
            crashes.crashed(now);
        }
        let after = start + Duration::from_secs(12);
        assert_eq!(crashes.pause(after), Some(Duration::from_secs(20)));
        assert_eq!(crashes.pause(start + Duration::from_secs(32)), None, "it is tried again");
        crashes.crashed(start + Duration::from_secs(33));
        assert!(crashes.pause(start + Duration::from_secs(34)).is_some(), "and pauses again when it crashes again");
    }

    #[test]
    fn rare_crashes_do_not_count() {
        let start = Instant::now();
        let mut crashes = CrashLoop::default();
        for minute in 0..5 {
            let now = start + Duration::from_secs(61 * minute);
            crashes.crashed(now);
            assert_eq!(crashes.pause(now), None);
        }
    }
}
