//! One user's large commits delay those of everyone else.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use super::Play;
use crate::{
    person::Person,
    scene::{Scene, lenient},
};

/// The longest that another user may wait for a message to be stored.
const STORED: Duration = Duration::from_millis(500);
/// The longest that another user may wait for a calculation, which commits several times and starts a process.
const CALCULATED: Duration = Duration::from_secs(2);

pub(crate) struct LargeWrites;

#[async_trait]
impl Play for LargeWrites {
    fn name(&self) -> &'static str {
        "large-writes"
    }

    /// The attacker's arguments, and what two sandbox processes may take.
    fn memory_mib(&self) -> u64 {
        700
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let mut flood = JoinSet::new();
        for writer in 0..12 {
            let attacker = scene.attacker.clone();
            flood.spawn(async move {
                for round in 0.. {
                    if writer % 3 == 0 {
                        large_call(&attacker).await?;
                    } else {
                        wordy(&attacker, writer, round).await?;
                    }
                }
                anyhow::Ok(())
            });
        }
        scene.pass(Duration::from_secs(1)).await;
        for _ in 0..scene.count(3, 20) {
            let begun = Instant::now();
            scene.victim.message(None, "Hello.").await?;
            let took = begun.elapsed();
            scene.check(took <= lenient(STORED), || format!("another user's message took {took:?}"));
            let begun = Instant::now();
            let args = json!({ "expression": "1+1" });
            match scene.victim.call("calculate", &args).await? {
                Ok(id) => {
                    let job = scene.victim.job_ended(&id, Duration::from_mins(1)).await?;
                    let took = begun.elapsed();
                    scene.check(took <= lenient(CALCULATED), || format!("another user's calculation took {took:?}"));
                    let error = &job["error"];
                    scene.check(job["status"] == "done", || format!("another user's calculation failed: {error}"));
                }
                Err(answer) => {
                    scene.findings.add(format!("another user's calculation was answered with {}", answer.status));
                }
            }
        }
        flood.abort_all();
        while let Some(ended) = flood.join_next().await {
            if let Ok(result) = ended {
                result?;
            }
        }
        Ok(())
    }
}

/// Calls a tool with 1.4 MB of arguments.
async fn large_call(attacker: &Person) -> Result<()> {
    let args = json!({ "table": format!("a\n{}", "1\n".repeat(700_000)), "sql": "SELECT count(*) FROM data" });
    // A refusal by a limit is an answer as well; `Person` reports those that are none.
    let _ = attacker.call("query_table", &args).await?;
    Ok(())
}

/// Stores a message of which every word is new to the full-text index.
async fn wordy(attacker: &Person, writer: usize, round: usize) -> Result<()> {
    let words = (0..25_000).map(|word| format!("w{writer}x{round}x{word:x}")).collect::<Vec<_>>().join(" ");
    let _ = attacker.post("/api/messages", &json!({ "role": "user", "content": words })).await?;
    Ok(())
}
