//! Finding 2: schemas of an MCP server whose validation is unbounded.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Play;
use crate::{
    odd_mcp,
    scene::{Scene, lenient},
};

/// The longest that the validation of arguments may delay an answer.
const VALIDATED: Duration = Duration::from_secs(2);

pub(crate) struct Schemas;

#[async_trait]
impl Play for Schemas {
    fn name(&self) -> &'static str {
        "schemas"
    }

    fn memory_mib(&self) -> u64 {
        600
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let server = scene.add_mcp_server("odd", "schemas", 0).await?;
        let log = scene.administrator.get("/api/mcp-servers/odd/log").await?.text();
        let offered: Vec<&str> = server["tools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        scene.check(offered.contains(&"odd__fits"), || format!("an ordinary tool is not offered: {server}"));
        for name in odd_mcp::UNBOUNDED {
            let is_offered = offered.contains(&format!("odd__{name}").as_str());
            scene.check(!is_offered, || format!("{name} is offered, whose schema is unbounded"));
            let is_named = log.contains(name) || server.to_string().contains(name);
            scene.check(is_named, || format!("neither the server's state nor its log says what became of {name}"));
        }
        // Some of the others may be offered; then calls must be judged quickly.
        for tool in offered.iter().filter_map(|tool| tool.strip_prefix("odd__")) {
            // The largest ones would take the machine's memory.
            if matches!(tool, "fan_out_28" | "fan_out_200") {
                continue;
            }
            let begun = Instant::now();
            let args = odd_mcp::arguments(tool);
            let answer = scene.attacker.post(&format!("/api/tools/odd__{tool}"), &json!({ "args": args })).await?;
            let (took, limit) = (begun.elapsed(), lenient(VALIDATED));
            scene.check(took <= limit, || format!("a call of {tool} took {took:?} to judge"));
            let is_judged = answer.status == 202 || answer.is_refusal();
            scene.check(is_judged, || format!("a call of {tool} was answered with {}", answer.status));
        }
        Ok(())
    }
}
