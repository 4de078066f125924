//! `cargo xtask faults`: real faults against real servers; `docs/reliability.md` says which and what came of them.

use std::process::Command;

use anyhow::Result;

use crate::process::{self, Finished};
use crate::setup::{self, Purpose};
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// Builds the server and the suite as the tests do, or as users run it after `--release`, and hands on the other arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (profile, arguments) = Profile::taken(arguments);
    drop(setup::run(workspace, Purpose::Test)?);
    terminal::step("Server and fault suite", || process::run(&mut workspace.build_programs(profile)))?;
    terminal::heading("Faults");
    process::run(suite(workspace, profile).args(arguments))
}

/// The part of it that belongs to every test run.
pub(crate) fn run_short(workspace: &Workspace) -> Result<Finished> {
    process::run_recorded(suite(workspace, Profile::Dev).arg("--short"))
}

fn suite(workspace: &Workspace, profile: Profile) -> Command {
    let weir = workspace.binary(profile);
    let mut command = Command::new(weir.with_file_name("weir-faults"));
    command.arg("--binary").arg(weir);
    command
}
