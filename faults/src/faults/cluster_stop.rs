//! All servers of a cluster are asked to stop at the same time: none hands its answers over to another one that stops too, and the
//! answers get the grace that is set.

use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;

use super::shared;
use crate::{
    client::SharedJournal,
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// More than any of the answers needs to its end.
const GRACE: Duration = Duration::from_secs(20);

pub(crate) struct ClusterStop;

#[async_trait]
impl Fault for ClusterStop {
    fn name(&self) -> &'static str {
        "cluster-stop"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 5)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let settings = vec![("WEIR_SHUTDOWN_GRACE", format!("{}s", GRACE.as_secs()))];
        Setup { redis: random.bool(), settings, ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        // Readers that come and go find no server to come back to.
        Load { tokens: 150, readers: 1, socket: false, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(Duration::from_secs(2)), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.everyone_is_shown_something().await?;
        for instance in &scene.cluster.instances {
            instance.terminate()?;
        }
        for instance in &mut scene.cluster.instances {
            let status = instance.ended().await?;
            ensure!(status.success(), "a server that was asked to stop ended with {status}");
        }
        let is_cut = |journal: &&SharedJournal| !journal.lock().is_done();
        let cut = scene.journals.iter().filter(is_cut).count();
        if cut > 0 {
            scene.complaints.push(format!("{cut} answers were abandoned although their grace was not over"));
        }
        for instance in &mut scene.cluster.instances {
            instance.start().await?;
        }
        Ok(())
    }
}
