//! What logs and traces call the work of a run, by the conventions of `OpenTelemetry` for generative models
//! (`gen_ai.*`). Never what anybody said.

use tracing::{Span, field, info_span};
use weir_protocol::{ToolCallId, Usage};
use weir_store::{JobRecord, RunRecord};

use crate::{drive::Drive, providers::Chosen};

/// A run, from its start to its end here.
pub(crate) fn run(run: &RunRecord) -> Span {
    let span = info_span!("run", run = %run.id);
    weir_trace::set(&span, "gen_ai.conversation.id", run.conversation.to_string());
    weir_trace::set(&span, "weir.run.id", run.id.to_string());
    span
}

/// One question to a model.
pub(crate) fn chat(drive: &Drive, chosen: &Chosen) -> Span {
    let span = info_span!("chat", otel.name = field::Empty, otel.kind = field::Empty);
    if weir_trace::is_collected() {
        weir_trace::name(&span, &format!("chat {}", chosen.model), "client");
        weir_trace::set(&span, "gen_ai.operation.name", "chat");
        weir_trace::set(&span, "gen_ai.provider.name", chosen.provider.id().to_owned());
        weir_trace::set(&span, "gen_ai.request.model", chosen.model.clone());
        weir_trace::set(&span, "gen_ai.conversation.id", drive.run.conversation.to_string());
    }
    span
}

/// What a model has counted.
pub(crate) fn counted(span: &Span, usage: Option<Usage>) {
    if let Some(usage) = usage {
        weir_trace::set(span, "gen_ai.usage.input_tokens", usage.input_tokens.cast_signed());
        weir_trace::set(span, "gen_ai.usage.output_tokens", usage.output_tokens.cast_signed());
    }
}

/// One execution of a tool.
pub(crate) fn job(record: &JobRecord) -> Span {
    let (id, tool) = (record.job.id, &record.job.name);
    let span = info_span!("job", job = %id, otel.name = field::Empty, otel.kind = field::Empty);
    if weir_trace::is_collected() {
        named(&span, id, tool);
    }
    span
}

fn named(span: &Span, id: ToolCallId, tool: &str) {
    weir_trace::name(span, &format!("execute_tool {tool}"), "internal");
    weir_trace::set(span, "gen_ai.operation.name", "execute_tool");
    weir_trace::set(span, "gen_ai.tool.name", tool.to_owned());
    weir_trace::set(span, "gen_ai.tool.call.id", id.to_string());
}
