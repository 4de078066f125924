//! `cargo xtask hostile`: attacks on a real server; `docs/hostile.md` describes the plays and the table.

use std::process::Command;

use anyhow::Result;

use crate::process::{self, Finished};
use crate::setup::{self, Purpose};
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// Builds the server and the suite as the tests do, or as users run it after `--release`, and passes the other arguments on.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (profile, arguments) = Profile::taken(arguments);
    drop(setup::run(workspace, Purpose::Test)?);
    terminal::step("Server and hostile suite", || process::run(&mut workspace.build_programs(profile)))?;
    terminal::heading("Hostile suite");
    process::run(suite(workspace, profile).args(arguments))
}

/// Plays the short part, which belongs to every test run.
pub(crate) fn run_short(workspace: &Workspace) -> Result<Finished> {
    process::run_recorded(suite(workspace, Profile::Dev).arg("--short"))
}

fn suite(workspace: &Workspace, profile: Profile) -> Command {
    let weir = workspace.binary(profile);
    let mut command = Command::new(weir.with_file_name("weir-hostile"));
    command.arg("--binary").arg(weir);
    command
}
