//! The handlers: extract, ask, answer.

pub(crate) mod account;
pub(crate) mod conversations;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod mcp_servers;
pub(crate) mod mcp_sign_in;
pub(crate) mod messages;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod realtime;
pub(crate) mod telemetry;
pub(crate) mod tools;
