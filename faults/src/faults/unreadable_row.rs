//! The database has rows of a newer version that this one cannot read: their server dies, and everything else is taken over.

use anyhow::{Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;
use serde_json::json;

use super::{TAKE_OVER, shared};
use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// Copies an unfinished job as a newer version might have stored it. The database forgets the copy's foreign words at the end.
const NEWER_JOB: &str = "
    CREATE TABLE newer AS SELECT * FROM jobs WHERE ended_at IS NULL LIMIT 1;
    UPDATE newer SET id = gen_random_uuid(), status = 'hibernating', caller = 'oracle', conversation_id = NULL, run_id = NULL;
    INSERT INTO jobs SELECT * FROM newer RETURNING id;
    DROP TABLE newer";

pub(crate) struct UnreadableRow;

#[async_trait]
impl Fault for UnreadableRow {
    fn name(&self) -> &'static str {
        "unreadable-row"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 5)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 400, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(TAKE_OVER), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.call("wait", json!({ "seconds": 5.0 })).await?;
        scene.everyone_is_shown_something().await?;
        let newer = scene.cluster.sql(NEWER_JOB)?;
        ensure!(!newer.trim().is_empty(), "no job is unfinished");
        // Every question is asked at the first server.
        scene.cluster.instances[0].kill().await?;
        scene.all_ended().await?;
        scene.cluster.instances[0].start().await?;
        let left = scene.cluster.sql("SELECT COUNT(*) FROM jobs WHERE status = 'hibernating'")?;
        if left.trim() != "1" {
            scene.complaints.push("a job that cannot be read was changed".to_owned());
        }
        Ok(())
    }
}
