//! The Model Context Protocol on both sides: other people's servers, and this one as a server.

mod fleet;

pub use fleet::{ConfiguredServer, Fleet, FleetError};
