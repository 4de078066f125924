//! A conversation is deleted at one server while the other one writes its answer: the answer ends there, and so do its readers.

use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;
use tokio::time::timeout;
use weir_bench::upstream::RequestState;

use super::shared;
use crate::{
    cluster::Setup,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// How long the owner may take to notice the deletion when it hears nothing: it looks for what it has every second.
const NOTICED: Duration = Duration::from_secs(8);

pub(crate) struct DeletedElsewhere;

#[async_trait]
impl Fault for DeletedElsewhere {
    fn name(&self) -> &'static str {
        "deleted-elsewhere"
    }

    fn needs(&self) -> Vec<Need> {
        shared()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 5)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(Duration::from_secs(2)), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for _ in 0..3 {
            scene.a_moment().await?;
            let load = Load { tokens: 5000, rate: 20, ..self.load() };
            let (answer, response) = scene.ask_one(load).await?;
            let deleted = format!("{}/api/conversations/{}", scene.doors.at(1), answer.conversation);
            let status = scene.http.delete(deleted).send().await?.status();
            ensure!(status == 204, "a deletion is answered with {status}");
            if timeout(NOTICED, response.bytes()).await.is_err() {
                scene.complaints.push(format!("the stream of the deleted run {} does not end", answer.run));
            }
            let (upstream, prompt) = (&scene.cluster.upstream, &answer.prompt);
            let is_written = || {
                let requests = upstream.requests();
                requests.iter().any(|asked| asked.question == *prompt && asked.state == RequestState::Streaming)
            };
            let ended = scene.eventually(NOTICED, || async move { Ok((!is_written()).then_some(())) });
            if ended.await?.is_none() {
                scene.complaints.push(format!("the model still writes the answer of the deleted run {}", answer.run));
            }
        }
        Ok(())
    }
}
