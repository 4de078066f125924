//! kosoku, which plays the cases of the Autobahn WebSocket suite.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

const VERSION: &str = "0.1.0";

/// Puts the program and its Python package into a folder below `scratch`, unless they are there. The user's own Python stays
/// as it is.
pub(crate) fn install(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("kosoku");
    // pip writes this last.
    if folder.join(format!("kosoku-{VERSION}.dist-info/RECORD")).is_file() && folder.join("bin/kosoku").is_file() {
        println!("    kosoku {VERSION} is there");
        return Ok(folder);
    }
    process::run(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"])
            .args(["--only-binary", ":all:", "--upgrade", "--target"])
            .arg(&folder)
            .arg(format!("kosoku=={VERSION}"))
            // As root in a throw-away machine that is what is meant.
            .env("PIP_ROOT_USER_ACTION", "ignore"),
    )?;
    Ok(folder)
}
