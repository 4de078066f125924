//! Finding 9: many runs started at the same moment.

use anyhow::Result;
use async_trait::async_trait;
use serde_json::json;
use tokio::task::JoinSet;
use weir_faults::Database;

use super::Play;
use crate::scene::Scene;

/// Runs that one user may have.
const CAP: usize = 2;

pub(crate) struct RunRace;

#[async_trait]
impl Play for RunRace {
    fn name(&self) -> &'static str {
        "run-race"
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("WEIR_RUNS_PER_USER", CAP.to_string())]
    }

    fn short_databases(&self) -> &'static [Database] {
        &[Database::Sqlite, Database::Postgres]
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let mut starting = JoinSet::new();
        for _ in 0..40 {
            let attacker = scene.attacker.clone();
            starting.spawn(async move { attacker.start(&json!({ "prompt": "Talk. [[tokens=2000 rate=20]]" })).await });
        }
        let mut runs = Vec::new();
        while let Some(started) = starting.join_next().await {
            match started?? {
                Ok(run) => runs.push(run),
                Err(429 | 503) => {}
                Err(status) => scene.findings.add(format!("a run was answered with {status}")),
            }
        }
        scene.check(runs.len() == CAP, || format!("{} runs with a cap of {CAP}", runs.len()));
        let other = scene.victim.start(&json!({ "prompt": "Hello [[tokens=3]]" })).await?;
        scene.check(other.is_ok(), || "the cap holds for another user".to_owned());
        Ok(())
    }
}
