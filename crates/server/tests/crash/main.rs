//! The real binary, killed at random moments: what a reader saw is never lost, and every answer comes to an end.
//!
//! `WEIR_CRASH_SEEDS=200` tries so many seeds instead of the usual dozen; `WEIR_CRASH_SEED=17` tries just that one.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

mod backup;
mod edges;
mod process;
mod reading;
mod scenario;
mod signals;
mod traces;
