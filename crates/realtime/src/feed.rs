//! What one process knows of the runs that are read or written in it: how far each log has grown, and its last frames.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::watch;
use weir_protocol::{RunId, Seq};

use crate::Frame;

/// How many bytes of a run's newest frames are kept for its readers. One that is further behind reads the store.
const TAIL_BYTES: usize = 64 * 1024;

/// One run's bell and the tail of its committed log.
#[derive(Debug)]
pub(crate) struct Feed {
    run: RunId,
    bell: watch::Sender<Seq>,
    tail: Mutex<Tail>,
    feeds: Weak<Feeds>,
}

#[derive(Debug, Default)]
struct Tail {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Feed {
    /// Publishes frames that are committed: first the frames, then the bell.
    pub(crate) fn publish(&self, frames: Vec<Frame>) {
        let Some(last) = frames.last().map(|frame| frame.seq) else { return };
        {
            let mut tail = lock(&self.tail);
            if tail.frames.back().is_some_and(|newest| Some(newest.seq.next()) != frames.first().map(|frame| frame.seq))
            {
                // What lies between was written elsewhere. A tail with a hole would give its readers a log with a hole.
                *tail = Tail::default();
            }
            for frame in frames {
                tail.bytes += frame.sse.len();
                tail.frames.push_back(frame);
            }
            while tail.bytes > TAIL_BYTES && tail.frames.len() > 1 {
                if let Some(old) = tail.frames.pop_front() {
                    tail.bytes -= old.sse.len();
                }
            }
        }
        self.bell.send_if_modified(|heard| {
            let grown = last > *heard;
            *heard = last.max(*heard);
            grown
        });
    }

    /// Rings although the log may not have grown, so that its readers see for themselves what became of it.
    pub(crate) fn ring(&self) {
        self.bell.send_modify(|_| {});
    }

    /// Hears the bell from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<Seq> {
        self.bell.subscribe()
    }

    /// The frames after `after`, if the tail reaches back that far and has any.
    pub(crate) fn after(&self, after: Seq) -> Option<Vec<Frame>> {
        let tail = lock(&self.tail);
        let first = tail.frames.front()?.seq;
        if first > after.next() {
            return None;
        }
        let skip = usize::try_from(after.next().0 - first.0).ok()?;
        (skip < tail.frames.len()).then(|| tail.frames.range(skip..).cloned().collect())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(feeds) = self.feeds.upgrade() {
            let mut runs = lock(&feeds.runs);
            // Another feed of the same run may stand there by now.
            if runs.get(&self.run).is_some_and(|feed| feed.strong_count() == 0) {
                runs.remove(&self.run);
            }
        }
    }
}

/// Every feed that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    runs: Mutex<HashMap<RunId, Weak<Feed>>>,
}

impl Feeds {
    /// The run's feed, made when nobody holds it yet.
    pub(crate) fn of(self: &Arc<Self>, run: RunId) -> Arc<Feed> {
        let mut runs = lock(&self.runs);
        if let Some(feed) = runs.get(&run).and_then(Weak::upgrade) {
            return feed;
        }
        let feed = Arc::new(Feed {
            run,
            bell: watch::Sender::new(Seq::START),
            tail: Mutex::default(),
            feeds: Arc::downgrade(self),
        });
        runs.insert(run, Arc::downgrade(&feed));
        feed
    }

    /// Rings for the run, if anybody holds its feed.
    pub(crate) fn ring(&self, run: RunId) {
        let feed = lock(&self.runs).get(&run).and_then(Weak::upgrade);
        if let Some(feed) = feed {
            feed.ring();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.runs).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use weir_protocol::RunId;

    use super::*;

    fn run() -> RunId {
        "01980000-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn frames(from: u64, to: u64, size: usize) -> Vec<Frame> {
        (from..=to).map(|seq| Frame::new(Seq(seq), "token", &"x".repeat(size))).collect()
    }

    #[test]
    fn a_tail_gives_what_follows_and_nothing_else() {
        let feed = Arc::new(Feeds::default()).of(run());
        feed.publish(frames(2, 5, 1));
        let seqs = |after| feed.after(Seq(after)).map(|frames| frames.iter().map(|f| f.seq.0).collect::<Vec<_>>());
        assert_eq!(seqs(0), None, "event 1 is not in the tail");
        assert_eq!(seqs(1), Some(vec![2, 3, 4, 5]));
        assert_eq!(seqs(4), Some(vec![5]));
        assert_eq!(seqs(5), None);
        assert_eq!(seqs(9), None);
    }

    #[test]
    fn a_tail_is_bounded_in_bytes() {
        let feed = Arc::new(Feeds::default()).of(run());
        feed.publish(frames(1, 100, 4096));
        assert!(lock(&feed.tail).bytes <= TAIL_BYTES);
        assert!(feed.after(Seq(0)).is_none());
        assert!(feed.after(Seq(99)).is_some());
    }

    #[test]
    fn a_tail_never_has_a_hole() {
        let feed = Arc::new(Feeds::default()).of(run());
        feed.publish(frames(2, 5, 1));
        feed.publish(frames(8, 9, 1));
        assert_eq!(feed.after(Seq(5)), None, "6 and 7 were written elsewhere");
        assert_eq!(feed.after(Seq(7)).map(|frames| frames.len()), Some(2));
    }

    #[test]
    fn a_feed_that_nobody_holds_is_forgotten() {
        let feeds = Arc::new(Feeds::default());
        let held = feeds.of(run());
        assert!(Arc::ptr_eq(&held, &feeds.of(run())));
        drop(held);
        assert_eq!(feeds.len(), 0);
    }
}
