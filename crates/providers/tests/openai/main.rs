//! The OpenAI-compatible provider against servers of every manner, down to the bytes on the socket.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

mod answers;
mod failures;
mod models;
mod server;
