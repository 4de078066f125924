//! Sibling: answers of a model server that are endless, deep or no text.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Model, Play};
use crate::{
    odd_model::ODDITIES,
    scene::{Scene, lenient},
};

/// The longest that a run with an odd answer may last.
const ENDED: Duration = Duration::from_secs(30);

pub(crate) struct OddAnswers;

#[async_trait]
impl Play for OddAnswers {
    fn name(&self) -> &'static str {
        "odd-answers"
    }

    fn model(&self) -> Model {
        Model::Odd
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        for (oddity, must_fail) in ODDITIES.into_iter().take(scene.count(10, ODDITIES.len())) {
            let prompt = format!("odd:{oddity}");
            let answered = scene.attacker.answered(&prompt, lenient(ENDED)).await;
            let text = answered.with_context(|| format!("the answer {oddity:?}"))?;
            let finish =
                text.rsplit_once("\"finishReason\":\"").map(|(_, rest)| rest.split('"').next().unwrap_or_default());
            let has_failed = finish != Some("stop");
            scene.check(has_failed || !must_fail, || format!("the answer {oddity:?} counts as complete"));
        }
        Ok(())
    }
}
