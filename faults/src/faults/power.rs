//! The power is cut: the disk keeps what had reached it.
//!
//! The server is frozen, the image of its disk is copied while it is mounted, and everything starts again from the copy.
//! What the kernel had only in memory is gone with that, as it is with the power.

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;

use crate::{
    cluster::Setup,
    play::{Fault, Need},
    scene::Scene,
};

/// Cuts the power of a server with this `WEIR_DURABILITY`.
pub(crate) struct Power {
    pub(crate) name: &'static str,
    pub(crate) durability: &'static str,
}

#[async_trait]
impl Fault for Power {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Namespace, Need::Installed("/usr/sbin/mkfs.ext4", "e2fsprogs")]
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        Setup {
            disk_mib: Some(32),
            settings: vec![("WEIR_DURABILITY", self.durability.to_owned())],
            ..Setup::default()
        }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for _ in 0..scene.random.usize(1..3) {
            scene.a_moment().await?;
            scene.weir().freeze()?;
            // What the readers were shown up to here, and nothing after it, was sent before the power went.
            let cut = scene.cluster.disk.as_ref().context("no disk")?.cut_power()?;
            scene.weir().kill().await?;
            scene.cluster.disk.as_ref().context("no disk")?.restore_power(cut)?;
            scene.weir().start().await?;
        }
        Ok(())
    }
}
