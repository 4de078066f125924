//! The wire contract, rule by rule: `docs/rules.md` numbers the rules, and the tests carry the numbers in their names.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

mod accounts;
mod app;
mod authorisation;
mod built_in_tools;
mod cancelling;
mod client;
mod contact;
mod conversations;
mod errors;
mod first_start;
mod fuzz;
mod headers;
mod hostile_input;
mod idempotency;
mod invites;
mod isolation;
mod limits;
mod mcp_client;
mod mcp_conformance;
mod mcp_desk;
mod mcp_fixture;
mod mcp_real;
mod mcp_servers;
mod mcp_service;
mod mcp_sign_in;
mod mcp_sign_in_real;
mod metrics;
mod open_id;
mod pages;
mod people;
mod programs;
mod providers;
mod recorded;
mod replay;
mod revoking;
mod rules;
mod runs;
mod sessions;
mod snapshot;
mod sockets;
mod storm;
mod telemetry;
mod tokens;
mod tools;
