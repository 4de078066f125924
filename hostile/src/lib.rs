//! The hostile suite: attacks on a real server, and what another user notices of them.
//!
//! A *play* is one kind of attack. It starts a server with three accounts, attacks it with one of them, and compares the
//! answers with the contract. Meanwhile a watcher measures `/healthz`, the `/api/me` of another user, the memory of the
//! server and its children, and whether the process is still the same.

mod accounts;
mod connection;
mod findings;
mod generate;
mod mcp_client;
mod odd_mcp;
mod odd_model;
mod odd_provider;
mod person;
mod plays;
mod processes;
mod scene;
mod shapes;
mod socket;
mod suite;
mod table;
mod watch;

pub use suite::{Args, run};
