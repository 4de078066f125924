//! The disk is full for some seconds: running answers wait, new questions are refused with 503, and then all goes on.

use std::{fs, io::Write as _, time::Duration};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use fastrand::Rng;

use crate::{
    cluster::Setup,
    play::{Fault, Need},
    scene::{Load, Scene},
};

pub(crate) struct DiskFull;

#[async_trait]
impl Fault for DiskFull {
    fn name(&self) -> &'static str {
        "disk-full"
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Namespace, Need::Installed("/usr/sbin/mkfs.ext4", "e2fsprogs")]
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 3)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        Setup { disk_mib: Some(16), ..Setup::default() }
    }

    fn load(&self) -> Load {
        Load { tokens: 300, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        let ballast = scene.cluster.disk.as_ref().context("no disk")?.path().join("ballast");
        fill(&ballast)?;
        // SQLite may still have room in the blocks it has already; then the first questions get in.
        let refused = scene.refused_question(Duration::from_secs(20)).await?;
        if !refused {
            scene.complaints.push("a full disk refuses no question".to_owned());
        }
        scene.pass(Duration::from_secs(3)).await;
        fs::remove_file(ballast)?;
        scene.ask(Load { questions: 1, ..self.load() }).await
    }
}

/// Writes until there is no room for another block.
pub(super) fn fill(path: &std::path::Path) -> Result<()> {
    let mut file = fs::File::create(path)?;
    for size in [1 << 20, 1 << 12] {
        loop {
            match file.write_all(&vec![0; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => bail!("the disk cannot be filled: {error}"),
            }
        }
    }
    Ok(file.sync_all()?)
}
