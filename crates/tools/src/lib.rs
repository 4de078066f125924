//! Tools: what they are, what they take, the built-in ones, and those of MCP servers.
//!
//! A tool knows neither the store nor the log. Whoever calls it writes down what it reports.

pub mod builtin;
pub mod mcp;

mod call;
mod canonical_host;
mod named_hosts;
mod outside;
mod own_thread;
mod permission_rules;
mod reading;
mod registry;
mod sandbox;
mod schema;
mod tool;

pub use call::{Asked, Call, CallPermissions, Report, ToolError};
pub use canonical_host::CanonicalHost;
pub use outside::{Outside, Refused};
pub use own_thread::OwnThread;
pub use permission_rules::{PermissionRules, rule_fault};
pub use registry::{RegisteredTool, Registry, callable};
pub use sandbox::{Sandbox, TIME as SANDBOX_TIME, run_sandbox};
pub use schema::{ArgumentSchema, SchemaError, Verdict};
pub use tool::{About, Callable, Spec, TIMEOUT, Tool};
