//! kosoku, which plays the cases of the Autobahn WebSocket suite.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::pip;

const VERSION: &str = "0.1.0";

/// Puts the program and its Python package into a folder below `scratch`, unless they are there.
pub(crate) fn install(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("kosoku");
    // pip writes this last.
    if folder.join(format!("kosoku-{VERSION}.dist-info/RECORD")).is_file() && folder.join("bin/kosoku").is_file() {
        println!("    kosoku {VERSION} is there");
        return Ok(folder);
    }
    pip::install(&folder, &[&format!("kosoku=={VERSION}")])?;
    Ok(folder)
}
