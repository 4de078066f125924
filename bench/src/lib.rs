//! A scripted OpenAI-compatible upstream, and what the measurements share.

pub mod upstream;
