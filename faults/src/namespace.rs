//! A network, mounts and processes of the suite's own: nothing it does touches the machine, and nothing outlives it.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result, ensure};

/// Set inside.
const INSIDE: &str = "WEIR_FAULTS_INSIDE";

/// Goes on inside namespaces of its own, if this user may make them: then this process is replaced and this function
/// does not return. Elsewhere the faults that need them are left out, and the table says so.
///
/// # Errors
/// When the namespaces were made but cannot be used.
pub(crate) fn enter() -> Result<()> {
    if is_inside() {
        return run(Command::new("ip").args(["link", "set", "lo", "up"]));
    }
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    // When the outer process ends, the kernel kills everything inside; the mounts and the network go with it.
    let failed = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(INSIDE, "yes")
        .exec();
    eprintln!("no namespaces of its own ({failed}): faults of the network and of disks are left out");
    Ok(())
}

/// Whether this process has a network and mounts of its own.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or fails; with what it said.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("{} cannot be started", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", said.trim());
    Ok(())
}
