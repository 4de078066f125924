//! Streams of server-sent events that a server over HTTP answers with.

use futures_util::{StreamExt as _, future::ready, stream::BoxStream};
use rmcp::{
    model::{RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::SseError,
};
use sse_stream::Sse;
use tokio_util::sync::CancellationToken;

use super::{
    fault::ConnectionFault,
    malformed::{Malformed, error_response, invalid, too_large},
};

type Event = Result<Sse, SseError>;

/// How the events of one stream are checked.
pub(super) struct EventStreams {
    /// The request that the stream answers; none: the stream belongs to no request.
    pub(super) request: Option<RequestId>,
    /// The limit that the transport applies.
    pub(super) max_event_bytes: usize,
    pub(super) fault: ConnectionFault,
    pub(super) closed: CancellationToken,
}

impl EventStreams {
    /// Replaces a response that cannot be read by an error, and reports one whose request is unknown: the transport would ignore
    /// it, and its request would wait for its timeout. The stream ends with the connection.
    pub(super) fn check(self, events: BoxStream<'static, Event>) -> BoxStream<'static, Event> {
        let closed = self.closed.clone().cancelled_owned();
        let checked = events.filter_map(move |event| ready(self.checked(event)));
        checked.take_until(closed).boxed()
    }

    fn checked(&self, event: Event) -> Option<Event> {
        let malformed = match &event {
            Ok(sse) => {
                let is_message = matches!(sse.event.as_deref(), None | Some("" | "message"));
                let text = sse.data.as_deref().unwrap_or_default();
                if !is_message || text.trim().is_empty() {
                    return Some(event);
                }
                match serde_json::from_str::<ServerJsonRpcMessage>(text) {
                    Ok(_) => return Some(event),
                    Err(error) => (Malformed::of(text.as_bytes()), invalid(&error)),
                }
            }
            Err(error) if is_too_large(error) => (Malformed::Unknown, too_large(self.max_event_bytes)),
            Err(_) => return Some(event),
        };
        let (request, why) = match (malformed, &self.request) {
            ((Malformed::Unsolicited, _), _) => return None,
            ((Malformed::Response(id), why), _) => (id, why),
            ((Malformed::Unknown, why), Some(id)) => (id.clone(), why),
            ((Malformed::Unknown, why), None) => {
                self.fault.report(why);
                return None;
            }
        };
        let data = serde_json::to_string(&error_response(request, why)).ok()?;
        Some(Ok(Sse { data: Some(data), ..Sse::default() }))
    }
}

/// The transport's error type is private.
fn is_too_large(error: &SseError) -> bool {
    matches!(error, SseError::Body(error) if error.to_string().starts_with("SSE event exceeded the maximum size"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use serde_json::{Value, json};

    use super::*;

    /// The messages of a stream that answers `request`, and the reason of the connection's end.
    async fn checked(request: Option<i64>, data: &str) -> (Vec<Value>, Option<String>) {
        let fault = ConnectionFault::default();
        let streams = EventStreams {
            request: request.map(RequestId::Number),
            max_event_bytes: 16 * 1024 * 1024,
            fault: fault.clone(),
            closed: CancellationToken::new(),
        };
        let event = Sse { data: Some(data.to_owned()), ..Sse::default() };
        let events: Vec<_> = streams.check(stream::iter([Ok(event)]).boxed()).collect().await;
        let read = |event: Event| serde_json::from_str(&event.unwrap().data.unwrap()).unwrap();
        (events.into_iter().map(read).collect(), fault.reason())
    }

    #[tokio::test]
    async fn mcp_27_an_event_that_is_not_valid_fails_its_request_or_the_connection() {
        let deep = format!(r#"{{"jsonrpc":"2.0","id":5,"result":{}{}}}"#, "[".repeat(800), "]".repeat(800));
        for (data, request, fails) in [
            (&*deep, Some(1), Some(5)),
            (&deep, None, Some(5)),
            (r#"{"jsonrpc":"2.0","result":{"#, Some(1), Some(1)),
            (r#"{"jsonrpc":"2.0","method":5}"#, Some(1), None),
            ("keep-alive", Some(1), None),
        ] {
            let (messages, fault) = checked(request, data).await;
            let ids: Vec<_> = messages.iter().map(|message| message["id"].as_i64()).collect();
            assert_eq!((ids, fault), (fails.into_iter().map(Some).collect(), None), "{data:.60}");
        }
        let (messages, fault) = checked(None, r#"{"jsonrpc":"2.0","result":{"#).await;
        assert!(messages.is_empty() && fault.is_some_and(|why| why.contains("not valid JSON")));
        let whole = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
        assert_eq!(checked(Some(1), &whole.to_string()).await, (vec![whole], None));
    }
}
