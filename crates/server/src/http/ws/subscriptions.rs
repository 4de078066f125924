//! What one session follows.

use std::{
    fmt,
    future::poll_fn,
    task::{Context, Poll},
};

use futures_util::{StreamExt as _, stream::BoxStream};

use super::{
    frame::{Outgoing, Refused},
    topics::Topic,
};

/// What comes of one topic: batches that are not empty, or a last word.
pub(super) type Tail = BoxStream<'static, Result<Vec<Outgoing>, Refused>>;

/// How many topics one session follows at most.
const MOST: usize = 64;

/// The topics that a session follows, each a cursor into a log: what nobody asks for is not read.
#[derive(Default)]
pub(super) struct Subscriptions {
    open: Vec<(Topic, Tail)>,
    /// Who is asked first, so that a talkative topic does not silence the others.
    turn: usize,
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.open.iter().map(|(topic, _)| topic)).finish()
    }
}

impl Subscriptions {
    /// Follows a topic. One that is followed already goes on as it is.
    pub(super) fn add(&mut self, topic: Topic, tail: impl FnOnce() -> Tail) -> Result<(), Refused> {
        if self.open.iter().any(|(open, _)| *open == topic) {
            return Ok(());
        }
        if self.open.len() >= MOST {
            let message = format!("A session follows at most {MOST} topics at a time.");
            return Err(Refused::new("too_many_subscriptions", message));
        }
        self.open.push((topic, tail()));
        Ok(())
    }

    /// Follows it no more.
    pub(super) fn remove(&mut self, topic: Topic) {
        self.open.retain(|(open, _)| *open != topic);
    }

    /// What comes next, at least one. It may be dropped while it waits: nothing is lost.
    pub(super) async fn next(&mut self) -> Vec<Outgoing> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Vec<Outgoing>> {
        let mut asked = 0;
        while asked < self.open.len() {
            let index = (self.turn + asked) % self.open.len();
            let (topic, tail) = &mut self.open[index];
            match tail.poll_next_unpin(context) {
                Poll::Pending => asked += 1,
                Poll::Ready(Some(Ok(batch))) => {
                    self.turn = index + 1;
                    return Poll::Ready(batch);
                }
                Poll::Ready(Some(Err(refused))) => {
                    let last = refused.of(&topic.to_string());
                    drop(self.open.remove(index));
                    return Poll::Ready(vec![last.into()]);
                }
                Poll::Ready(None) => {
                    drop(self.open.remove(index));
                    // The others have other places now.
                    asked = 0;
                }
            }
        }
        Poll::Pending
    }
}
