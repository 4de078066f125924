//! Programs that are not ours; `cargo xtask test` installs them.

use std::path::PathBuf;

const PROGRAMS: &str = "WEIR_TEST_PROGRAMS";

/// The folder with `node_modules` and `python`; none, and a line that says so, where a test is run by itself.
pub(crate) fn programs() -> Option<PathBuf> {
    let programs = std::env::var_os(PROGRAMS).map(PathBuf::from);
    if programs.is_none() {
        eprintln!("{PROGRAMS} is not set: the programs of others are left out");
    }
    programs
}
