//! Python packages in folders of their own: the user's Python stays as it is.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;

/// Puts packages of the Python Package Index, each named with its version, and the programs they bring into `folder`.
///
/// # Errors
/// When pip cannot be started, or fails.
pub(crate) fn install(folder: &Path, packages: &[&str]) -> Result<()> {
    process::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--no-warn-conflicts", "--only-binary", ":all:", "--upgrade", "--target"])
            .arg(folder)
            .args(packages)
            // As root in a throw-away machine that is what is meant.
            .env("PIP_ROOT_USER_ACTION", "ignore"),
    )
}
