//! Servers are killed in the middle of jobs: some may be run again, some must not be.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use fastrand::Rng;
use serde_json::json;

use super::shared;
use crate::{
    cluster::Setup,
    marks,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// Calls before each kill.
const CALLS: usize = 6;

/// So many servers, one of which is killed one to three times; where there is another one, it takes the jobs over.
pub(crate) struct Jobs {
    pub(crate) name: &'static str,
    pub(crate) instances: usize,
}

#[async_trait]
impl Fault for Jobs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Vec<Need> {
        if self.instances > 1 { shared() } else { Vec::new() }
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let of_one = Setup { marks: true, ..Setup::default() };
        if self.instances == 1 {
            return of_one;
        }
        Setup { marks: true, redis: random.bool(), ..Setup::cluster(self.instances) }
    }

    fn load(&self) -> Load {
        Load { questions: 1, tokens: 100, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for _ in 0..scene.random.usize(1..4) {
            for _ in 0..CALLS {
                let seconds = f64::from(scene.random.u8(1..30)) / 10.0;
                if scene.random.bool() {
                    scene.call("wait", json!({ "seconds": seconds })).await?;
                } else {
                    let mark = format!("{:032x}", scene.random.u128(..));
                    scene.call(marks::TOOL, json!({ "mark": mark, "seconds": seconds })).await?;
                }
            }
            let moment = Duration::from_millis(scene.random.u64(0..2500));
            scene.pass(moment).await;
            let victim = scene.random.usize(0..self.instances);
            scene.cluster.instances[victim].kill().await?;
            if self.instances > 1 {
                let away = Duration::from_millis(scene.random.u64(0..5000));
                scene.pass(away).await;
            }
            scene.cluster.instances[victim].start().await?;
        }
        Ok(())
    }
}
