//! Traces to a collector: OTLP over HTTP with protobuf. The standard `OTEL_*` names are read by the SDK.
//!
//! Spans that have ended wait in a queue of a fixed length for one task, which sends them in batches. A collector that is
//! down costs the spans that find no room, and nothing else.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor},
};
use tokio::{sync::mpsc, time::sleep};

/// Spans that wait at most (`OTEL_BSP_MAX_QUEUE_SIZE` has the same default).
const QUEUE: usize = 2048;
/// Spans that go out together at most.
const BATCH: usize = 512;
/// How long a span waits for others.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a collector has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends spans for as long as it is polled.
pub(crate) struct Exporter {
    collector: SpanExporter,
    spans: mpsc::Receiver<SpanData>,
    /// What goes out just now; it goes out again when that was broken off.
    batch: Vec<SpanData>,
    dropped: Arc<AtomicU64>,
    /// Whether the collector took the last batch, so that its being down is told once.
    is_well: AtomicBool,
    _provider: SdkTracerProvider,
}

/// Makes what collects, and what sends. `collector` is the address without the path of the signal.
pub(super) fn start(collector: &str) -> Result<(SdkTracer, Exporter), opentelemetry_otlp::ExporterBuildError> {
    // The name that is for traces alone is a whole address (OTLP exporter, "Endpoint URLs for OTLP/HTTP").
    let whole = env::var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").ok().filter(|address| !address.is_empty());
    let address = whole.unwrap_or_else(|| format!("{}/v1/traces", collector.trim_end_matches('/')));
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(PATIENCE)
        .with_endpoint(address)
        .build()?;
    let named = |key| env::var(key).is_ok_and(|value| !value.is_empty());
    let resource = Resource::builder();
    let resource = if named("OTEL_SERVICE_NAME") || named("OTEL_RESOURCE_ATTRIBUTES") {
        resource.build()
    } else {
        resource.with_service_name("weir").build()
    };
    exporter.set_resource(&resource);
    let (queue, spans) = mpsc::channel(QUEUE);
    let dropped = Arc::<AtomicU64>::default();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_span_processor(Queue { queue, dropped: dropped.clone() })
        .build();
    let tracer = provider.tracer("weir");
    Ok((
        tracer,
        Exporter {
            collector: exporter,
            spans,
            batch: Vec::new(),
            dropped,
            is_well: AtomicBool::new(true),
            _provider: provider,
        },
    ))
}

/// Where spans wait.
#[derive(Debug)]
struct Queue {
    queue: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Exporter {
    /// Sends what comes. It may be dropped while it waits; then [`Self::finish`] sends the rest.
    pub(crate) async fn work(&mut self) {
        loop {
            while self.spans.is_empty() {
                sleep(PAUSE).await;
            }
            self.send_batch().await;
        }
    }

    /// Sends what is still there.
    pub(crate) async fn finish(mut self) {
        while !(self.spans.is_empty() && self.batch.is_empty()) {
            self.send_batch().await;
        }
    }

    async fn send_batch(&mut self) {
        while self.batch.len() < BATCH
            && let Ok(span) = self.spans.try_recv()
        {
            self.batch.push(span);
        }
        let sent = self.collector.export(self.batch.clone()).await;
        self.batch.clear();
        let was_well = self.is_well.swap(sent.is_ok(), Ordering::Relaxed);
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        match sent {
            Ok(()) if !was_well => tracing::info!(dropped, "the collector of traces is there again"),
            Err(error) if was_well => tracing::warn!(%error, "the collector of traces does not take them"),
            _ => {}
        }
    }
}
