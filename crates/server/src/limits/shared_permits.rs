//! Concurrent permits that every key has a share of, so that one key never holds them all.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A semaphore whose permits are shared among keys. Waiters of one key queue behind each other before they queue for the
/// permits of all, so a key with many waiters delays another key by at most its share. Cheap to clone.
#[derive(Debug)]
pub(crate) struct SharedPermits<K>(Arc<Inner<K>>);

impl<K> Clone for SharedPermits<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Inner<K> {
    all: Arc<Semaphore>,
    share: usize,
    /// The keys that hold or wait for a permit.
    keys: Mutex<HashMap<K, Arc<Semaphore>>>,
}

/// One permit. Dropping it releases it.
#[derive(Debug)]
pub(crate) struct SharedPermit<K: Copy + Eq + Hash> {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    // Dropped last: it forgets the key when no other permit needs it.
    _key: KeyEntry<K>,
}

impl<K: Copy + Eq + Hash> SharedPermits<K> {
    /// `all` permits, of which one key holds at most `share`.
    pub(crate) fn new(all: usize, share: usize) -> Self {
        Self(Arc::new(Inner { all: Arc::new(Semaphore::new(all)), share, keys: Mutex::default() }))
    }

    /// Waits for a permit, first for one of the key's share and then for one of all. Cancel safe. None only after the
    /// semaphores were closed, which never happens.
    pub(crate) async fn acquire(&self, key: K) -> Option<SharedPermit<K>> {
        let key = KeyEntry::new(self.clone(), key);
        let own = key.share.clone().acquire_owned().await.ok()?;
        let all = self.0.all.clone().acquire_owned().await.ok()?;
        Some(SharedPermit { _all: all, _own: own, _key: key })
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the semaphore of a key in the map for as long as a permit or a waiter uses it.
#[derive(Debug)]
struct KeyEntry<K: Copy + Eq + Hash> {
    permits: SharedPermits<K>,
    key: K,
    share: Arc<Semaphore>,
}

impl<K: Copy + Eq + Hash> KeyEntry<K> {
    fn new(permits: SharedPermits<K>, key: K) -> Self {
        let most = permits.0.share;
        let share = permits.keys().entry(key).or_insert_with(|| Arc::new(Semaphore::new(most))).clone();
        Self { permits, key, share }
    }
}

impl<K: Copy + Eq + Hash> Drop for KeyEntry<K> {
    fn drop(&mut self) {
        let mut keys = self.permits.keys();
        // The map's own reference and this one. Others are made under the lock only.
        if Arc::strong_count(&self.share) == 2 {
            keys.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_key_holds_its_share_and_no_more() {
        let permits = SharedPermits::new(3, 2);
        let held = [permits.acquire('a').await, permits.acquire('a').await];
        assert!(permits.acquire('a').now_or_never().is_none(), "the share of this key is used up");
        let other = permits.acquire('b').now_or_never().flatten();
        assert!(other.is_some(), "another key has its own share");
        assert!(permits.acquire('c').now_or_never().is_none(), "all permits are taken");
        drop((held, other));
        assert!(permits.acquire('a').now_or_never().flatten().is_some());
        assert!(permits.keys().is_empty(), "a key without permits and waiters takes no memory");
    }
}
