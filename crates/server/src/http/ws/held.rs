//! What a session is while nobody touches its socket, and what goes from one socket to the next.

use std::collections::VecDeque;

use weir_realtime::Session;

use super::{frame::Outgoing, subscriptions::Subscriptions, topics::InboxPosition};
use crate::metrics::Feed;

/// What a kept frame takes beside its text, and what a session takes beside its frames, in bytes.
const FRAME_OVERHEAD: usize = 256;
const OVERHEAD: usize = 16 * 1024;

/// A session: its frames, and what it follows.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What was sent and is not acknowledged.
    pub(super) frames: Session<Outgoing>,
    /// What it follows.
    pub(super) subscriptions: Subscriptions,
    /// What it sees of the metrics, if it wants to. Their frames have no number and are not kept.
    pub(super) metrics: Option<Feed>,
    /// How far it has followed the inbox.
    pub(super) inbox: InboxPosition,
    /// What was read from a log and has no number yet: less than one page of events.
    pending: VecDeque<Outgoing>,
}

impl Held {
    /// A new session, from this position of the inbox on.
    pub(super) fn new(inbox: InboxPosition) -> Self {
        Self { inbox, ..Self::default() }
    }

    /// Bytes of memory that it holds, roughly: its frames with what each takes beside its text, and the rest.
    pub(super) fn memory(&self) -> usize {
        self.frames.bytes() + (self.frames.count() + self.pending.len()) * FRAME_OVERHEAD + OVERHEAD
    }

    /// Numbers a frame and keeps it; gives its text.
    pub(super) fn number(&mut self, outgoing: Outgoing) -> String {
        let text = outgoing.text(self.frames.newest() + 1);
        self.frames.push(outgoing, text.len());
        text
    }

    /// The next frame of what it follows. It may be dropped while it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> String {
        loop {
            if let Some(outgoing) = self.pending.pop_front() {
                return self.number(outgoing);
            }
            let Some(metrics) = &mut self.metrics else {
                self.pending.extend(self.subscriptions.next().await);
                continue;
            };
            tokio::select! {
                biased;
                // Once a second at most: a talkative log cannot silence them, nor they a log.
                text = metrics.next() => return text,
                outgoing = self.subscriptions.next() => self.pending.extend(outgoing),
            }
        }
    }

    /// The text of a frame that was given before, if it is kept.
    pub(super) fn again(&self, seq: u64) -> Option<String> {
        self.frames.frame(seq).map(|frame| frame.text(seq))
    }
}
