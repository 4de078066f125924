//! The Model Context Protocol on both sides: other people's servers, and this one as a server.

pub(crate) mod bridge;
mod fleet;
pub(crate) mod service;

pub use fleet::{ConfiguredServer, Fleet, FleetError};
