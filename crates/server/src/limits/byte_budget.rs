//! Bytes that may be held in memory at once: by all keys together, and by each key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A number of bytes that keys share. Cheap to clone.
#[derive(Debug)]
pub(crate) struct ByteBudget<K>(Arc<Inner<K>>);

impl<K> Clone for ByteBudget<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[derive(Debug)]
struct Inner<K> {
    all: usize,
    share: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    bytes: usize,
    by_key: HashMap<K, usize>,
}

/// Bytes that a key holds. Dropping it releases them.
#[derive(Debug)]
pub(crate) struct HeldBytes<K: Copy + Eq + Hash> {
    budget: ByteBudget<K>,
    key: K,
    bytes: usize,
}

impl<K: Copy + Eq + Hash> ByteBudget<K> {
    /// All keys together hold at most `all` bytes, each of them at most `share`.
    pub(crate) fn new(all: usize, share: usize) -> Self {
        let held = Held { bytes: 0, by_key: HashMap::new() };
        Self(Arc::new(Inner { all, share, held: Mutex::new(held) }))
    }

    /// Reserves bytes. None if they exceed the budget. One item that is larger than a share passes while its key holds
    /// nothing.
    pub(crate) fn reserve(&self, key: K, bytes: usize) -> Option<HeldBytes<K>> {
        self.add(key, bytes, true).then(|| HeldBytes { budget: self.clone(), key, bytes })
    }

    /// An empty reservation, which [`HeldBytes::grow`] enlarges.
    pub(crate) fn open(&self, key: K) -> HeldBytes<K> {
        HeldBytes { budget: self.clone(), key, bytes: 0 }
    }

    /// The bytes that all keys hold.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        self.held().bytes
    }

    fn add(&self, key: K, bytes: usize, may_pass_alone: bool) -> bool {
        let mut held = self.held();
        let own = held.by_key.get(&key).copied().unwrap_or_default();
        let fits = |held: usize, most: usize| held.saturating_add(bytes) <= most || (may_pass_alone && held == 0);
        let added = fits(own, self.0.share) && fits(held.bytes, self.0.all);
        if added && bytes > 0 {
            held.bytes += bytes;
            *held.by_key.entry(key).or_default() += bytes;
        }
        added
    }

    fn held(&self) -> MutexGuard<'_, Held<K>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> HeldBytes<K> {
    /// Reserves more bytes. False if they exceed the budget; then nothing is added.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let added = self.budget.add(self.key, bytes, false);
        self.bytes += if added { bytes } else { 0 };
        added
    }
}

impl<K: Copy + Eq + Hash> Drop for HeldBytes<K> {
    fn drop(&mut self) {
        let mut held = self.budget.held();
        held.bytes -= self.bytes;
        if let Some(own) = held.by_key.get_mut(&self.key) {
            *own -= self.bytes;
            if *own == 0 {
                held.by_key.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_bounds_each_key_and_all_of_them() {
        let budget = ByteBudget::new(25, 10);
        let first = budget.reserve('a', 6).unwrap();
        assert!(budget.reserve('a', 5).is_none(), "more than the share of this key");
        let mut other = budget.open('b');
        assert!(other.grow(10) && !other.grow(1));
        let third = budget.reserve('c', 9).unwrap();
        assert!(!budget.open('d').grow(1), "all bytes are held");
        drop((first, other, third));
        assert_eq!(budget.in_use(), 0);
        assert!(budget.held().by_key.is_empty());
        let large = budget.reserve('a', 30).unwrap();
        assert!(budget.reserve('a', 1).is_none(), "an item larger than a share passes only alone");
        drop(large);
        assert!(budget.reserve('a', 1).is_some());
    }
}
