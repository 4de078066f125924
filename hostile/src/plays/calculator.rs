//! Finding 1: expressions whose depth or cost the caller chooses.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::Play;
use crate::scene::{Scene, lenient};

/// The longest that a job may take, however many wait before it.
const ENDED: Duration = Duration::from_mins(1);
/// A calculation that never yields.
const ENDLESS: &str = "1000d1000";

pub(crate) struct Calculator;

#[async_trait]
impl Play for Calculator {
    fn name(&self) -> &'static str {
        "calculator"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let expressions = expressions();
        let chosen = &expressions[..scene.count(4, expressions.len())];
        let mut jobs = Vec::new();
        for expression in chosen {
            let called = scene.attacker.call("calculate", &json!({ "expression": expression })).await;
            // A refusal is an answer, too.
            jobs.extend(called?.ok());
        }
        // Through a model's tool call, which no person approves.
        for expression in &chosen[..2] {
            let args = json!({ "expression": expression });
            let prompt = format!("Calculate. [[call=calculate {args}]] [[tokens=3 rate=100]]");
            scene.attacker.answered(&prompt, lenient(ENDED)).await.context("a model's calculation")?;
        }
        for job in jobs {
            scene.attacker.job_ended(&job, lenient(ENDED)).await?;
        }
        let job = scene.victim.called("calculate", &json!({ "expression": "6*7" }), lenient(ENDED)).await?;
        scene.check(job["output"]["result"] == "42", || format!("6*7 is {}: {}", job["output"], job["error"]));
        Ok(())
    }

    async fn aftermath(&self, scene: &mut Scene) -> Result<()> {
        let endless = json!({ "expression": ENDLESS });
        drop(scene.attacker.call("calculate", &endless).await?);
        sleep(Duration::from_millis(500)).await;
        scene.stop_in_time().await?;
        scene.weir().start().await?;
        // Killed in the middle of several, it must not be killed by them again.
        let mut jobs = Vec::new();
        for expression in [ENDLESS, &expressions()[0], &expressions()[1]] {
            jobs.extend(scene.attacker.call("calculate", &json!({ "expression": expression })).await?.ok());
        }
        scene.weir().kill().await?;
        scene.weir().start().await?;
        for job in jobs {
            scene.attacker.job_ended(&job, lenient(ENDED)).await.context("after a restart")?;
        }
        let running = scene.weir().is_running();
        scene.check(running, || "the server does not survive its restart".to_owned());
        let answer = timeout(lenient(Duration::from_secs(2)), scene.victim.get("/api/me")).await;
        scene.check(answer.is_ok(), || "no answer after the restart".to_owned());
        Ok(())
    }
}

/// Expressions that are deep, long or endless; the first ones are those of the finding.
fn expressions() -> Vec<String> {
    let around = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    vec![
        around("(", ")", 300),
        format!("2{}", "^2".repeat(1900)),
        ENDLESS.to_owned(),
        "10^10^10".to_owned(),
        around("(", ")", 1990),
        "-".repeat(3999) + "1",
        "1".to_owned() + &"!".repeat(3990),
        "1+".repeat(1990) + "1",
        around("sqrt ", "", 790),
        "(\\x. x x) (\\x. x x)".to_owned(),
        "9^9^9 mod 7".to_owned(),
        "1/3 to 1000000 dp".to_owned(),
        "2^1000000 to words".to_owned(),
        "a=1;".repeat(900) + "a",
        "1 km ".repeat(790),
    ]
}
