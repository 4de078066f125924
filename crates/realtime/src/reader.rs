//! Following one run's log: the bell says that it has grown, the log says with what.

use std::sync::Arc;

use tokio::sync::watch;
use weir_protocol::{RunId, Seq};
use weir_store::{Store, StoreError};

use crate::{Frame, feed::Feed};

/// Events that are read from the store at a time.
const PAGE: u32 = 256;

/// Reads one run's log, first what is there, then what comes. It holds no queue: a slow reader is only an older cursor.
#[derive(Debug)]
pub struct Reader {
    store: Store,
    feed: Arc<Feed>,
    bell: watch::Receiver<Seq>,
    run: RunId,
    cursor: Seq,
    ended: bool,
}

impl Reader {
    pub(crate) fn new(store: Store, feed: Arc<Feed>, run: RunId, after: Seq) -> Self {
        // The bell is heard before the log is read for the first time: what comes in between is not missed.
        let bell = feed.listen();
        Self { store, feed, bell, run, cursor: after, ended: false }
    }

    /// The next events, in order, without a gap, at least one; nothing after the terminal event. It may be dropped while
    /// it waits and asked again: no event is lost.
    ///
    /// # Errors
    /// When the database fails. The reader stays where it is and may be asked again.
    pub async fn next(&mut self) -> Result<Option<Vec<Frame>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        loop {
            let heard = *self.bell.borrow_and_update();
            if heard <= self.cursor && heard > Seq::START {
                self.heard_more().await;
                continue;
            }
            let frames = self.read().await?;
            if let Some(last) = frames.last() {
                self.cursor = last.seq;
                self.ended = last.terminal;
                return Ok(Some(frames));
            }
            if self.stands_at_the_end().await? {
                self.ended = true;
                return Ok(None);
            }
            self.heard_more().await;
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
        let events = self.store.events(self.run, self.cursor, PAGE).await?;
        Ok(events.iter().map(|event| Frame::new(event.seq, &event.kind, &event.data)).collect())
    }

    /// Whether the event at the cursor is the terminal one, after which no bell rings.
    async fn stands_at_the_end(&self) -> Result<bool, StoreError> {
        let Some(before) = self.cursor.0.checked_sub(1) else { return Ok(false) };
        let at_cursor = self.store.events(self.run, Seq(before), 1).await?;
        Ok(at_cursor.first().is_some_and(|event| event.kind == "done"))
    }

    async fn heard_more(&mut self) {
        if self.bell.changed().await.is_err() {
            // The reader holds the feed and so the bell's sender: it cannot be gone.
            std::future::pending::<()>().await;
        }
    }
}
