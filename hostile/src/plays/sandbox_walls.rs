//! Finding 16: what the kernel lets children of the server do.

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Play;
use crate::{
    processes::{command, family, limit, status},
    scene::{Scene, lenient},
};

/// The longest wait for a child to start.
const STARTED: Duration = Duration::from_secs(5);

pub(crate) struct SandboxWalls;

#[async_trait]
impl Play for SandboxWalls {
    fn name(&self) -> &'static str {
        "sandbox-walls"
    }

    fn memory_mib(&self) -> u64 {
        600
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let called = scene.attacker.call("run_code", &json!({ "code": "for (;;) {}" })).await?;
        let job = called.map_err(|answer| anyhow::anyhow!("a call was refused with {}", answer.status))?;
        let child = child(scene, " sandbox").await?;
        // Its work has begun when it has read its input.
        sleep(lenient(Duration::from_millis(300))).await;
        let read = |field: &str| status(child, field).unwrap_or_default();
        scene.check(read("NoNewPrivs") == "1", || format!("the sandbox may gain privileges: {}", read("NoNewPrivs")));
        scene.check(read("Seccomp") == "2", || format!("the sandbox has no system call filter: {}", read("Seccomp")));
        let capabilities = read("CapEff");
        scene.check(capabilities.trim_start_matches('0').is_empty(), || {
            format!("the sandbox has capabilities: {capabilities}")
        });
        let bounds = ["Max cpu time", "Max file size", "Max data size"];
        for resource in bounds {
            let bound = limit(child, resource).unwrap_or_default();
            scene.check(bound != "unlimited", || format!("{resource} of the sandbox is unlimited"));
        }
        let processes = limit(child, "Max processes").unwrap_or_default();
        let own = limit(scene.pid()?, "Max processes").unwrap_or_default();
        scene.check(processes != own, || format!("the sandbox may start {processes} processes"));
        scene.attacker.delete(&format!("/api/jobs/{job}")).await?;
        let server = scene.add_mcp_server("odd", "output", 0).await?;
        scene.check(server["status"] == "ready", || format!("an MCP server is not ready: {server}"));
        let child = self::child(scene, "--mcp output").await?;
        let privileges = status(child, "NoNewPrivs").unwrap_or_default();
        scene.check(privileges == "1", || format!("an MCP server may gain privileges: {privileges}"));
        Ok(())
    }

    async fn aftermath(&self, scene: &mut Scene) -> Result<()> {
        let Some(model) = local_model() else {
            println!("    sandbox-walls: skips the embedded engine, no model is in the cache (weir model pull)");
            return Ok(());
        };
        scene.stop_in_time().await?;
        scene.weir().set("WEIR_LOCAL_MODEL", &model.display().to_string());
        scene.weir().start().await?;
        let models = scene.attacker.get("/api/models").await?.json();
        let ids = models["items"].as_array().into_iter().flatten().filter_map(|model| model["id"].as_str());
        let embedded = ids.into_iter().find(|id| !id.starts_with("openai/")).context("no embedded model")?.to_owned();
        let started = scene.attacker.start(&json!({ "prompt": "Count to fifty.", "model": embedded })).await?;
        let child = child(scene, " engine").await?;
        for (field, expected) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
            let value = status(child, field).unwrap_or_default();
            scene.check(value == expected, || format!("{field} of the engine is {value}"));
        }
        drop(started);
        Ok(())
    }
}

/// Finds the model that `weir model pull` put into the user's cache.
fn local_model() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    let files = fs::read_dir(cache.join("weir/models")).ok()?.flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "gguf"))
}

/// Waits for a child of the server whose command line contains `text`.
async fn child(scene: &Scene, text: &str) -> Result<i32> {
    let (pid, deadline) = (scene.pid()?, Instant::now() + lenient(STARTED));
    while Instant::now() < deadline {
        let found = family(pid).into_iter().skip(1).find(|child| command(*child).contains(text));
        if let Some(child) = found {
            return Ok(child);
        }
        sleep(Duration::from_millis(50)).await;
    }
    None.with_context(|| format!("the server has no child {text:?}"))
}
