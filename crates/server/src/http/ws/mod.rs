//! `WebSocket` (RFC 6455), subprotocol `weir.v1`: numbered sessions that outlive their socket.
//!
//! One task serves one socket. It owns the client's [`Held`](held::Held) session alone, so there is nothing to lock; a socket that
//! wants to go on with a session asks the task that holds it.

mod connection;
mod frame;
mod frame_meter;
mod held;
mod serve;
mod sessions;
mod subscriptions;
mod topics;
mod upgrade;
mod waiting;

#[cfg(test)]
mod simulation;

pub use sessions::Sessions;
pub(crate) use upgrade::{__path_connect, connect};
pub use waiting::WaitingLimits;
