//! Finding 9: one user fills the disk.

use anyhow::Result;
use async_trait::async_trait;

use super::Play;
use crate::scene::Scene;

/// The quota of this play, in MiB.
const QUOTA_MIB: usize = 4;

pub(crate) struct Storage;

#[async_trait]
impl Play for Storage {
    fn name(&self) -> &'static str {
        "storage"
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("WEIR_STORAGE_PER_USER", format!("{QUOTA_MIB}MiB"))]
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let content = "a".repeat(200 * 1024);
        let mut accepted = 0;
        for _ in 0..QUOTA_MIB * 10 {
            let body = serde_json::json!({ "role": "user", "content": content });
            let answer = scene.attacker.post("/api/messages", &body).await?;
            match answer.status {
                201 => accepted += content.len(),
                413 | 429 | 507 | 403 | 409 | 422 => break,
                status => scene.findings.add(format!("a message was answered with {status}")),
            }
        }
        let most = (QUOTA_MIB + 1) * 1024 * 1024;
        scene.check(accepted <= most, || format!("{accepted} bytes were stored with a quota of {QUOTA_MIB} MiB"));
        scene.victim.message(None, &content).await?;
        Ok(())
    }
}
