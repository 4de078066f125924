//! One client's numbered conversation with the server: which frames were given, and which of them can be given again.
//!
//! It knows neither sockets nor time: whoever holds it decides when a frame is sent and when the session is forgotten.

use std::collections::VecDeque;

use crate::measure::{HELD_BYTES, size};

/// How many unacknowledged frames a session keeps at most.
pub const KEPT_FRAMES: usize = 4096;
/// How many bytes of unacknowledged frames a session keeps at most.
pub const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The frames of one session, numbered from 1 without gaps.
///
/// What is not acknowledged is kept, the oldest of it no longer when there are more than [`KEPT_FRAMES`] or
/// [`KEPT_BYTES`]. So a client that never acknowledges can go on for as long as it likes; it can only be resumed from a
/// number that is still covered, never with a gap.
#[derive(Debug)]
pub struct Session<F> {
    /// The newest frame's number; 0 before the first.
    newest: u64,
    /// Frames up to this number can't be given again.
    forgotten: u64,
    /// The frames from `forgotten + 1` to `newest`.
    kept: VecDeque<Kept<F>>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept<F> {
    frame: F,
    bytes: usize,
}

/// The client names a frame that was never given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("frame {named} was never sent; the newest is {newest}")]
pub struct NeverSent {
    /// What the client named.
    pub named: u64,
    /// The newest frame's number.
    pub newest: u64,
}

impl<F> Default for Session<F> {
    fn default() -> Self {
        Self { newest: 0, forgotten: 0, kept: VecDeque::new(), bytes: 0 }
    }
}

impl<F> Session<F> {
    /// The newest frame's number; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// How many frames are kept.
    pub fn count(&self) -> usize {
        self.kept.len()
    }

    /// Bytes of the frames that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a frame, which takes `bytes`, under the next number.
    pub fn push(&mut self, frame: F, bytes: usize) -> u64 {
        self.newest += 1;
        self.bytes += bytes;
        HELD_BYTES.increment(size(bytes));
        self.kept.push_back(Kept { frame, bytes });
        while self.kept.len() > KEPT_FRAMES || self.bytes > KEPT_BYTES {
            self.forget_oldest();
        }
        self.newest
    }

    /// Forgets the frames up to `seq`; those that were acknowledged before stay so.
    ///
    /// # Errors
    /// [`NeverSent`]; nothing has changed then.
    pub fn ack(&mut self, seq: u64) -> Result<(), NeverSent> {
        if seq > self.newest {
            return Err(NeverSent { named: seq, newest: self.newest });
        }
        while self.forgotten < seq {
            self.forget_oldest();
        }
        if self.kept.is_empty() {
            self.kept.shrink_to(64);
        }
        Ok(())
    }

    /// Whether every frame after `seq` can be given again, and `seq` itself was given.
    pub fn covers(&self, seq: u64) -> bool {
        (self.forgotten..=self.newest).contains(&seq)
    }

    /// The frame of this number, if it is kept.
    pub fn frame(&self, seq: u64) -> Option<&F> {
        let index = usize::try_from(seq.checked_sub(self.forgotten + 1)?).ok()?;
        self.kept.get(index).map(|kept| &kept.frame)
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= oldest.bytes;
            HELD_BYTES.decrement(size(oldest.bytes));
            self.forgotten += 1;
        }
    }
}

impl<F> Drop for Session<F> {
    fn drop(&mut self) {
        HELD_BYTES.decrement(size(self.bytes));
    }
}
