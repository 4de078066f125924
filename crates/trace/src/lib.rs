//! What belongs to a trace and to no log: W3C trace context in and out, and attributes by the semantic conventions of
//! `OpenTelemetry`.
//!
//! While nobody collects traces, everything here looks at one flag and does nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::{
    Value,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header of a trace's position (W3C Trace Context, 3.2), and the name that MCP has for it in `_meta`.
pub const TRACEPARENT: &str = "traceparent";
/// The header of what other systems carry along with it (W3C Trace Context, 3.3).
pub const TRACESTATE: &str = "tracestate";

static COLLECTED: AtomicBool = AtomicBool::new(false);

/// From now on traces are collected.
pub fn collect() {
    COLLECTED.store(true, Ordering::Relaxed);
}

/// Whether traces are collected.
pub fn is_collected() -> bool {
    COLLECTED.load(Ordering::Relaxed)
}

/// Gives the span its name in traces, and its kind: `server`, `client` or `internal`. It must have the fields `otel.name` and
/// `otel.kind`, which stay empty in logs while nobody collects traces.
pub fn name(span: &Span, name: &str, kind: &str) {
    if is_collected() {
        span.record("otel.name", name).record("otel.kind", kind);
    }
}

/// Tells something of the span that only a trace shows. Never what anybody said.
pub fn set(span: &Span, key: &'static str, value: impl Into<Value>) {
    if is_collected() {
        span.set_attribute(key, value.into());
    }
}

/// The span has failed: `kind` is a stable word.
pub fn failed(span: &Span, kind: &str) {
    if is_collected() {
        span.set_attribute("error.type", kind.to_owned());
        span.set_status(opentelemetry::trace::Status::error(kind.to_owned()));
    }
}

/// Where the current span stands, for the headers of a request to another system; none while nobody collects traces.
pub fn current() -> Option<Vec<(&'static str, String)>> {
    if !is_collected() {
        return None;
    }
    let context = Span::current().context();
    let span = context.span();
    let position = span.span_context();
    if !position.is_valid() {
        return None;
    }
    let flags = position.trace_flags() & TraceFlags::SAMPLED;
    let parent = format!("00-{}-{}-{:02x}", position.trace_id(), position.span_id(), flags);
    let state = position.trace_state().header();
    let state = (!state.is_empty()).then_some((TRACESTATE, state));
    Some([(TRACEPARENT, parent)].into_iter().chain(state).collect())
}

/// Makes the span a child of the one that a caller names. Nonsense is passed over, as the specification asks.
pub fn adopt(span: &Span, parent: Option<&str>, state: Option<&str>) {
    if !is_collected() {
        return;
    }
    if let Some(position) = parent.and_then(|parent| parse(parent, state)) {
        // It only fails for a span that has begun or is not collected.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(position));
    }
}

/// Reads `traceparent` (W3C Trace Context, 3.2.2) and `tracestate`.
fn parse(parent: &str, state: Option<&str>) -> Option<SpanContext> {
    let mut parts = parent.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let well_formed = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    // A later version may have more to say, this one has not.
    if !well_formed || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let state = state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
    let position = SpanContext::new(TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?, flags, true, state);
    position.is_valid().then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let position = parse(PARENT, Some("vendor=1")).unwrap();
        assert_eq!(position.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(position.span_id().to_string(), "b7ad6b7169203331");
        assert!(position.is_sampled() && position.is_remote());
        assert_eq!(position.trace_state().header(), "vendor=1");
    }

    #[test]
    fn obs_4_what_is_no_position_is_passed_over() {
        for text in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-ü-b7ad6b7169203331-01",
        ] {
            assert!(parse(text, None).is_none(), "{text}");
        }
    }

    #[test]
    fn nothing_is_sent_while_nobody_collects() {
        assert_eq!(current(), None);
    }
}
