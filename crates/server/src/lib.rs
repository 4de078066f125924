//! The Weir server: configuration, HTTP, the embedded web app.

pub mod access;
pub mod app;
mod backup;
pub mod cli;
pub mod config;
pub mod connections;
mod data_dir;
mod descriptors;
pub mod http;
mod launcher;
pub mod lifecycle;
pub mod limits;
mod maintenance;
pub mod mcp;
pub mod metrics;
pub mod openapi;
pub mod serve;
mod telemetry;
mod token_command;
mod web;
mod write_timeout;
