//! Following what changes among a user's conversations.

use std::sync::Arc;

use tokio::sync::watch;
use weir_protocol::{InboxChange, Seq, UserId};
use weir_store::{Store, StoreError};

use crate::{feed::Feed, to_the_end};

/// Changes that are read from the store at a time.
const PAGE: u32 = 64;

/// Reads one user's changes, first those that are there, then those that come.
#[derive(Debug)]
pub struct InboxReader {
    store: Store,
    bell: watch::Receiver<Seq>,
    /// Without it nobody rings.
    _feed: Arc<Feed>,
    user: UserId,
    cursor: Seq,
    looks: bool,
}

impl InboxReader {
    pub(crate) fn new(store: Store, feed: Arc<Feed>, user: UserId, after: Seq) -> Self {
        // The bell is heard before the store is read for the first time: what comes in between is not missed.
        Self { store, bell: feed.listen(), _feed: feed, user, cursor: after, looks: true }
    }

    /// The next changes, in order, at least one. It may be dropped while it waits and asked again: nothing is lost.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when changes before the next one are kept no longer; and when the database fails. The
    /// reader stays where it is and may be asked again.
    pub async fn next(&mut self) -> Result<Vec<InboxChange>, StoreError> {
        loop {
            if !self.looks && self.bell.changed().await.is_err() {
                // The reader holds the feed and so the bell's sender: it cannot be gone.
                std::future::pending::<()>().await;
            }
            self.looks = true;
            self.bell.mark_unchanged();
            let (store, user, cursor) = (self.store.clone(), self.user, self.cursor);
            let page = to_the_end(async move { store.inbox_after(user, cursor, PAGE).await }).await?;
            if page.gap {
                return Err(StoreError::NotFound("change"));
            }
            self.looks = page.last > self.cursor;
            self.cursor = page.last;
            if !page.changes.is_empty() {
                return Ok(page.changes);
            }
        }
    }

    /// The number of the last change that was given or is pointless by now.
    pub fn cursor(&self) -> Seq {
        self.cursor
    }
}
