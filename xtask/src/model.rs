//! The embedded model's file, which the `weir` binary fetches itself.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::terminal;

/// Fetches the model into the user's cache folder, unless it is there.
pub(crate) fn pull(weir: &Path) -> Result<()> {
    process::run(Command::new(weir).args(["model", "pull"]))
}

/// Fetches the model if a run of Weir would use it; Weir also works without, so a failure is only told.
pub(crate) fn pull_if_wanted(weir: &Path) {
    // A model of the user's own, or none at all, is wanted.
    if std::env::var_os("WEIR_LOCAL_MODEL").is_some_and(|choice| !choice.is_empty()) {
        return;
    }
    terminal::heading("Model");
    if let Err(error) = pull(weir) {
        eprintln!(
            "warning: the embedded model could not be fetched ({error:#}), so Weir starts without it; \
             `weir model pull` tries again, and OPENAI_BASE_URL plugs in another one"
        );
    }
}
