//! Who holds which session in this process, and how another socket gets it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, oneshot};
use tokio_util::task::TaskTracker;
use weir_protocol::{SessionId, UserId};

use super::{
    held::Held,
    waiting::{WaitingLimits, WaitingSession, WaitingSessions},
};

/// The sessions of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    holders: Mutex<HashMap<SessionId, Holder>>,
    waiting: Arc<WaitingSessions>,
    tasks: TaskTracker,
}

/// The task that holds a session.
#[derive(Debug)]
struct Holder {
    user: UserId,
    letterbox: Arc<Letterbox>,
}

/// Where a task gets the wish of another one to have its session. A newer wish takes the place of an older one.
#[derive(Debug, Default)]
struct Letterbox {
    claim: Mutex<Option<Claim>>,
    bell: Notify,
}

/// The wish to go on with a session.
#[derive(Debug)]
pub(super) struct Claim {
    session: SessionId,
    /// The last frame that the client has processed.
    pub(super) seq: u64,
    to: Arc<Letterbox>,
    reply: oneshot::Sender<Held>,
}

/// The place of one socket's task among the others. When it is dropped the session is forgotten.
#[derive(Debug)]
pub(super) struct Desk {
    sessions: Sessions,
    user: UserId,
    session: SessionId,
    letterbox: Arc<Letterbox>,
}

impl Sessions {
    /// Starts with no sessions. Those without a socket keep these limits.
    pub fn new(limits: WaitingLimits) -> Self {
        Self(Arc::new(Inner { waiting: Arc::new(WaitingSessions::new(limits)), ..Inner::default() }))
    }

    /// Waits for the sockets' tasks to end. They do when the server is closing.
    pub async fn closed(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// How many sessions there are, with or without a socket.
    pub fn count(&self) -> usize {
        self.holders().len()
    }

    /// How many sessions have no socket.
    pub fn waiting(&self) -> usize {
        self.0.waiting.count()
    }

    /// Whose sessions there are.
    pub fn users(&self) -> HashSet<UserId> {
        self.holders().values().map(|holder| holder.user).collect()
    }

    /// Counts a task that [`Self::closed`] waits for.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Registers a new session and the task that holds it.
    pub(super) fn register(&self, user: UserId, session: SessionId) -> Desk {
        let letterbox = Arc::<Letterbox>::default();
        self.holders().insert(session, Holder { user, letterbox: letterbox.clone() });
        Desk { sessions: self.clone(), user, session, letterbox }
    }

    /// Counts a session that loses its socket.
    pub(super) fn keep(&self, user: UserId, held: &Held) -> WaitingSession {
        self.0.waiting.add(user, held.memory())
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<SessionId, Holder>> {
        lock(&self.0.holders)
    }
}

impl Desk {
    /// The session that is held here.
    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    /// The wish of another socket to have this session. It may be dropped while it waits: no wish is lost.
    pub(super) async fn claimed(&self) -> Claim {
        loop {
            if let Some(claim) = lock(&self.letterbox.claim).take() {
                return claim;
            }
            self.letterbox.bell.notified().await;
        }
    }

    /// Gets a session from whoever holds it. None when nobody does, when it is another user's, or when its holder cannot
    /// give every frame after `seq`; then everything is as it was.
    pub(super) async fn claim(&mut self, session: SessionId, seq: u64) -> Option<Held> {
        let (reply, held) = oneshot::channel();
        let claim = Claim { session, seq, to: self.letterbox.clone(), reply };
        {
            let holders = self.sessions.holders();
            let holder = holders.get(&session).filter(|holder| holder.user == self.user)?;
            if Arc::ptr_eq(&holder.letterbox, &self.letterbox) {
                return None;
            }
            holder.letterbox.put(claim);
        }
        tokio::pin!(held);
        let held = loop {
            tokio::select! {
                biased;
                held = &mut held => break held.ok()?,
                // Nobody can have the new session of a socket that is about to get an old one. Two that want each other's
                // would wait for ever.
                refused = self.claimed() => drop(refused),
            }
        };
        let new = std::mem::replace(&mut self.session, session);
        self.sessions.holders().remove(&new);
        Some(held)
    }

    /// Whether this wish can be fulfilled.
    pub(super) fn grants(&self, claim: &Claim, held: &Held) -> bool {
        claim.session == self.session && held.frames.covers(claim.seq)
    }

    /// Gives the session to whoever wishes it.
    ///
    /// # Errors
    /// The session, when nobody is there any more to take it.
    pub(super) fn hand_over(&self, claim: Claim, held: Held) -> Result<(), Box<Held>> {
        let mut holders = self.sessions.holders();
        claim.reply.send(held).map_err(Box::new)?;
        let holder = Holder { user: self.user, letterbox: claim.to.clone() };
        holders.insert(self.session, holder);
        // A wish that came in the meantime is newer than the one that was fulfilled.
        if let Some(newer) = lock(&self.letterbox.claim).take() {
            claim.to.put(newer);
        }
        Ok(())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let mut holders = self.sessions.holders();
        // It may have been handed over.
        if holders.get(&self.session).is_some_and(|holder| Arc::ptr_eq(&holder.letterbox, &self.letterbox)) {
            holders.remove(&self.session);
        }
        // Whoever wished it must not wait for a reply that nobody gives.
        lock(&self.letterbox.claim).take();
    }
}

impl Letterbox {
    fn put(&self, claim: Claim) {
        *lock(&self.claim) = Some(claim);
        self.bell.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
