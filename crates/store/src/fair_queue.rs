//! Permits that several keys share: served in turn by key, first in first out within a key (start-time fair queueing, Goyal, Vin and
//! Cheng 1996). A key may hold at most as many permits as are free (dynamic thresholds, Choudhury and Hahne 1998).

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// A number of permits, of which one key holds a share that shrinks as other keys hold more.
///
/// A key gets another permit only while it holds fewer than are free. Alone it holds half of them, rounded up; of eight permits, a
/// second key then gets two, a third and a fourth one each. A key that holds none waits only when no permit is free. Cheap to
/// clone.
#[derive(Debug)]
pub struct FairQueue<K: Eq + Hash + Clone>(Arc<Mutex<State<K>>>);

#[derive(Debug)]
struct State<K> {
    free: usize,
    keys: HashMap<K, Share>,
    /// The round of the waiter that was served last.
    round: u64,
    next: u64,
}

/// What one key has of the queue; kept while the key holds or waits, or has used its turn of the current round.
#[derive(Debug, Default)]
struct Share {
    held: usize,
    waiting: VecDeque<Waiter>,
    /// The first round in which the key has not asked for its turn.
    next_round: u64,
}

#[derive(Debug)]
struct Waiter {
    /// A waiter of an earlier round is served first.
    round: u64,
    number: u64,
    granted: oneshot::Sender<()>,
}

impl<K: Eq + Hash + Clone> Clone for FairQueue<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Eq + Hash + Clone> FairQueue<K> {
    /// So many permits, at least one.
    pub fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: capacity.max(1), keys: HashMap::new(), round: 0, next: 0 })))
    }

    /// Waits for a permit. Dropping the future gives the place in the queue up.
    pub async fn acquire(&self, key: K) -> Permit<K> {
        let (granted, grant) = oneshot::channel();
        let number = {
            let mut state = lock(&self.0);
            let (number, current) = (state.next, state.round);
            state.next += 1;
            let share = state.keys.entry(key.clone()).or_default();
            let round = share.next_round.max(current);
            share.next_round = round + 1;
            share.waiting.push_back(Waiter { round, number, granted });
            state.grant();
            number
        };
        let mut place = Place { queue: self, key: Some(key), number };
        // The sender stays in the queue until the permit is granted.
        let _ = grant.await;
        let key = place.key.take();
        Permit { queue: self.clone(), key }
    }

    fn release(&self, key: &K) {
        let mut state = lock(&self.0);
        state.free += 1;
        if let Some(share) = state.keys.get_mut(key) {
            share.held -= 1;
        }
        state.grant();
    }

    /// Waiters, and permits that are held.
    #[cfg(test)]
    fn counts(&self) -> (usize, usize) {
        let state = lock(&self.0);
        let waiters = state.keys.values().map(|share| share.waiting.len()).sum();
        (waiters, state.keys.values().map(|share| share.held).sum())
    }
}

impl<K: Eq + Hash + Clone> State<K> {
    /// Grants free permits, as long as a key that waits may hold another one.
    fn grant(&mut self) {
        while self.free > 0 {
            let (free, keys) = (self.free, self.keys.iter_mut());
            let first = keys
                .filter(|(_, share)| share.held < free)
                .filter_map(|(_, share)| {
                    share.waiting.front().map(|first| (first.round, first.number)).zip(Some(share))
                })
                .min_by_key(|(turn, _)| *turn);
            let Some((_, share)) = first else { break };
            let Some(waiter) = share.waiting.pop_front() else { break };
            share.held += 1;
            self.free -= 1;
            self.round = self.round.max(waiter.round);
            // A waiter that has left since gives its permit back itself.
            let _ = waiter.granted.send(());
        }
        let round = self.round;
        self.keys.retain(|_, share| share.held > 0 || !share.waiting.is_empty() || share.next_round > round);
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'q, K: Eq + Hash + Clone> {
    queue: &'q FairQueue<K>,
    key: Option<K>,
    number: u64,
}

impl<K: Eq + Hash + Clone> Drop for Place<'_, K> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut state = lock(&self.queue.0);
        let was_waiting = state.keys.get_mut(&key).is_some_and(|share| {
            let Some(place) = share.waiting.iter().position(|waiter| waiter.number == self.number) else {
                return false;
            };
            share.waiting.remove(place);
            // A turn that is given up is not counted.
            share.waiting.range_mut(place..).for_each(|waiter| waiter.round -= 1);
            share.next_round -= 1;
            true
        });
        if was_waiting {
            state.grant();
        } else {
            drop(state);
            // It was granted at the same moment.
            self.queue.release(&key);
        }
    }
}

/// A permit, given back when it is dropped.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash + Clone> {
    queue: FairQueue<K>,
    key: Option<K>,
}

impl<K: Eq + Hash + Clone> Drop for Permit<K> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.queue.release(&key);
        }
    }
}

fn lock<K>(state: &Mutex<State<K>>) -> MutexGuard<'_, State<K>> {
    // Every method leaves the state whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, task::Poll};

    use futures_util::poll;
    use proptest::prelude::*;

    use super::*;

    type Waiting = Pin<Box<dyn Future<Output = Permit<u8>>>>;

    fn acquire(queue: &FairQueue<u8>, key: u8) -> Waiting {
        let queue = queue.clone();
        Box::pin(async move { queue.acquire(key).await })
    }

    #[derive(Clone, Debug)]
    enum Act {
        Ask(u8),
        /// The waiter of this place gives up.
        GiveUp(usize),
        /// The permit of this place is given back.
        GiveBack(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            3 => (0_u8..4).prop_map(Act::Ask),
            1 => (0_usize..40).prop_map(Act::GiveUp),
            2 => (0_usize..40).prop_map(Act::GiveBack),
        ];
        prop::collection::vec(act, 1..80)
    }

    proptest! {
        /// Never over the capacity; one key never holds more than half, and two keys never all of four permits or more; within a
        /// key first in, first out; a waiter that gives up is forgotten; a key that waits holds at least as many permits as are
        /// free, so a key that holds none waits only when no permit is free; and in the end every waiter is served.
        #[test]
        fn lim_21_permits_are_shared_in_turn(capacity in 1_usize..10, acts in acts()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(play(capacity, acts))?;
        }
    }

    async fn play(capacity: usize, acts: Vec<Act>) -> Result<(), TestCaseError> {
        let queue = FairQueue::new(capacity);
        let share = capacity.div_ceil(2);
        let mut waiting: Vec<(u8, Waiting)> = Vec::new();
        let mut held: Vec<(u8, Permit<u8>)> = Vec::new();
        for act in acts {
            match act {
                Act::Ask(key) => waiting.push((key, acquire(&queue, key))),
                Act::GiveUp(place) if place < waiting.len() => drop(waiting.remove(place)),
                Act::GiveBack(place) if place < held.len() => drop(held.remove(place)),
                Act::GiveUp(_) | Act::GiveBack(_) => {}
            }
            settle(&mut waiting, &mut held, share).await?;
            prop_assert!(held.len() <= capacity);
            let of = |key: u8| held.iter().filter(|(other, _)| *other == key).count();
            let free = capacity - held.len();
            prop_assert!(waiting.iter().all(|(key, _)| of(*key) >= free), "a permit is free and a key may have it");
            let mut holders: Vec<_> = (0..4).map(of).collect();
            holders.sort_unstable();
            prop_assert!(capacity < 4 || holders[2] + holders[3] < capacity, "two keys hold all permits");
            prop_assert_eq!(queue.counts(), (waiting.len(), held.len()));
        }
        let mut turns = 0;
        while !waiting.is_empty() {
            held.clear();
            settle(&mut waiting, &mut held, share).await?;
            turns += 1;
            prop_assert!(turns <= 100, "a waiter is never served");
        }
        held.clear();
        prop_assert_eq!(queue.counts(), (0, 0));
        Ok(())
    }

    /// Polls every waiter, oldest first, until none of them is served any more.
    async fn settle(
        waiting: &mut Vec<(u8, Waiting)>,
        held: &mut Vec<(u8, Permit<u8>)>,
        share: usize,
    ) -> Result<(), TestCaseError> {
        let mut passed_over: Vec<u8> = Vec::new();
        let mut still = Vec::new();
        for (key, mut future) in waiting.drain(..) {
            match poll!(&mut future) {
                Poll::Ready(permit) => {
                    prop_assert!(!passed_over.contains(&key), "a later call of the same key was served first");
                    held.push((key, permit));
                }
                Poll::Pending => {
                    passed_over.push(key);
                    still.push((key, future));
                }
            }
        }
        *waiting = still;
        for key in 0..4 {
            prop_assert!(held.iter().filter(|(other, _)| *other == key).count() <= share);
        }
        Ok(())
    }

    #[tokio::test]
    async fn lim_21_a_newcomer_starts_at_once_behind_a_flood() {
        let queue = FairQueue::new(4);
        let mut flood: Vec<_> = (0..45).map(|_| acquire(&queue, 1)).collect();
        let mut running = Vec::new();
        for waiter in &mut flood {
            if let Poll::Ready(permit) = poll!(waiter) {
                running.push(permit);
            }
        }
        assert_eq!(running.len(), 2, "half of the permits");
        assert!(poll!(acquire(&queue, 2)).is_ready());
    }

    #[tokio::test]
    async fn lim_51_two_users_who_flood_a_tool_leave_places_for_a_third_and_a_fourth() {
        let queue = FairQueue::new(8);
        let mut flood: Vec<_> =
            [1, 2].into_iter().flat_map(|key| vec![key; 45]).map(|key| (key, acquire(&queue, key))).collect();
        let mut running = Vec::new();
        for (key, waiter) in &mut flood {
            if let Poll::Ready(permit) = poll!(waiter) {
                running.push((*key, permit));
            }
        }
        let of = |key: u8| running.iter().filter(|(other, _)| *other == key).count();
        assert_eq!((of(1), of(2)), (4, 2));
        let (third, fourth) = (poll!(acquire(&queue, 3)), poll!(acquire(&queue, 4)));
        assert!(third.is_ready() && fourth.is_ready());
        // What the first user gives back goes to users who hold less.
        let mut fifth = acquire(&queue, 5);
        assert!(poll!(&mut fifth).is_pending());
        running.remove(0);
        assert!(poll!(fifth).is_ready());
    }

    #[tokio::test]
    async fn lim_21_a_permit_that_is_granted_to_a_call_that_leaves_goes_to_the_next() {
        let queue = FairQueue::new(1);
        let first = queue.acquire(1).await;
        let (mut leaves, mut next) = (acquire(&queue, 1), acquire(&queue, 2));
        assert!(poll!(&mut leaves).is_pending() && poll!(&mut next).is_pending());
        drop(first);
        drop(leaves);
        assert!(poll!(next).is_ready());
        assert_eq!(queue.counts(), (0, 0));
    }

    #[tokio::test]
    async fn lim_21_with_one_permit_two_keys_take_turns() {
        let queue = FairQueue::new(1);
        let mut waiting: Vec<_> = [1, 1, 1, 2].map(|key| (key, acquire(&queue, key))).into();
        let mut served = Vec::new();
        while !waiting.is_empty() {
            let mut rest = Vec::new();
            let mut permits = Vec::new();
            for (key, mut waiter) in waiting {
                match poll!(&mut waiter) {
                    Poll::Ready(permit) => {
                        served.push(key);
                        permits.push(permit);
                    }
                    Poll::Pending => rest.push((key, waiter)),
                }
            }
            waiting = rest;
        }
        assert_eq!(served, [1, 2, 1, 1]);
    }
}
