//! Arithmetic of any precision, with units, in the sandbox.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    About, Call, Tool, ToolError,
    sandbox::{Sandbox, Work},
};

use super::output;

/// Calculates.
#[derive(Clone, Debug)]
pub struct Calculate(pub(super) Sandbox);

/// What.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// For instance `2^200`, `17% of 2350`, `5 ft 3 in to cm`, `sqrt(2) to 30 dp`, `0xff to binary`.
    #[schemars(length(min = 1, max = 4000))]
    expression: String,
}

/// The value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The value, as text: it may have more digits than a number of JSON holds.
    result: String,
}

#[async_trait]
impl Tool for Calculate {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        let description = "Calculates exactly: numbers of any size, fractions, percentages, physical units and their \
            conversion, dates, number bases. Use it for every calculation that has to be right.";
        About { concurrency: Some(4), ..About::read_only("calculate", "Calculator", description) }
    }

    async fn run(&self, Args { expression }: Args, call: &Call) -> Result<Output, ToolError> {
        Ok(Output { result: output(self.0.run(Work::Expression { expression }, call).await?)? })
    }
}
