//! What measuring costs on the way of a token, in nanoseconds: with the recorder and without. And how large a frame of the topic
//! `metrics` is.
//!
//! `cargo run --release --package weir-server --example metrics_cost`

use std::{hint::black_box, time::Instant};

use metrics::{counter, gauge, histogram};
use weir_protocol::{
    InstanceMetrics, MetricsPoint, MetricsSample, Quantiles, RunId, RunningRun, ServerFrame, Timestamp,
};
use weir_server::metrics::Metrics;

const TURNS: u32 = 2_000_000;

/// Nanoseconds for each turn, of five tries the best.
fn nanoseconds(mut turn: impl FnMut()) -> f64 {
    let timed = |_| {
        let began = Instant::now();
        (0..TURNS).for_each(|_| turn());
        began.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS)
    };
    (0..5).map(timed).fold(f64::INFINITY, f64::min)
}

fn measure(how: &str) {
    let tokens = counter!("weir_output_tokens_total");
    let held = gauge!("weir_held_bytes");
    let commits = histogram!("weir_commit_duration_seconds");
    let mut time = 0.000_1;
    println!("{how}:");
    println!("  a token is counted                 {:6.1} ns", nanoseconds(|| tokens.increment(black_box(1))));
    println!(
        "  a frame is held and acknowledged   {:6.1} ns",
        nanoseconds(|| {
            held.increment(black_box(200.0));
            held.decrement(black_box(200.0));
        })
    );
    println!(
        "  a commit is timed                  {:6.1} ns",
        nanoseconds(|| {
            time = (time * 1.01) % 0.1 + 0.000_1;
            commits.record(black_box(time));
        })
    );
}

fn main() {
    println!(
        "turning alone:                       {:6.1} ns",
        nanoseconds(|| {
            black_box(1);
        })
    );
    measure("without a recorder");
    let _metrics = Metrics::start(Timestamp(0));
    measure("with the recorder");
    for (instances, runs) in [(1, 0), (1, 5), (3, 100)] {
        println!("a frame of {instances} instances and {runs} runs: {} bytes", frame(instances, runs));
    }
}

/// How large a frame is in which everything was measured.
fn frame(instances: usize, runs: usize) -> usize {
    let quantiles = Some(Quantiles { p50: 12.25, p95: 105.5, p99: 1045.5 });
    let sample = MetricsSample {
        requests_per_second: 123.456,
        latency: quantiles,
        first_token: quantiles,
        commit: quantiles,
        bell: quantiles,
        tokens_per_second: 4321.5,
        rows_per_commit: Some(12.5),
        held_bytes: 1_234_567,
        memory_bytes: 123_456_789,
        cpu: 1.234,
        ..MetricsSample::default()
    };
    let id = "01980000-0000-7000-8000-000000000001";
    let run = RunningRun {
        id: RunId(id.parse().unwrap_or_default()),
        own: false,
        conversation_id: None,
        person: Some("Somebody".to_owned()),
        model: "openai/some-model".to_owned(),
        started_at: Timestamp(1_769_860_800_007),
        tokens: 1234,
        tokens_per_second: 45.5,
    };
    let started_at = Timestamp(1_769_860_800_007);
    let instance = InstanceMetrics { id: id.to_owned(), started_at, sample: sample.clone() };
    let point =
        MetricsPoint { at: started_at, total: sample, instances: vec![instance; instances], runs: vec![run; runs] };
    serde_json::to_string(&ServerFrame::from(point)).map_or(0, |text| text.len())
}
