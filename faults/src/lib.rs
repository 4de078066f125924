//! The fault suite: real faults against real servers, and one oracle that misses nothing.
//!
//! A *play* is one fault with one seed. It starts its own servers, asks questions whose answers a scripted upstream knows,
//! sends readers that write down what they are shown, strikes, waits until every answer has ended, and lets the oracle
//! compare the readers' journals, the servers' logs and the upstream's texts.

mod client;
mod cluster;
mod faults;
mod marks;
mod namespace;
mod oracle;
mod play;
mod scene;
mod suite;
mod table;

pub use client::{Answer, Journal};
pub use cluster::{Cluster, Database, Instance, Setup};
pub use suite::{Args, duration, run};
