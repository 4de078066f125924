//! `cargo xtask bench`: the benchmarks of the bench/ folder, run against the release binary.

use anyhow::Result;

use crate::build;
use crate::process;
use crate::setup::{self, Purpose};
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// Builds Weir as users run it and hands the arguments to the benchmark program.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let pnpm = setup::run(workspace, Purpose::Run)?;
    build::release(workspace, &pnpm)?;
    terminal::heading("Benchmark");
    process::run(
        workspace
            .cargo()
            .args(["run", "--release", "--locked", "--package", "weir-bench", "--"])
            .args(arguments)
            .env("WEIR_BINARY", workspace.binary(Profile::Release)),
    )
}
