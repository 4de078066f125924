//! Runs whose contexts are as large as they may be, all at once.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Model, Play};
use crate::scene::Scene;

/// Runs that one user has at once by default.
const RUNS: usize = 16;
/// A message, in bytes; sixteen of them are nearly the longest context.
const MESSAGE: usize = 250_000;
const MESSAGES: usize = 16;
/// The longest wait until every run has its first token.
const ANSWERED: Duration = Duration::from_mins(1);

pub(crate) struct Contexts;

#[async_trait]
impl Play for Contexts {
    fn name(&self) -> &'static str {
        "contexts"
    }

    fn model(&self) -> Model {
        Model::Odd
    }

    /// Sixteen contexts of 4 MiB would be 64 MiB, if each was held once.
    fn memory_mib(&self) -> u64 {
        200
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let mut conversation: Option<String> = None;
        for _ in 0..MESSAGES {
            conversation = Some(scene.attacker.message(conversation.as_deref(), &"a".repeat(MESSAGE)).await?);
        }
        let conversation = conversation.context("no conversation")?;
        let newest = scene.attacker.get(&format!("/api/messages?conversationId={conversation}&limit=1")).await?.json();
        let newest = newest["items"][0]["id"].clone();
        for oddity in ["never-done", "silent"].into_iter().take(scene.count(1, 2)) {
            let runs = start_all(scene, &conversation, &newest, oddity).await?;
            scene.pass(Duration::from_millis(500)).await;
            for run in runs {
                scene.attacker.delete(&format!("/api/realtime/{run}")).await?;
            }
        }
        Ok(())
    }
}

/// Starts as many runs as one user may have, and waits for the first token where there will be one.
async fn start_all(scene: &Scene, conversation: &str, parent: &Value, oddity: &str) -> Result<Vec<String>> {
    let mut started = Vec::new();
    for _ in 0..RUNS {
        let body = json!({ "conversationId": conversation, "parentId": parent, "prompt": format!("odd:{oddity}") });
        let run = scene.attacker.start(&body).await?;
        started.push(run.map_err(|status| anyhow::anyhow!("a run was refused with {status}"))?);
    }
    let mut runs = Vec::new();
    for mut run in started {
        if oddity == "never-done" {
            let mut begun = Vec::new();
            let reading = async {
                while !begun.windows(12).any(|bytes| bytes == b"event: token") {
                    begun.extend_from_slice(&run.response.chunk().await?.context("a run ended too early")?);
                }
                anyhow::Ok(())
            };
            timeout(ANSWERED, reading).await.context("a run has no token in time")??;
        }
        runs.push(run.run);
    }
    Ok(runs)
}
