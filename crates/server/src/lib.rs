//! The Weir server: configuration, HTTP, the embedded web app.

mod admission;
pub mod app;
pub mod cli;
pub mod config;
mod connections;
mod data_dir;
pub mod http;
pub mod mcp;
pub mod openapi;
pub mod serve;
mod telemetry;
mod web;
