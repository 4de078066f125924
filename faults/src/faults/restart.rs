//! The only server is asked to stop in mid-answer, and started again.

use anyhow::{Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;

use crate::{cluster::Setup, play::Fault, scene::Scene};

pub(crate) struct Restart;

#[async_trait]
impl Fault for Restart {
    fn name(&self) -> &'static str {
        "restart"
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let grace = format!("{}ms", random.u64(0..500));
        Setup { settings: vec![("WEIR_SHUTDOWN_GRACE", grace)], ..Setup::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for _ in 0..scene.random.usize(1..3) {
            scene.a_moment().await?;
            scene.weir().terminate()?;
            let status = scene.weir().ended().await?;
            ensure!(status.success(), "a server that was asked to stop ended with {status}");
            scene.weir().start().await?;
        }
        Ok(())
    }
}
