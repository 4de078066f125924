//! Programs that are not ours, for the tests: MCP servers, a provider of `OpenID` Connect, and what Prometheus reads metrics with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::pip;
use crate::process;

/// From npm, and from the Python Package Index.
const OF_NPM: [&str; 3] = [
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "oidc-provider@9.13.3",
];
const OF_PYPI: [&str; 2] = ["mcp-server-time==2026.10.19", "prometheus-client==0.26.0"];

/// Puts them into a folder below `scratch`, unless they are there: `node_modules` and `python`.
pub(crate) fn install(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("programs");
    // npm writes this last.
    if !folder.join("node_modules/.package-lock.json").is_file() {
        process::run(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel", "error"])
                .arg("--prefix")
                .arg(&folder)
                .args(OF_NPM),
        )?;
    }
    let python = folder.join("python");
    if !["mcp_server_time", "prometheus_client"].iter().all(|package| python.join(package).is_dir()) {
        pip::install(&python, &OF_PYPI)?;
    }
    println!("    the programs of others are in {}", folder.display());
    Ok(folder)
}
