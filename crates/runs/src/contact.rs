//! Whether this instance still reaches the database that it shares with others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::watch,
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{keep::BEAT, lease::PATIENCE};

/// Without a beat that worked for so long, every other instance thinks this one dead or is about to: its beat is seen for
/// the first time at most one look after it moved, and then so many looks more.
const LOST_AFTER: Duration = BEAT.saturating_mul(PATIENCE + 1);

/// Contact with what the instances share. An instance without it cannot know what the others do with its runs, so whoever
/// follows something here has to go on elsewhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Contact(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The server is about to stop.
    closing: CancellationToken,
    /// Rings with every beat that worked.
    beats: watch::Sender<()>,
    /// Cancelled when the contact is lost; each time of contact has one of its own.
    ending: Mutex<CancellationToken>,
}

impl Contact {
    /// Contact that stands, for as long as nobody minds it; everything ends with `closing` too.
    pub fn new(closing: CancellationToken) -> Self {
        let ending = Mutex::new(closing.child_token());
        Self(Arc::new(Inner { closing, beats: watch::Sender::new(()), ending }))
    }

    /// Is cancelled when what is open now has to end: the contact is lost, or the server closes.
    pub fn ending(&self) -> CancellationToken {
        self.current().clone()
    }

    /// Whether the contact is lost. A server that closes has not lost it.
    pub fn is_lost(&self) -> bool {
        self.current().is_cancelled() && !self.0.closing.is_cancelled()
    }

    /// Ends what is open, and what begins before the contact is there again.
    pub fn lose(&self) {
        self.current().cancel();
    }

    /// The contact is there again.
    pub fn regain(&self) {
        let mut current = self.current();
        if current.is_cancelled() {
            *current = self.0.closing.child_token();
        }
    }

    /// A beat has worked.
    pub(crate) fn beaten(&self) {
        self.0.beats.send_replace(());
    }

    /// Loses the contact when no beat works, be it that they fail or that they hang, and regains it with the first that does.
    pub(crate) async fn mind(&self) {
        let mut beats = self.0.beats.subscribe();
        loop {
            while timeout(LOST_AFTER, beats.changed()).await.is_ok() {}
            tracing::warn!("cut off from the database: whoever follows something here is sent elsewhere");
            self.lose();
            // The sender is held here: it cannot be gone.
            let _ = beats.changed().await;
            tracing::info!("the database is there again");
            self.regain();
        }
    }

    fn current(&self) -> MutexGuard<'_, CancellationToken> {
        // A token is whole after every statement; a panic elsewhere does not spoil it.
        self.0.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ins_8_contact_is_lost_when_the_others_must_think_one_dead_and_is_back_with_the_next_beat() {
        let contact = Contact::new(CancellationToken::new());
        let minding = contact.clone();
        tokio::spawn(async move { minding.mind().await });
        for _ in 0..20 {
            sleep(BEAT * PATIENCE).await;
            contact.beaten();
        }
        assert!(!contact.is_lost(), "late beats are beats");
        let (open, since) = (contact.ending(), Instant::now());
        open.cancelled().await;
        let after = since.elapsed();
        assert!((BEAT * PATIENCE..Duration::from_secs(3)).contains(&after), "{after:?}");
        assert!(contact.is_lost() && contact.ending().is_cancelled(), "what begins now ends at once");
        advance(Duration::from_mins(1)).await;
        assert!(contact.is_lost(), "time alone mends nothing");
        contact.beaten();
        sleep(Duration::from_millis(1)).await;
        assert!(!contact.is_lost() && !contact.ending().is_cancelled());
        assert!(open.is_cancelled(), "what had to end does not go on");
        contact.ending().cancelled().await;
        assert!(contact.is_lost(), "a second time too");
    }

    #[test]
    fn a_server_that_closes_has_not_lost_contact() {
        let closing = CancellationToken::new();
        let contact = Contact::new(closing.clone());
        closing.cancel();
        contact.regain();
        assert!(contact.ending().is_cancelled() && !contact.is_lost());
    }
}
