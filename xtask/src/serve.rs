//! `cargo xtask serve`: from a fresh clone to a running Weir.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build;
use crate::model;
use crate::setup::{self, Purpose};
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// Sets up, builds, and becomes the server, which says where to open the app as soon as it listens.
///
/// The server replaces this process, so that Ctrl-C and every other signal reach it directly.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let pnpm = setup::run(workspace, Purpose::Run)?;
    build::release(workspace, &pnpm)?;
    let weir = workspace.binary(Profile::Release);
    model::pull_if_wanted(&weir);
    terminal::heading("Weir");
    let error = Command::new(&weir).current_dir(workspace.root()).arg("serve").args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", weir.display()))
}
