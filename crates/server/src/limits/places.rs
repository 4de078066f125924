//! How many of something each may hold at this instance: a person sockets, an address connections.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Who holds how many. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Places<K> {
    held: Arc<Mutex<HashMap<K, u32>>>,
    most: u32,
}

/// The right to one of them; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    places: Places<K>,
    key: K,
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// Each may hold this many.
    pub(crate) fn new(most: u32) -> Self {
        Self { held: Arc::default(), most }
    }

    /// One more place; none for who holds too many.
    pub(crate) fn take(&self, key: K) -> Option<Place<K>> {
        let mut held = self.held();
        let count = held.entry(key).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Place { places: self.clone(), key })
    }
}

impl<K> Places<K> {
    fn held(&self) -> MutexGuard<'_, HashMap<K, u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut held = self.places.held();
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}
