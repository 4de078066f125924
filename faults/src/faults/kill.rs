//! The only server is killed at random moments and started again.

use anyhow::Result;
use async_trait::async_trait;
use fastrand::Rng;

use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::Fault,
    scene::{Load, Scene},
};

pub(crate) struct Kill;

#[async_trait]
impl Fault for Kill {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn seeds(&self) -> (u64, u64) {
        (8, 300)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let durability = if random.bool() { "disk" } else { "process" };
        let continues = random.u8(0..3) > 0;
        let settings = vec![("WEIR_DURABILITY", durability.to_owned()), ("OPENAI_CONTINUES", continues.to_string())];
        Setup { settings, ..Setup::default() }
    }

    fn load(&self) -> Load {
        Load { questions: 3, tokens: 120, rate: 250, ..Load::default() }
    }

    fn tolerance(&self, setup: &Setup) -> Tolerance {
        let partial = setup.settings.contains(&("OPENAI_CONTINUES", false.to_string()));
        Tolerance { partial, ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for _ in 0..scene.random.usize(1..4) {
            scene.a_moment().await?;
            scene.weir().kill().await?;
            scene.weir().start().await?;
        }
        Ok(())
    }
}
