//! A transaction of a server that is cut off keeps a row locked: the other server takes over every other answer meanwhile.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;

use super::{TAKE_OVER, shared};
use crate::{
    cluster::{Cluster, Setup},
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// How long the row stays locked when the other answers do not continue before.
const LOCKED: Duration = Duration::from_secs(20);
/// The name of the connection that holds the lock.
const HOLDER: &str = "weir-faults-lock";

pub(crate) struct LockedRow;

#[async_trait]
impl Fault for LockedRow {
    fn name(&self) -> &'static str {
        "locked-row"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 10)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 600, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(LOCKED + TAKE_OVER), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.everyone_is_shown_something().await?;
        let answers = scene.answers();
        let locked = answers[scene.random.usize(0..answers.len())].run.clone();
        let lock = RowLock::take(&scene.cluster, &locked).await?;
        // Every question is asked at the first server.
        scene.cluster.instances[0].kill().await?;
        let places = scene.places();
        let begun = Instant::now();
        let continues = |scene: &Scene| {
            scene.journals.iter().zip(&places).all(|(journal, place)| {
                journal.answer.run == locked || journal.lock().is_done() || journal.lock().last() > *place
            })
        };
        while !continues(scene) && begun.elapsed() < LOCKED {
            scene.pass(Duration::from_millis(50)).await;
        }
        if !continues(scene) {
            scene.complaints.push("a locked row keeps other answers from being taken over".to_owned());
        }
        lock.release(&scene.cluster)?;
        scene.cluster.instances[0].start().await
    }
}

/// A transaction that holds the row of a run.
struct RowLock(Child);

impl RowLock {
    async fn take(cluster: &Cluster, run: &str) -> Result<Self> {
        let server = cluster.postgres()?;
        let sql = format!(
            "SET application_name = '{HOLDER}'; BEGIN; SELECT id FROM runs WHERE id = '{run}' FOR UPDATE; SELECT pg_sleep(60)"
        );
        let mut psql = Command::new(server.psql());
        psql.arg(server.admin_url()).args(["--no-psqlrc", "--quiet"]);
        // One by one: statements of one --command are one message, whose name would come too late.
        for statement in sql.split("; ") {
            psql.args(["--command", statement]);
        }
        let child = psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let lock = Self(child);
        let holds = format!(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '{HOLDER}' AND query LIKE '%pg_sleep%'"
        );
        for _ in 0..200 {
            if cluster.sql(&holds)?.trim() == "1" {
                return Ok(lock);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("the row cannot be locked")
    }

    fn release(mut self, cluster: &Cluster) -> Result<()> {
        let ended = cluster.sql(&format!(
            "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{HOLDER}'"
        ))?;
        ensure!(ended.trim() == "1", "the row was not locked to the end");
        self.0.wait().context("psql does not end")?;
        Ok(())
    }
}

impl Drop for RowLock {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
