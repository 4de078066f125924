//! A rolling restart: two servers behind nginx, asked to stop and started again one after the other.

use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;

use super::shared;
use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

pub(crate) struct Rolling;

#[async_trait]
impl Fault for Rolling {
    fn name(&self) -> &'static str {
        "rolling"
    }

    fn needs(&self) -> Vec<Need> {
        [shared(), vec![Need::Nginx]].concat()
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 10)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), proxy: true, ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 400, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(Duration::from_secs(1)), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for number in 0..2 {
            scene.a_moment().await?;
            let instance = &mut scene.cluster.instances[number];
            instance.terminate()?;
            let status = instance.ended().await?;
            ensure!(status.success(), "a server that was asked to stop ended with {status}");
            scene.cluster.instances[number].start().await?;
            scene.ask(Load { questions: 1, tokens: 100, ..self.load() }).await?;
        }
        Ok(())
    }
}
