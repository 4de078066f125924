//! The server is asked to stop while its disk is full: it ends in time and says that not everything was committed, and the next
//! start continues every answer.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;
use tokio::time::timeout;

use super::disk_full::fill;
use crate::{
    cluster::Setup,
    play::{Fault, Need},
    scene::{Load, Scene},
};

const GRACE: Duration = Duration::from_secs(1);
/// Beyond the grace of answers, the time after which a server has ended, whatever its database does.
const STOP_TIME: Duration = Duration::from_secs(5);
/// The exit code of a server that stopped before everything was committed.
const UNCOMMITTED: i32 = 3;
/// How long the server may take to notice that its writes fail.
const NOTICED: Duration = Duration::from_secs(20);

pub(crate) struct TermUnwritable;

#[async_trait]
impl Fault for TermUnwritable {
    fn name(&self) -> &'static str {
        "term-unwritable"
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Namespace, Need::Installed("/usr/sbin/mkfs.ext4", "e2fsprogs")]
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 3)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        let grace = format!("{}s", GRACE.as_secs());
        Setup { disk_mib: Some(16), settings: vec![("WEIR_SHUTDOWN_GRACE", grace)], ..Setup::default() }
    }

    fn load(&self) -> Load {
        // They are under way until the server has noticed.
        Load { tokens: 1500, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        let ballast = scene.cluster.disk.as_ref().context("no disk")?.path().join("ballast");
        fill(&ballast)?;
        let ready = format!("{}/readyz", scene.doors.at(0));
        let noticing = async {
            loop {
                let answer = scene.http.get(&ready).send().await?;
                if answer.status() == 503 {
                    return answer.text().await;
                }
                scene.pass(Duration::from_millis(100)).await;
            }
        };
        match timeout(NOTICED, noticing).await {
            Ok(problem) => {
                let problem = problem?;
                if !problem.contains("disk is full") {
                    scene.complaints.push(format!("/readyz does not name the full disk: {problem}"));
                }
            }
            Err(_) => scene.complaints.push("/readyz says that all is well on a full disk".to_owned()),
        }
        let begun = Instant::now();
        scene.weir().terminate()?;
        let status = scene.weir().ended().await?;
        if begun.elapsed() > GRACE + STOP_TIME {
            scene.complaints.push(format!("the server ended {:.1?} after it was asked to stop", begun.elapsed()));
        }
        if status.code() != Some(UNCOMMITTED) {
            scene.complaints.push(format!("a server with uncommitted answers ended with {status}"));
        }
        fs::remove_file(ballast)?;
        scene.weir().start().await
    }
}
