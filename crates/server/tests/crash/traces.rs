//! A collector that receives what the real binary sends, and looks whether it is one trace.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message as _;
use serde_json::json;
use tokio::net::TcpListener;
use weir_testkit::soon;

use crate::process::World;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// What was received: the spans, and the names of the services that sent them.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<(Vec<Span>, Vec<String>)>>);

impl Collector {
    /// Listens; the address.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().0.clone()
    }
}

async fn receive(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["x-team"], "weir", "the headers of the standard name are sent");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut received = collector.0.lock().unwrap();
    for resource in request.resource_spans {
        received.1.push(attribute(&resource.resource.unwrap().attributes, "service.name"));
        received.0.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
}

/// An attribute as text; empty when it is not there.
fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Asks with the caller's position, and reads to the end.
async fn ask(url: &str, prompt: &str) -> String {
    let request = reqwest::Client::new()
        .post(format!("{url}/api/realtime"))
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .body(json!({ "prompt": prompt }).to_string());
    let response = soon("an answer", request.send()).await.unwrap();
    soon("the whole answer", response.text()).await.unwrap()
}

#[tokio::test]
async fn obs_1_a_request_its_run_the_model_and_a_tool_are_one_trace() {
    let collector = Collector::default();
    let address = collector.start().await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*address), ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=weir")];
    let world = World::new(&settings).await;
    let weir = world.start().await;
    let prompt = r#"My secret plan [[tokens=5]] [[call=calculate {"expression":"40+2"}]]"#;
    assert!(ask(&weir.url, prompt).await.contains("event: done"));
    // What has ended by then is sent before the process ends.
    weir.terminate();
    assert!(weir.ended().await.success());

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [request] = named("POST /api/realtime")[..] else { panic!("{:?}", names(&spans)) };
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    assert_eq!(request.kind, SpanKind::Server as i32);
    assert_eq!(attribute(&request.attributes, "http.route"), "/api/realtime");
    assert_eq!(attribute(&request.attributes, "http.response.status_code"), "200");
    let [run] = named("run")[..] else { panic!("{:?}", names(&spans)) };
    let chats = named("chat scripted-fast");
    assert_eq!(chats.len(), 2, "{:?}", names(&spans));
    let [tool] = named("execute_tool calculate")[..] else { panic!("{:?}", names(&spans)) };
    for (child, parent) in [(run, request), (chats[0], run), (chats[1], run), (tool, run)] {
        assert_eq!(
            (hex(&child.trace_id), &child.parent_span_id),
            (TRACE.to_owned(), &parent.span_id),
            "{}",
            child.name
        );
    }
    for chat in &chats {
        assert_eq!(chat.kind, SpanKind::Client as i32);
        assert_eq!(attribute(&chat.attributes, "gen_ai.operation.name"), "chat");
        assert_eq!(attribute(&chat.attributes, "gen_ai.provider.name"), "openai");
        assert_eq!(attribute(&chat.attributes, "gen_ai.request.model"), "scripted-fast");
        assert!(attribute(&chat.attributes, "gen_ai.usage.output_tokens").parse::<u64>().is_ok_and(|count| count > 0));
    }
    assert_eq!(attribute(&tool.attributes, "gen_ai.tool.name"), "calculate");
    assert!(!attribute(&tool.attributes, "gen_ai.tool.call.id").is_empty());

    let asked_in: Vec<_> = world.upstream.requests().into_iter().map(|asked| asked.traceparent.unwrap()).collect();
    let expected: Vec<_> = chats.iter().map(|chat| format!("00-{TRACE}-{}-01", hex(&chat.span_id))).collect();
    assert_eq!(asked_in, expected, "each question to the model names the span that asks it");

    assert_eq!(collector.0.lock().unwrap().1[0], "weir");
    let told = format!("{spans:?}");
    assert!(!told.contains("secret plan") && !told.contains("40+2"), "nothing that anybody said is told");
}

#[tokio::test]
async fn obs_2_a_collector_that_is_down_disturbs_nobody() {
    // Nobody listens there any more.
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
    let world = World::new(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &address)]).await;
    let weir = world.start().await;
    for _ in 0..3 {
        assert!(ask(&weir.url, "Hello [[tokens=5]]").await.contains("event: done"));
    }
    weir.terminate();
    assert!(soon("the process to end", weir.ended()).await.success());
}

#[tokio::test]
async fn obs_3_an_answer_that_fails_is_a_span_that_failed() {
    let collector = Collector::default();
    let address = collector.start().await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*address), ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=weir")];
    let world = World::new(&settings).await;
    let weir = world.start().await;
    ask(&weir.url, "Hello [[fail=500]]").await;
    let failed = async {
        loop {
            let found = collector.spans().into_iter().find(|span| span.name.starts_with("chat "));
            if let Some(span) = found {
                return span;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let span = soon("the span to be sent", failed).await;
    assert_eq!(span.status.unwrap().code, StatusCode::Error as i32);
    assert_eq!(attribute(&span.attributes, "error.type"), "provider_failed");
}

fn names(spans: &[Span]) -> HashMap<&str, usize> {
    let mut names = HashMap::new();
    for span in spans {
        *names.entry(&*span.name).or_default() += 1;
    }
    names
}
