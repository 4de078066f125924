//! What a session is while nobody touches its socket, and what goes from one socket to the next.

use std::collections::VecDeque;

use weir_realtime::Session;

use super::{frame::Outgoing, subscriptions::Subscriptions, topics::InboxPosition};

/// A session: its frames, and what it follows.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What was sent and is not acknowledged.
    pub(super) frames: Session<Outgoing>,
    /// What it follows.
    pub(super) subscriptions: Subscriptions,
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

    /// Bytes of the frames that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.frames.bytes()
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
            self.pending.extend(self.subscriptions.next().await);
        }
    }

    /// The text of a frame that was given before, if it is kept.
    pub(super) fn again(&self, seq: u64) -> Option<String> {
        self.frames.frame(seq).map(|frame| frame.text(seq))
    }
}
