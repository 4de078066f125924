//! Finding 14: other users of the machine read the data directory.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Result;
use async_trait::async_trait;

use super::Play;
use crate::scene::Scene;

pub(crate) struct FileModes;

#[async_trait]
impl Play for FileModes {
    fn name(&self) -> &'static str {
        "file-modes"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        scene.victim.message(None, "something to store").await?;
        check(scene)
    }

    async fn aftermath(&self, scene: &mut Scene) -> Result<()> {
        scene.stop_in_time().await?;
        // With PostgreSQL there is no data directory.
        for path in tree(scene.weir().data_dir())?.into_iter().filter(|path| path.exists()) {
            let mode = if path.is_dir() { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        scene.weir().start().await?;
        scene.victim.message(None, "something more").await?;
        check(scene)
    }
}

/// Checks that nobody but the owner may read anything.
fn check(scene: &mut Scene) -> Result<()> {
    let paths = tree(scene.weir().data_dir())?;
    for path in paths {
        // Files of the database come and go.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        let name = path.file_name().unwrap_or_default().display().to_string();
        scene.check(mode.trailing_zeros() >= 6, || format!("{name} in the data directory has the mode {mode:03o}"));
    }
    Ok(())
}

/// Lists a directory and everything below it.
pub(super) fn tree(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
        }
        next += 1;
    }
    Ok(paths)
}
