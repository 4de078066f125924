//! Following one log, of a run or a job: the bell says that it has grown, the log says with what.

use std::sync::Arc;

use tokio::sync::watch;
use weir_protocol::Seq;
use weir_store::{LogId, Store, StoreError, StoredEvent};

use crate::{
    Frame,
    feed::Feed,
    measure::{Present, READERS},
    to_the_end,
};

/// Events that are read from the store at a time.
const PAGE: u32 = 256;

/// Reads one log, first what is there, then what comes. It holds no queue: a slow reader is only an older cursor.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    feed: Arc<Feed>,
    bell: watch::Receiver<Seq>,
    log: LogId,
    cursor: Seq,
    state: State,
    _counted: Present,
}

/// What a reader does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There may be more: it looks into the log.
    Look,
    /// It has seen everything: it waits for the bell.
    Wait,
    /// It has given the terminal event, or the log is gone.
    Ended,
}

impl Reader {
    pub(crate) fn new(store: Store, feed: Arc<Feed>, log: LogId, after: Seq) -> Self {
        // The bell is heard before the log is read for the first time: what comes in between is not missed.
        let bell = feed.listen();
        Self { store, feed, bell, log, cursor: after, state: State::Look, _counted: Present::new(&READERS) }
    }

    /// The next events, in order, without a gap, at least one; nothing after the terminal event, nor when the log was
    /// deleted. It may be dropped while it waits and asked again: no event is lost.
    ///
    /// # Errors
    /// When the database fails. The reader stays where it is and may be asked again.
    pub async fn next(&mut self) -> Result<Option<Vec<Frame>>, StoreError> {
        loop {
            match self.state {
                State::Ended => return Ok(None),
                State::Wait => {
                    if self.bell.changed().await.is_err() {
                        // The reader holds the feed and so the bell's sender: it cannot be gone.
                        std::future::pending::<()>().await;
                    }
                    self.state = State::Look;
                }
                State::Look => {
                    // Before the log is read: a bell that rings from here on is heard later.
                    let heard = *self.bell.borrow_and_update();
                    let frames = self.read().await?;
                    if let Some(last) = frames.last() {
                        self.cursor = last.seq;
                        let is_newest = heard != Seq::START && heard <= last.seq;
                        self.state = match (last.terminal, is_newest) {
                            (true, _) => State::Ended,
                            (false, true) => State::Wait,
                            (false, false) => State::Look,
                        };
                        return Ok(Some(frames));
                    }
                    self.state = if self.is_over().await? { State::Ended } else { State::Wait };
                }
            }
        }
    }

    /// The last event given.
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    async fn read(&self) -> Result<Vec<Frame>, StoreError> {
        if let Some(frames) = self.feed.after(self.cursor) {
            return Ok(frames);
        }
        let (store, feed, log, cursor) = (self.store.clone(), self.feed.clone(), self.log, self.cursor);
        to_the_end(async move {
            // A thousand readers that come back at once read the log once.
            let mut turn = feed.turn().await;
            if let Some(frames) = turn.after(cursor) {
                return Ok(frames);
            }
            let events = store.events(log, cursor, PAGE).await?;
            let frame =
                |event: &StoredEvent| Frame::new(event.seq, &event.kind, &event.data, log.is_terminal(&event.kind));
            let frames: Vec<_> = events.iter().map(frame).collect();
            turn.keep(&frames);
            Ok(frames)
        })
        .await
    }

    /// Whether nothing follows the cursor any more: the terminal event stands there, or the log was deleted.
    async fn is_over(&self) -> Result<bool, StoreError> {
        // A log that is there has an event 1.
        let Some(before) = self.cursor.0.checked_sub(1) else { return Ok(true) };
        let (store, log) = (self.store.clone(), self.log);
        let at_cursor = to_the_end(async move { store.events(log, Seq(before), 1).await }).await?;
        Ok(at_cursor.first().is_none_or(|event| event.seq > self.cursor || log.is_terminal(&event.kind)))
    }
}
