//! Runs JavaScript in the sandbox.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    About, Call, Tool, ToolError,
    sandbox::{Sandbox, Work},
};

use super::output;

/// Runs code.
#[derive(Clone, Debug)]
pub struct RunCode(pub(super) Sandbox);

/// Which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// JavaScript, a script (no module): the value of its last expression is the result, `await` is allowed at the top, and
    /// `console.log` writes.
    #[schemars(length(min = 1, max = 200_000))]
    code: String,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// The value of the last expression; what JSON does not know is text.
    result: Value,
    /// What it wrote.
    console: String,
    /// Whether it wrote more than 64 KB, of which only the first are kept.
    truncated: bool,
}

#[async_trait]
impl Tool for RunCode {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        let description = "Runs JavaScript and gives the value of the last expression. There are no files, no network, no \
            modules and no timers; 10 seconds and 64 MB are the most. Use it to work on text and data, and to try \
            algorithms.";
        // It reaches nothing but its own memory: read-only in every sense.
        About { concurrency: Some(4), ..About::read_only("run_code", "Run JavaScript", description) }
    }

    async fn run(&self, Args { code }: Args, call: &Call) -> Result<Output, ToolError> {
        output(self.0.run(Work::Code { code }, call).await?)
    }
}
