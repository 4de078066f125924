//! Finding 8: sessions of `/mcp` without end.

use anyhow::Result;
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::Play;
use crate::{mcp_client, scene::Scene};

pub(crate) struct McpSessions;

#[async_trait]
impl Play for McpSessions {
    fn name(&self) -> &'static str {
        "mcp-sessions"
    }

    fn memory_mib(&self) -> u64 {
        250
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let requests = scene.count(1_500, 5_000);
        let attacker = scene.attacker.clone();
        let asking = (0..requests).map(|_| {
            let attacker = attacker.clone();
            async move { mcp_client::initialize(&attacker).await }
        });
        let mut asked = std::pin::pin!(stream::iter(asking).buffer_unordered(16));
        let mut sessions = Vec::new();
        while let Some(answer) = asked.next().await {
            let answer = answer?;
            let is_answered = answer.status == 200 || answer.is_refusal();
            scene.check(is_answered, || format!("initialize was answered with {}", answer.status));
            if answer.status == 200 {
                sessions.push(answer.header("mcp-session-id").to_owned());
            }
        }
        // A cap either refuses new sessions or ends old ones.
        let mut alive = 0;
        for session in &sessions {
            let ping = serde_json::json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
            alive += usize::from(mcp_client::send(&attacker, Some(session), &ping).await?.status == 200);
            if alive > 200 {
                break;
            }
        }
        scene.check(alive <= 200, || "one user holds more than 200 sessions of /mcp".to_owned());
        mcp_client::session(&scene.victim).await?;
        Ok(())
    }
}
