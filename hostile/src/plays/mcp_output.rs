//! Sibling: output of an MCP server that is endless, deep or no text.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::json;

use super::Play;
use crate::scene::{Scene, lenient};

/// How long a call is waited for before it is cancelled.
const ENDED: Duration = Duration::from_secs(3);
/// The longest that a call may take to end after that.
const CANCELLED: Duration = Duration::from_secs(5);
/// The kinds of output; the short part plays the first ones.
const KINDS: [&str; 7] = ["ordinary", "blocks", "notifications", "large", "deep", "not-utf8", "endless-line"];

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
        for (number, kind) in KINDS.into_iter().take(scene.count(3, KINDS.len())).enumerate() {
            // A server of its own for each: one that misbehaves may be ended.
            let name = format!("odd{number}");
            let server = scene.add_mcp_server(&name, "output", 0).await?;
            scene.check(server["status"] == "ready", || format!("an MCP server is not ready: {server}"));
            let called = scene.attacker.call(&format!("{name}__flood"), &json!({ "kind": kind })).await?;
            let Ok(job) = called else { continue };
            // An answer that Weir drops is none, and a call without an answer waits until it is cancelled.
            if scene.attacker.job_ended(&job, ENDED).await.is_err() {
                scene.attacker.delete(&format!("/api/jobs/{job}")).await?;
            }
            let ended = scene.attacker.job_ended(&job, lenient(CANCELLED)).await;
            let ended = ended.with_context(|| format!("the output {kind:?}"))?;
            let is_right = kind != "ordinary" || ended["status"] == "done";
            scene.check(is_right, || format!("an ordinary call failed: {ended}"));
            let deleted = scene.administrator.delete(&format!("/api/mcp-servers/{name}")).await?;
            scene.check(deleted.status == 204, || format!("a server is not deleted: {}", deleted.status));
        }
        Ok(())
    }
}
