//! Makes a machine ready: installs what it may, names the rest, and is quick when nothing is missing.

use std::process::Command;

use anyhow::{Context, Result, bail};
use weir_services::find_program;

use crate::pnpm::Pnpm;
use crate::prerequisites::{self, Missing};
use crate::process;
use crate::terminal;
use crate::workspace::Workspace;

/// What the machine is to be ready for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building and running.
    Run,
    /// The same, and every check and test.
    Test,
}

/// Installs or names what is missing, and gives the pnpm with which to go on.
///
/// # Errors
/// One sentence that names everything that is missing, with the remedy.
pub(crate) fn run(workspace: &Workspace, purpose: Purpose) -> Result<Pnpm> {
    provide(|| prerequisites::missing(purpose, may_install_packages()))?;
    let pnpm = Pnpm::find_or_install(workspace)?;
    pnpm.install_dependencies(workspace)?;
    Ok(pnpm)
}

/// Installs or names what is missing of the servers that tests start for themselves.
///
/// # Errors
/// As [`run`].
pub(crate) fn servers() -> Result<()> {
    provide(prerequisites::missing_servers)
}

/// Looks for what is missing, installs of it what it may, and looks again.
fn provide(look: impl Fn() -> Vec<Missing>) -> Result<()> {
    let mut missing = look();
    if !prerequisites::packages(&missing).is_empty() && may_install_packages() {
        terminal::step("System packages", || install_packages(&missing))?;
        missing = look();
    }
    if !missing.is_empty() {
        bail!("{}", prerequisites::sentence(&missing, has_apt()));
    }
    Ok(())
}

fn has_apt() -> bool {
    find_program("apt-get").is_some()
}

fn may_install_packages() -> bool {
    has_apt() && rustix::process::geteuid().is_root()
}

fn install_packages(missing: &[Missing]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::run(&mut command)
    };
    let packages = prerequisites::packages(missing);
    apt(&["update", "-qq"])
        .and_then(|()| apt(&[["install", "--yes", "-qq", "--no-install-recommends"].as_slice(), &packages].concat()))
        .with_context(|| prerequisites::sentence(missing, true))
}
