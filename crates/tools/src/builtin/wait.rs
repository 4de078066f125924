//! Waits: a long job to try progress, cancel and resume with.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::{About, Call, Tool, ToolError};

/// Between two words of progress.
const STEP: Duration = Duration::from_millis(500);

/// Waits for some seconds.
#[derive(Clone, Copy, Debug)]
pub struct Wait;

/// How long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// How many seconds to wait.
    #[schemars(range(min = 0.0, max = 3600.0))]
    seconds: f64,
}

/// How long it was.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The seconds that were waited.
    waited: f64,
}

#[async_trait]
impl Tool for Wait {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        // A job that waits costs a timer. The bound of unfinished jobs for each user holds for it as for all others.
        let description = "Waits for some seconds and tells how far it has come each half second.";
        About { concurrency: None, ..About::read_only("wait", "Wait", description) }
    }

    async fn run(&self, Args { seconds }: Args, call: &Call) -> Result<Output, ToolError> {
        let length = Duration::try_from_secs_f64(seconds)
            .map_err(|_| ToolError::new("invalid_arguments", "seconds must be a number from 0 to 3600."))?;
        let start = Instant::now();
        let end = start + length;
        let mut next = start + STEP;
        while next < end {
            sleep_until(next).await;
            let passed = (next - start).as_secs_f64();
            call.progress(passed / seconds, Some(&format!("{passed:.1} of {seconds} s")));
            next += STEP;
        }
        sleep_until(end).await;
        Ok(Output { waited: seconds })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;
    use weir_protocol::{ToolCallId, UserId};

    use super::*;
    use crate::{Report, callable};

    #[tokio::test(start_paused = true)]
    async fn a_wait_tells_how_far_it_has_come_each_half_second() {
        let (call, mut reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
        let output = callable(Wait).call(json!({ "seconds": 2 }), &call).await;
        assert_eq!(output, Ok(json!({ "waited": 2.0 })));
        let told: Vec<_> = std::iter::from_fn(|| reports.try_recv().ok())
            .map(|report| match report {
                Report::Progress { progress, .. } => progress,
                Report::Partial(_) | Report::Question(..) => None,
            })
            .collect();
        assert_eq!(told, [Some(0.25), Some(0.5), Some(0.75)]);
    }
}
