//! How many of something each may hold at this instance: a person sockets, an address connections.

use std::{
    collections::HashMap,
    hash::Hash,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

/// A socket that is counted until it is closed.
pub(crate) struct Counted<S, K: Eq + Hash> {
    socket: S,
    _place: Place<K>,
}

impl<S, K: Eq + Hash> Counted<S, K> {
    pub(crate) fn new(socket: S, place: Place<K>) -> Self {
        Self { socket, _place: place }
    }
}

impl<S: AsyncRead + Unpin, K: Eq + Hash + Unpin> AsyncRead for Counted<S, K> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin, K: Eq + Hash + Unpin> AsyncWrite for Counted<S, K> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
