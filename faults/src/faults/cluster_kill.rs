//! Two servers on one PostgreSQL: one is killed or frozen, and the other takes its answers over.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use fastrand::Rng;

use super::{TAKE_OVER, shared};
use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// Longer than any lease.
const FROZEN: Duration = Duration::from_secs(8);

/// A server is killed with `SIGKILL`, stays away for a while, and comes back.
pub(crate) struct ClusterKill;

#[async_trait]
impl Fault for ClusterKill {
    fn name(&self) -> &'static str {
        "cluster-kill"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 50)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 300, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(TAKE_OVER), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for _ in 0..scene.random.usize(1..4) {
            scene.a_moment().await?;
            let victim = scene.random.usize(0..2);
            scene.cluster.instances[victim].kill().await?;
            let away = Duration::from_millis(scene.random.u64(0..8000));
            scene.pass(away).await;
            scene.cluster.instances[victim].start().await?;
        }
        Ok(())
    }
}

/// A server is frozen for longer than its lease, and wakes up when another one has gone on with its answers. What it still
/// has in its hands may not get into any log.
pub(crate) struct Zombie;

#[async_trait]
impl Fault for Zombie {
    fn name(&self) -> &'static str {
        "zombie"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 500, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        // Its readers find out by its silence, and only then knock elsewhere.
        Tolerance { pause: Some(TAKE_OVER + crate::client::SILENCE), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        let victim = scene.random.usize(0..2);
        scene.cluster.instances[victim].freeze()?;
        scene.pass(FROZEN).await;
        scene.cluster.instances[victim].thaw()
    }
}
