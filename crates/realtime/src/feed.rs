//! What one process knows of what is read or written in it: how far each log has grown, and a run's last frames.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{self, watch};
use weir_protocol::{Seq, UserId};
use weir_store::LogId;

use crate::{Frame, bell::Topic};

/// How many bytes of a log's newest frames are kept for its readers. One that is further behind reads the store.
const TAIL_BYTES: usize = 64 * 1024;

/// One topic's bell and, of a log, the tail of its committed log.
#[derive(Debug)]
pub(crate) struct Feed {
    topic: Topic,
    bell: watch::Sender<Seq>,
    tail: Mutex<Tail>,
    /// Held by the one reader that reads the store: the page that it read last, while others wait.
    page: sync::Mutex<Vec<Frame>>,
    /// Readers that have a turn or wait for one.
    turns: AtomicUsize,
    /// How many in this process write here, and so ring by themselves.
    writers: AtomicUsize,
    feeds: Weak<Feeds>,
}

#[derive(Debug, Default)]
struct Tail {
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            self.bytes += frame.sse.len();
            self.frames.push_back(frame);
        }
        while self.bytes > TAIL_BYTES && self.frames.len() > 1 {
            if let Some(old) = self.frames.pop_front() {
                self.bytes -= old.sse.len();
            }
        }
    }

    /// Puts frames before the others, as far back as there is room.
    fn push_before(&mut self, frames: &[Frame]) {
        for frame in frames.iter().rev() {
            if self.bytes + frame.sse.len() > TAIL_BYTES {
                return;
            }
            self.bytes += frame.sse.len();
            self.frames.push_front(frame.clone());
        }
    }
}

impl Feed {
    /// Publishes frames that are committed: first the frames, then the bell.
    pub(crate) fn publish(&self, frames: Vec<Frame>) {
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return };
        let (first, last) = (first.seq, last.seq);
        {
            let mut tail = lock(&self.tail);
            let newest = tail.frames.back().map(|frame| frame.seq);
            if newest.is_some_and(|newest| newest.next() != first) {
                // What lies between was written elsewhere. A tail with a hole would give its readers a log with a hole.
                *tail = Tail::default();
            }
            tail.push(frames);
        }
        self.grown(last);
    }

    /// Keeps what a reader has read from the store for the others, where it joins on to what is kept already.
    pub(crate) fn keep(&self, frames: &[Frame]) {
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return };
        let (first, last) = (first.seq, last.seq);
        let mut tail = lock(&self.tail);
        match (tail.frames.front().map(|frame| frame.seq), tail.frames.back().map(|frame| frame.seq)) {
            (Some(oldest), Some(newest)) => {
                if first < oldest && last.next() >= oldest {
                    let before = frames.partition_point(|frame| frame.seq < oldest);
                    tail.push_before(&frames[..before]);
                }
                if last > newest && first <= newest.next() {
                    let known = frames.partition_point(|frame| frame.seq <= newest);
                    tail.push(frames[known..].iter().cloned());
                }
            }
            _ => tail.push(frames.iter().cloned()),
        }
    }

    /// The log reaches up to `last`.
    pub(crate) fn grown(&self, last: Seq) {
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

    /// Somebody in this process writes here, for as long as what is returned is kept.
    pub(crate) fn write(self: &Arc<Self>) -> Writing {
        self.writers.fetch_add(1, Ordering::Relaxed);
        Writing(self.clone())
    }

    /// Waits until no other reader reads the store for this feed.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let place = Place::new(&self.turns);
        Turn { feed: self, page: self.page.lock().await, place }
    }

    /// The frames after `after`, if the tail reaches back that far and has any.
    pub(crate) fn after(&self, after: Seq) -> Option<Vec<Frame>> {
        let tail = lock(&self.tail);
        let skip = skipped(tail.frames.front()?.seq, tail.frames.len(), after)?;
        Some(tail.frames.range(skip..).cloned().collect())
    }
}

/// The turn of one reader to read the store. Readers that are further behind than the tail, such as those of a storm, share
/// each page: the first one reads it, and those that wait meanwhile take it over.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    feed: &'a Feed,
    page: sync::MutexGuard<'a, Vec<Frame>>,
    place: Place<'a>,
}

impl Turn<'_> {
    /// The frames after `after` that another reader has read or a writer has published meanwhile.
    pub(crate) fn after(&self, after: Seq) -> Option<Vec<Frame>> {
        self.feed.after(after).or_else(|| {
            let skip = skipped(self.page.first()?.seq, self.page.len(), after)?;
            Some(self.page[skip..].to_vec())
        })
    }

    /// Keeps a page that was read from the store for the other readers.
    pub(crate) fn keep(&mut self, frames: &[Frame]) {
        self.feed.keep(frames);
        *self.page = frames.to_vec();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.place.is_last() {
            *self.page = Vec::new();
        }
    }
}

/// A place among those that read the store or wait for their turn.
#[derive(Debug)]
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn new(places: &'a AtomicUsize) -> Self {
        places.fetch_add(1, Ordering::Relaxed);
        Self(places)
    }

    fn is_last(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many of `count` consecutive frames from `first` on come before those after `after`; none when these are not among them.
fn skipped(first: Seq, count: usize, after: Seq) -> Option<usize> {
    let skip = usize::try_from(after.next().0.checked_sub(first.0)?).ok()?;
    (skip < count).then_some(skip)
}

/// A feed that is written in this process.
#[derive(Debug)]
pub(crate) struct Writing(Arc<Feed>);

impl std::ops::Deref for Writing {
    type Target = Feed;

    fn deref(&self) -> &Feed {
        &self.0
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.writers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(feeds) = self.feeds.upgrade() {
            let mut topics = lock(&feeds.topics);
            // Another feed of the same topic may stand there by now.
            if topics.get(&self.topic).is_some_and(|feed| feed.strong_count() == 0) {
                topics.remove(&self.topic);
            }
        }
    }
}

/// Every feed that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    topics: Mutex<HashMap<Topic, Weak<Feed>>>,
}

impl Feeds {
    /// The topic's feed, made when nobody holds it yet.
    pub(crate) fn of(self: &Arc<Self>, topic: Topic) -> Arc<Feed> {
        let mut topics = lock(&self.topics);
        if let Some(feed) = topics.get(&topic).and_then(Weak::upgrade) {
            return feed;
        }
        let feed = Arc::new(Feed {
            topic,
            bell: watch::Sender::new(Seq::START),
            tail: Mutex::default(),
            page: sync::Mutex::default(),
            turns: AtomicUsize::new(0),
            writers: AtomicUsize::new(0),
            feeds: Arc::downgrade(self),
        });
        topics.insert(topic, Arc::downgrade(&feed));
        feed
    }

    /// Rings for the topic, if anybody holds its feed.
    pub(crate) fn ring(&self, topic: Topic) {
        if let Some(feed) = self.held(topic) {
            feed.ring();
        }
    }

    /// Tells how far the topic has grown, if anybody holds its feed.
    pub(crate) fn grown(&self, topic: Topic, last: Seq) {
        match self.held(topic) {
            // Whoever rang did not know the number.
            Some(feed) if last == Seq::START => feed.ring(),
            Some(feed) => feed.grown(last),
            None => {}
        }
    }

    /// Rings for everything.
    pub(crate) fn ring_all(&self) {
        let held: Vec<_> = lock(&self.topics).values().filter_map(Weak::upgrade).collect();
        for feed in held {
            feed.ring();
        }
    }

    /// What is read here and may be written elsewhere.
    pub(crate) fn written_elsewhere(&self) -> (Vec<LogId>, Vec<UserId>) {
        let held: Vec<_> = lock(&self.topics).values().filter_map(Weak::upgrade).collect();
        let (mut logs, mut users) = (Vec::new(), Vec::new());
        for feed in held.iter().filter(|feed| feed.writers.load(Ordering::Relaxed) == 0) {
            match feed.topic {
                Topic::Log(log) => logs.push(log),
                Topic::Inbox(user) => users.push(user),
                Topic::Leases => {}
            }
        }
        (logs, users)
    }

    fn held(&self, topic: Topic) -> Option<Arc<Feed>> {
        lock(&self.topics).get(&topic).and_then(Weak::upgrade)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.topics).len()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Topic {
        Topic::Log(LogId::Run("01980000-0000-7000-8000-000000000001".parse().unwrap()))
    }

    fn frames(from: u64, to: u64, size: usize) -> Vec<Frame> {
        (from..=to).map(|seq| Frame::new(Seq(seq), "token", &"x".repeat(size), false)).collect()
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
    fn what_one_reader_has_read_is_there_for_the_others() {
        let feed = Arc::new(Feeds::default()).of(run());
        feed.keep(&frames(4, 6, 1));
        feed.keep(&frames(1, 5, 1));
        feed.keep(&frames(6, 8, 1));
        feed.keep(&frames(11, 12, 1));
        let seqs: Vec<_> = feed.after(Seq(0)).unwrap().iter().map(|frame| frame.seq.0).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7, 8], "11 would leave a hole");
    }

    #[test]
    fn what_is_kept_for_the_others_is_bounded_in_bytes() {
        let feed = Arc::new(Feeds::default()).of(run());
        feed.keep(&frames(50, 52, 4096));
        feed.keep(&frames(1, 49, 4096));
        assert!(lock(&feed.tail).bytes <= TAIL_BYTES);
        assert_eq!(feed.after(Seq(51)).map(|frames| frames.len()), Some(1));
    }

    #[tokio::test]
    async fn log_15_readers_that_wait_for_a_turn_share_the_page_and_the_last_one_drops_it() {
        let feed = Arc::new(Feeds::default()).of(run());
        feed.publish(frames(900, 900, 1));
        let mut first = feed.turn().await;
        assert_eq!(first.after(Seq(0)), None);
        let waiting = async |after| feed.turn().await.after(Seq(after)).map(|frames| frames[0].seq.0);
        let (second, third, fourth) = (waiting(0), waiting(100), waiting(256));
        let reading = async {
            tokio::task::yield_now().await;
            first.keep(&frames(1, 256, 4096));
            drop(first);
        };
        let (second, third, fourth, ()) = tokio::join!(second, third, fourth, reading);
        assert_eq!((second, third, fourth), (Some(1), Some(101), None), "257 is not on the page");
        assert!(feed.page.lock().await.is_empty(), "no reader waits for it");
        let mut alone = feed.turn().await;
        alone.keep(&frames(1, 256, 4096));
        drop(alone);
        assert!(feed.page.lock().await.is_empty());
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
