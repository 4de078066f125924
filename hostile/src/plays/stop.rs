//! Runs that are stopped while their model calls tools without end, says nothing, or waits for a tool.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use reqwest::{Method, Response};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{Model, Play};
use crate::scene::{Scene, lenient};

/// The longest from the answer to a stop request until the stopped run has ended.
const STOPPED: Duration = Duration::from_millis(250);
/// The longest wait for a run to be in the middle of its work.
const UNDER_WAY: Duration = Duration::from_secs(20);

pub(crate) struct Stop;

#[async_trait]
impl Play for Stop {
    fn name(&self) -> &'static str {
        "stop"
    }

    fn model(&self) -> Model {
        Model::Odd
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let runs = scene.count(4, 12);
        for (oddity, mark) in [
            // In the middle of its steps.
            ("refused-arguments", "invalid_arguments"),
            ("never-done", "event: token"),
            ("silent", "event: message"),
            ("waiting-call", "\"status\":\"running\""),
        ] {
            let slowest = stop_all(scene, oddity, mark, runs).await.with_context(|| format!("runs of {oddity:?}"))?;
            let limit = lenient(STOPPED);
            scene.check(slowest <= limit, || format!("a run of {oddity:?} ended {slowest:?} after its stop"));
        }
        Ok(())
    }
}

/// Starts runs, stops each while all of them work, and returns the longest that one took to end.
async fn stop_all(scene: &Scene, oddity: &str, mark: &'static str, runs: usize) -> Result<Duration> {
    let mut reading = JoinSet::new();
    let (mut under_way, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let started = scene.attacker.ask(&format!("odd:{oddity}")).await?;
        let (seen, begun) = oneshot::channel();
        reading.spawn(read(started.run.clone(), started.response, mark, seen));
        under_way.push(begun);
        ids.push(started.run);
    }
    for begun in under_way {
        timeout(UNDER_WAY, begun).await.context("a run does not begin its work")?.context("a run ended too early")?;
    }
    let mut stopping = JoinSet::new();
    for id in ids {
        let attacker = scene.attacker.clone();
        stopping.spawn(async move {
            let answer = attacker.send(Method::DELETE, &format!("/api/realtime/{id}"), &[], None).await?;
            ensure!(answer.status == 202, "a stop was answered with {}", answer.status);
            Ok((id, Instant::now()))
        });
    }
    let mut stopped = Vec::new();
    while let Some(answered) = stopping.join_next().await {
        stopped.push(answered??);
    }
    let mut slowest = Duration::ZERO;
    while let Some(read) = reading.join_next().await {
        let (id, ended) = read??;
        let asked = stopped.iter().find(|(other, _)| *other == id).context("a run that was not stopped")?.1;
        slowest = slowest.max(ended.saturating_duration_since(asked));
    }
    Ok(slowest)
}

/// Reads the stream of a run to its end, and tells when `mark` is in it; returns when it ended.
async fn read(id: String, mut response: Response, mark: &str, seen: oneshot::Sender<()>) -> Result<(String, Instant)> {
    let (mut seen, mut end) = (Some(seen), Vec::new());
    while let Some(chunk) = response.chunk().await? {
        end.extend_from_slice(&chunk);
        if seen.is_some() && end.windows(mark.len()).any(|bytes| bytes == mark.as_bytes()) {
            // The play may have failed already.
            let _ = seen.take().map(|seen| seen.send(()));
        }
        // A mark may be in two chunks.
        end.drain(..end.len().saturating_sub(256));
    }
    let end = String::from_utf8_lossy(&end).into_owned();
    ensure!(end.contains("\"finishReason\":\"cancelled\""), "a stopped run ended otherwise: {end}");
    Ok((id, Instant::now()))
}
