//! The embedded model: a child process of the same binary that runs llama.cpp, and the provider that speaks to it.
//!
//! A failed assertion inside the engine aborts its process. So it has one of its own: a crash is an error that a run
//! survives, the memory goes back when nobody asks, and the niceness keeps it from starving the server.

mod child;
mod crash_loop;
mod engine;
mod frame;
mod options;
mod processor;
mod provider;
mod trim;

pub use engine::run_engine;
pub use options::{EmbeddedOptions, EngineLimits};
pub use provider::{EmbeddedProvider, EngineStats};
