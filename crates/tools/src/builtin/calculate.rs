//! Arithmetic of any precision, with units, by `fend`.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use fend_core::{Context, Interrupt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::{About, Call, Tool, ToolError};

/// How long one expression may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Calculates.
#[derive(Clone, Copy, Debug)]
pub struct Calculate;

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
        About::read_only("calculate", "Calculator", description)
    }

    async fn run(&self, Args { expression }: Args, _: &Call) -> Result<Output, ToolError> {
        // A long calculation would hold up everybody else on this thread; it ends by itself after its limit.
        let calculated = spawn_blocking(move || calculate(&expression)).await;
        calculated.map_err(|_| ToolError::new("calculation_failed", "The calculator failed on this expression."))?
    }
}

fn calculate(expression: &str) -> Result<Output, ToolError> {
    let mut context = Context::new();
    let deadline = Deadline(Instant::now() + LIMIT);
    match fend_core::evaluate_with_interrupt(expression, &mut context, &deadline) {
        Ok(result) => Ok(Output { result: result.get_main_result().to_owned() }),
        Err(_) if deadline.should_interrupt() => {
            Err(ToolError::new("too_long", "The calculation took longer than 5 s. Try a smaller one."))
        }
        Err(error) => Err(ToolError::new("invalid_expression", format!("This cannot be calculated: {error}."))),
    }
}

struct Deadline(Instant);

impl Interrupt for Deadline {
    fn should_interrupt(&self) -> bool {
        Instant::now() > self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(expression: &str) -> String {
        calculate(expression).unwrap().result
    }

    #[test]
    fn numbers_are_exact_and_units_convert() {
        assert_eq!(result("2^100"), "1267650600228229401496703205376");
        assert_eq!(result("0.1 + 0.2"), "0.3");
        assert_eq!(result("12 km/h to m/s"), "approx. 3.3333333333 m / s");
        assert_eq!(result("17% of 2350"), "399.5");
    }

    #[test]
    fn what_is_no_expression_is_said() {
        assert_eq!(calculate("2 +* ").unwrap_err().code, "invalid_expression");
    }
}
