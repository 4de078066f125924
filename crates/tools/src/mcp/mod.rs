//! Tools of other programs: a client of the Model Context Protocol (2026-07-28 and 2025-11-25), over standard input and
//! output and over streamable HTTP.
//!
//! What a server says of its tools, and what they give, is other people's text: shown, cut and never believed.

mod address;
mod connection;
mod event_stream;
mod fault;
mod line_transport;
mod listener;
mod log;
mod malformed;
mod names;
mod oauth;
mod offered;
mod output;
mod process;
mod questions;
mod servers;

pub use address::faults;
pub use log::Line;
pub use oauth::{Back, Challenge, Going, Grant, Grants, GrantsError, Hold, Journey, SignInError, SignIns};
pub use servers::{Servers, State, Wanted};
