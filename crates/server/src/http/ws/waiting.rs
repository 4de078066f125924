//! Bounds of the memory that sessions without a socket hold while they wait for their clients.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;
use weir_protocol::UserId;

/// How many bytes the sessions without a socket hold at most.
#[derive(Clone, Copy, Debug)]
pub struct WaitingLimits {
    /// Of one user.
    pub per_user: usize,
    /// Of all users together.
    pub total: usize,
}

impl Default for WaitingLimits {
    fn default() -> Self {
        Self { per_user: 16 * 1024 * 1024, total: 128 * 1024 * 1024 }
    }
}

/// The sessions without a socket.
#[derive(Debug, Default)]
pub(super) struct WaitingSessions {
    limits: WaitingLimits,
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    users: HashMap<UserId, Queue>,
    bytes: usize,
    next: u64,
}

/// The waiting sessions of one user, oldest first.
#[derive(Debug, Default)]
struct Queue {
    sessions: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    bytes: usize,
    evicted: CancellationToken,
}

/// A waiting session, counted until this value is dropped.
#[derive(Debug)]
pub(super) struct WaitingSession {
    all: Arc<WaitingSessions>,
    user: UserId,
    number: u64,
    evicted: CancellationToken,
}

impl WaitingSessions {
    pub(super) fn new(limits: WaitingLimits) -> Self {
        Self { limits, queues: Mutex::default() }
    }

    /// Counts a session that has lost its socket.
    ///
    /// Beyond the limit of its user, the user's oldest sessions are evicted. Beyond the limit of all, the oldest sessions of the
    /// user with the most bytes are, so a user who holds little is never evicted by one who holds much.
    pub(super) fn add(self: &Arc<Self>, user: UserId, bytes: usize) -> WaitingSession {
        let mut queues = self.lock();
        let (number, evicted) = (queues.next, CancellationToken::new());
        queues.next += 1;
        queues.bytes += bytes;
        let queue = queues.users.entry(user).or_default();
        queue.bytes += bytes;
        queue.sessions.push_back(Entry { number, bytes, evicted: evicted.clone() });
        while queues.users.get(&user).is_some_and(|queue| queue.bytes > self.limits.per_user) {
            queues.evict_oldest(user);
        }
        while queues.bytes > self.limits.total {
            let Some(largest) = queues.users.iter().max_by_key(|(_, queue)| queue.bytes).map(|(user, _)| *user) else {
                break;
            };
            queues.evict_oldest(largest);
        }
        drop(queues);
        WaitingSession { all: self.clone(), user, number, evicted }
    }

    /// How many sessions are counted.
    pub(super) fn count(&self) -> usize {
        self.lock().users.values().map(|queue| queue.sessions.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        // Every method leaves the queues whole.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn evict_oldest(&mut self, user: UserId) {
        if let Some(entry) = self.take(user, 0) {
            entry.evicted.cancel();
        }
    }

    fn take(&mut self, user: UserId, place: usize) -> Option<Entry> {
        let queue = self.users.get_mut(&user)?;
        let entry = queue.sessions.remove(place)?;
        queue.bytes -= entry.bytes;
        self.bytes -= entry.bytes;
        if queue.sessions.is_empty() {
            self.users.remove(&user);
        }
        Some(entry)
    }
}

impl WaitingSession {
    /// Waits until the session must be forgotten to keep the limits.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for WaitingSession {
    fn drop(&mut self) {
        let mut queues = self.all.lock();
        let sessions = queues.users.get(&self.user).map(|queue| &queue.sessions);
        let place = sessions.and_then(|sessions| sessions.iter().position(|entry| entry.number == self.number));
        if let Some(place) = place {
            queues.take(self.user, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn waiting(per_user: usize, total: usize) -> Arc<WaitingSessions> {
        Arc::new(WaitingSessions::new(WaitingLimits { per_user, total }))
    }

    #[test]
    fn lim_50_the_oldest_session_of_the_same_user_is_evicted_first() {
        let all = waiting(10, 100);
        let (first, other) = (all.add(user(1), 6), all.add(user(2), 6));
        let second = all.add(user(1), 4);
        assert!(!first.evicted.is_cancelled());
        let third = all.add(user(1), 1);
        assert!(first.evicted.is_cancelled() && !second.evicted.is_cancelled() && !third.evicted.is_cancelled());
        assert!(!other.evicted.is_cancelled());
        drop((first, second, third, other));
        let queues = all.lock();
        assert_eq!((queues.bytes, queues.users.len()), (0, 0));
    }

    #[test]
    fn lim_50_beyond_the_total_the_user_with_the_most_bytes_loses_the_oldest_session() {
        let all = waiting(10, 20);
        let quiet = all.add(user(1), 3);
        let flood: Vec<_> = (2..9).map(|number| all.add(user(number), 9)).collect();
        assert!(!quiet.evicted.is_cancelled());
        assert_eq!(flood.iter().filter(|session| !session.evicted.is_cancelled()).count(), 1);
    }

    proptest! {
        /// The limits hold after every step, and no session of a user is evicted whose bytes, with all users at as many, fit.
        #[test]
        fn lim_50_waiting_sessions_stay_within_both_limits(steps in prop::collection::vec((0_u128..4, 1_usize..12, 0_usize..30), 1..80)) {
            let all = waiting(20, 40);
            let mut kept: Vec<WaitingSession> = Vec::new();
            for (number, bytes, dropped) in steps {
                kept.push(all.add(user(number), bytes));
                if dropped < kept.len() {
                    kept.remove(dropped);
                }
                let queues = all.lock();
                let bytes: usize = queues.users.values().map(|queue| queue.bytes).sum();
                prop_assert_eq!(queues.bytes, bytes);
                prop_assert!(bytes <= 40 && queues.users.values().all(|queue| queue.bytes <= 20));
                let counted: usize = queues.users.values().map(|queue| queue.sessions.len()).sum();
                prop_assert_eq!(counted, kept.iter().filter(|session| !session.evicted.is_cancelled()).count());
            }
        }

        #[test]
        fn lim_50_a_user_within_a_fair_share_is_never_evicted_by_others(sizes in prop::collection::vec((1_u128..4, 1_usize..12), 1..60)) {
            // Four users share 40 bytes.
            let all = waiting(20, 40);
            let own = all.add(user(0), 10);
            let others: Vec<_> = sizes.into_iter().map(|(number, bytes)| all.add(user(number), bytes)).collect();
            prop_assert!(!own.evicted.is_cancelled(), "{} others", others.len());
        }
    }
}
