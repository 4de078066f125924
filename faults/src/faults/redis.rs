//! Redis goes wrong. It carries only the bell, so nothing may be lost, and nobody waits longer than for a look at the log.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;
use rustix::process::{Signal, kill_process};

use super::{POLL, shared};
use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// What happens to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Redis {
    /// It is killed, and starts again, empty.
    Killed,
    /// Somebody empties it and throws all its clients out.
    Emptied,
    /// It is frozen for five seconds.
    Paused,
}

#[async_trait]
impl Fault for Redis {
    fn name(&self) -> &'static str {
        match self {
            Self::Killed => "redis-killed",
            Self::Emptied => "redis-emptied",
            Self::Paused => "redis-paused",
        }
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (u64::from(matches!(self, Self::Killed)), 5)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        Setup { redis: true, ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 400, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(POLL), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        match self {
            Self::Killed => {
                scene.cluster.redis.as_mut().context("no Redis")?.kill()?;
                scene.pass(Duration::from_secs(3)).await;
                scene.cluster.redis.as_mut().context("no Redis")?.start_again()
            }
            Self::Emptied => {
                for command in ["FLUSHALL", "CLIENT KILL TYPE pubsub", "CLIENT KILL TYPE normal"] {
                    scene.tell_redis(command).await?;
                }
                Ok(())
            }
            Self::Paused => {
                let id = scene.cluster.redis.as_ref().context("no Redis")?.pid();
                kill_process(id, Signal::STOP)?;
                scene.pass(Duration::from_secs(5)).await;
                Ok(kill_process(id, Signal::CONT)?)
            }
        }
    }
}
