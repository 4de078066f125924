//! Sibling: output of an MCP server that is endless, deep or no text.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::json;

use super::Play;
use crate::scene::{Scene, lenient};

/// The longest that a call may take whose answer arrives.
const ENDED: Duration = Duration::from_secs(10);
/// The longest that a call may take to end after it was cancelled.
const CANCELLED: Duration = Duration::from_secs(5);

pub(crate) struct McpOutput;

#[async_trait]
impl Play for McpOutput {
    fn name(&self) -> &'static str {
        "mcp-output"
    }

    fn memory_mib(&self) -> u64 {
        700
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        for (number, kind) in
            ["ordinary", "endless-line", "large", "deep", "not-utf8", "notifications", "blocks"].into_iter().enumerate()
        {
            // A server of its own for each: one that misbehaves may be ended.
            let name = format!("odd{number}");
            let server = scene.add_mcp_server(&name, "output", 0).await?;
            scene.check(server["status"] == "ready", || format!("an MCP server is not ready: {server}"));
            let called = scene.attacker.call(&format!("{name}__flood"), &json!({ "kind": kind })).await?;
            let Ok(job) = called else { continue };
            let ended = match scene.attacker.job_ended(&job, lenient(ENDED)).await {
                Ok(ended) => ended,
                // An answer that Weir drops is none, and a call without an answer waits until it is cancelled.
                Err(_) => {
                    scene.attacker.delete(&format!("/api/jobs/{job}")).await?;
                    let ended = scene.attacker.job_ended(&job, lenient(CANCELLED)).await;
                    ended.with_context(|| format!("the output {kind:?}"))?
                }
            };
            scene
                .check(kind != "ordinary" || ended["status"] == "done", || format!("an ordinary call failed: {ended}"));
            let deleted = scene.administrator.delete(&format!("/api/mcp-servers/{name}")).await?;
            scene.check(deleted.status == 204, || format!("a server is not deleted: {}", deleted.status));
        }
        Ok(())
    }
}
