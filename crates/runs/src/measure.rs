//! What is measured here; `docs/observability.md` says what each name means. What happens with every token has a handle that is
//! made once; what happens once for each run or job is looked up by its labels.

use std::{sync::LazyLock, time::Duration};

use metrics::{Counter, Histogram, counter, histogram};
use weir_protocol::{FinishReason, Usage};
use weir_providers::ProviderError;

/// Pieces of text that models sent: one token each with nearly every server.
pub(crate) static OUTPUT_TOKENS: LazyLock<Counter> = LazyLock::new(|| counter!("weir_output_tokens_total"));
/// Tokens that models were given, as their servers counted them.
static INPUT_TOKENS: LazyLock<Counter> = LazyLock::new(|| counter!("weir_input_tokens_total"));
/// Seconds from the start of a run to its first token.
pub(crate) static FIRST_TOKEN: LazyLock<Histogram> = LazyLock::new(|| histogram!("weir_first_token_seconds"));
/// Runs that were started, those that were taken over not among them.
pub(crate) static RUNS_STARTED: LazyLock<Counter> = LazyLock::new(|| counter!("weir_runs_started_total"));

/// A run has come to its end here.
pub(crate) fn run_ended(reason: FinishReason, usage: Option<Usage>) {
    INPUT_TOKENS.increment(usage.map_or(0, |usage| usage.input_tokens));
    run_let_go(match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Cancelled => "cancelled",
        FinishReason::Interrupted => "interrupted",
        FinishReason::Error => "error",
    });
}

/// A run is not driven here any more.
pub(crate) fn run_let_go(outcome: &'static str) {
    counter!("weir_runs_ended_total", "outcome" => outcome).increment(1);
}

/// A run or a job that nobody drove is driven here from now on.
pub(crate) fn taken_over(kind: &'static str) {
    counter!("weir_take_overs_total", "kind" => kind).increment(1);
}

/// Counts a failed take-over of a run or a job. It is tried again.
pub(crate) fn take_over_failed(kind: &'static str) {
    counter!("weir_take_over_failures_total", "kind" => kind).increment(1);
}

/// A provider has failed.
pub(crate) fn upstream_failed(provider: &str, error: &ProviderError) {
    let provider = provider.to_owned();
    counter!("weir_upstream_errors_total", "provider" => provider, "kind" => error.kind.code()).increment(1);
}

/// A job has come to its end here.
pub(crate) fn job_ended(tool: &str, outcome: &'static str) {
    counter!("weir_jobs_ended_total", "tool" => tool.to_owned(), "outcome" => outcome).increment(1);
}

/// A tool was at work for so long.
pub(crate) fn tool_worked(tool: &str, time: Duration) {
    histogram!("weir_job_duration_seconds", "tool" => tool.to_owned()).record(time);
}
