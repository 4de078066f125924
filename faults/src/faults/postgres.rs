//! PostgreSQL goes wrong. It holds the truth, so everybody waits for it; and nobody takes anything over meanwhile.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use weir_services::Shutdown;

use super::{TAKE_OVER, shared};
use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// What happens to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Postgres {
    /// It is stopped as in a crash, and recovers.
    Immediate,
    /// All its connections are ended, several times.
    Backends,
    /// It does not move for ten seconds.
    Stalled,
}

/// Ends all connections of servers.
const END_BACKENDS: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'weir' AND pid <> pg_backend_pid()";

/// For so long it is frozen.
const STALL: Duration = Duration::from_secs(10);

#[async_trait]
impl Fault for Postgres {
    fn name(&self) -> &'static str {
        match self {
            Self::Immediate => "postgres-immediate",
            Self::Backends => "postgres-backends",
            Self::Stalled => "postgres-stalled",
        }
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (u64::from(matches!(self, Self::Backends)), 5)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 400, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        let away = if matches!(self, Self::Stalled) { STALL } else { Duration::from_secs(2) };
        Tolerance { pause: Some(away + TAKE_OVER), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        match self {
            Self::Immediate => {
                scene.cluster.postgres()?.stop(Shutdown::Immediate)?;
                scene.pass(Duration::from_secs(2)).await;
                scene.cluster.postgres()?.start_again()
            }
            Self::Backends => {
                for _ in 0..3 {
                    scene.cluster.sql(END_BACKENDS)?;
                    let rest = Duration::from_millis(scene.random.u64(100..1500));
                    scene.pass(rest).await;
                }
                Ok(())
            }
            Self::Stalled => {
                let processes = processes(scene.cluster.postgres()?.pid()?)?;
                for process in &processes {
                    kill_process(*process, Signal::STOP)?;
                }
                scene.pass(STALL).await;
                for process in &processes {
                    kill_process(*process, Signal::CONT)?;
                }
                Ok(())
            }
        }
    }
}

/// A process and its children.
fn processes(parent: Pid) -> Result<Vec<Pid>> {
    let id = parent.as_raw_pid();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).context("no list of children")?;
    let children = children.split_ascii_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?));
    Ok([parent].into_iter().chain(children).collect())
}
