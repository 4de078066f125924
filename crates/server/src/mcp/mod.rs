//! The Model Context Protocol on both sides: other people's servers, and this one as a server.

pub(crate) mod bridge;
mod fleet;
mod grants;
pub(crate) mod service;
mod sessions;
mod sign_in;

pub use fleet::{ConfiguredServer, Fleet, FleetError};
pub use sign_in::ConnectError;
pub(crate) use sign_in::{Browser, Returned};
