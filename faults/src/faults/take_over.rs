//! A server dies with so many answers, and the other one takes all of them over.

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

/// Answers that a machine of two cores takes over in a second, with all their readers.
const A_SECOND: usize = 50;

pub(crate) struct TakeOver {
    pub(crate) name: &'static str,
    pub(crate) answers: usize,
}

#[async_trait]
impl Fault for TakeOver {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 3)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let settings = vec![("WEIR_RUNS_PER_USER", "2000".to_owned()), ("WEIR_RATE_BURST", "100000".to_owned())];
        Setup { redis: random.bool(), settings, ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        // The more there are, the slower: the answers are under way until the last question is asked.
        let rate = if self.answers > 100 { 4 } else { 50 };
        Load { questions: self.answers, tokens: 400, rate, readers: 1, socket: false }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        let more = Duration::from_secs((self.answers / A_SECOND) as u64);
        Tolerance { pause: Some(TAKE_OVER + more), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.everyone_is_shown_something().await?;
        // Every question is asked at the first server.
        scene.cluster.instances[0].kill().await?;
        scene.all_ended().await?;
        scene.cluster.instances[0].start().await
    }
}
