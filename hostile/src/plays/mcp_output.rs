//! Sibling: output of an MCP server that is endless, deep or no text.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::json;

use super::Play;
use crate::scene::{Scene, lenient};

/// The longest that a call may take to end, for any answer of its server.
const ENDED: Duration = Duration::from_secs(10);
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
            let ended = scene.attacker.job_ended(&job, lenient(ENDED)).await;
            let ended = ended.with_context(|| format!("the output {kind:?}"))?;
            let is_valid = ["ordinary", "blocks", "notifications"].contains(&kind);
            scene.check(is_valid == (ended["status"] == "done"), || format!("the output {kind:?}: {ended}"));
            let deleted = scene.administrator.delete(&format!("/api/mcp-servers/{name}")).await?;
            scene.check(deleted.status == 204, || format!("a server is not deleted: {}", deleted.status));
        }
        Ok(())
    }
}
