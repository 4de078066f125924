//! Finding 7: one user takes a tool from everyone.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;

use super::Play;
use crate::scene::{Scene, lenient};

/// The longest that another user may wait for a tool.
const SERVED: Duration = Duration::from_secs(5);
/// More than any queue of one user may hold.
const FLOOD: usize = 2_000;

pub(crate) struct JobQueue;

#[async_trait]
impl Play for JobQueue {
    fn name(&self) -> &'static str {
        "job-queue"
    }

    /// The server, and what four children may take.
    fn memory_mib(&self) -> u64 {
        900
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let endless = json!({ "code": "for (;;) {}" });
        let mut accepted = 0;
        for _ in 0..45 {
            accepted += usize::from(scene.attacker.call("run_code", &endless).await?.is_ok());
        }
        scene.check(accepted > 0, || "no call was accepted".to_owned());
        scene.pass(Duration::from_millis(500)).await;
        let limit = lenient(SERVED);
        for (tool, args) in [("run_code", json!({ "code": "1+1" })), ("calculate", json!({ "expression": "1+1" }))] {
            let begun = Instant::now();
            let job = scene.victim.called(tool, &args, Duration::from_mins(2)).await?;
            let took = begun.elapsed();
            scene.check(took <= limit, || format!("another user's {tool} took {took:?}"));
            scene.check(job["status"] == "done", || format!("another user's {tool} failed: {}", job["error"]));
        }
        if scene.is_short {
            return Ok(());
        }
        let mut refused = 0;
        for _ in 0..FLOOD {
            if let Err(answer) = scene.attacker.call("run_code", &endless).await? {
                scene.check(answer.status == 429, || format!("a call too many was answered with {}", answer.status));
                refused += 1;
            }
        }
        scene.check(refused > 0, || format!("{FLOOD} calls of one user are queued"));
        Ok(())
    }
}
