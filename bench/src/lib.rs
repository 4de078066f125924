//! A scripted OpenAI-compatible upstream, and what the measurements share.

mod json;
pub mod upstream;

pub use json::Json;
