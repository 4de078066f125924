//! An answer waits for an approval while its servers are restarted again and again. Planned restarts are no crashes: once the call
//! is approved, it runs, and the answer ends complete.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;
use serde_json::{Value, json};

use super::shared;
use crate::{
    cluster::Setup,
    marks,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// Restarts of the two servers together. More than the crashes that an answer survives.
const RESTARTS: usize = 10;
/// How long the answer may take to ask for the approval, and to end after it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct RollingApproval;

#[async_trait]
impl Fault for RollingApproval {
    fn name(&self) -> &'static str {
        "rolling-approval"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 3)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { marks: true, redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { questions: 1, tokens: 100, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let mark = format!("{:032x}", scene.random.u128(..));
        let prompt = format!("[[call={} {{\"mark\":\"{mark}\",\"seconds\":0.1}}]] [[tokens=20]]", marks::TOOL);
        let url = scene.doors.at(0).to_owned();
        let asked = scene.http.post(format!("{url}/api/realtime")).header("content-type", "application/json");
        let asked = asked.body(json!({ "prompt": prompt }).to_string()).send().await?;
        ensure!(asked.status() == 200, "the question is answered with {}", asked.status());
        let run = asked.headers()["weir-run-id"].to_str()?.to_owned();
        let conversation = asked.headers()["weir-conversation-id"].to_str()?.to_owned();
        let call = pending(scene, &run).await?;
        for number in 0..RESTARTS {
            let instance = &mut scene.cluster.instances[number % 2];
            instance.terminate()?;
            let status = instance.ended().await?;
            ensure!(status.success(), "a server that was asked to stop ended with {status}");
            instance.start().await?;
        }
        ensure!(pending(scene, &run).await? == call, "the answer waits for another call");
        let decided = scene.http.post(format!("{}/api/tool-calls/{call}/approval", scene.doors.at(1)));
        let decided =
            decided.header("content-type", "application/json").body(json!({ "decision": "grant" }).to_string());
        let status = decided.send().await?.status();
        ensure!(status == 200, "the approval is answered with {status}");
        let last = ended(scene, &conversation).await?;
        if last["status"] != "complete" || last["toolCalls"][0]["status"] != "done" {
            scene.complaints.push(format!("an answer that was approved after {RESTARTS} restarts is {last}"));
        }
        let marks = std::fs::read_to_string(scene.marks()).unwrap_or_default();
        if marks.matches(&mark).count() != 1 {
            scene.complaints.push(format!("the approved call left these marks: {marks:?}"));
        }
        Ok(())
    }
}

async fn json_of(scene: &Scene, path: &str) -> Result<Value> {
    let text = scene.http.get(format!("{}{path}", scene.doors.at(0))).send().await?.text().await?;
    serde_json::from_str(&text).with_context(|| format!("{path} is answered with {text}"))
}

/// The call of the run that waits for an approval.
async fn pending(scene: &Scene, run: &str) -> Result<String> {
    let found = scene.eventually(PATIENCE, || async move {
        let page = json_of(scene, "/api/approvals").await?;
        let calls = page["items"].as_array().into_iter().flatten();
        Ok(calls.filter(|call| call["runId"] == run).find_map(|call| call["id"].as_str().map(str::to_owned)))
    });
    found.await?.context("no call of the answer waits for an approval")
}

/// The last message of the conversation, once it has ended.
async fn ended(scene: &Scene, conversation: &str) -> Result<Value> {
    let found = scene.eventually(PATIENCE, || async move {
        let page = json_of(scene, &format!("/api/messages?conversationId={conversation}")).await?;
        let messages = page["items"].as_array().into_iter().flatten();
        let mut of_assistant = messages.filter(|message| message["role"] == "assistant").cloned();
        Ok(of_assistant.next_back().filter(|message| message["status"] != "streaming"))
    });
    found.await?.context("the answer does not end after the approval")
}
