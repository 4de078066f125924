//! The registry as Prometheus reads it: the text format, version 0.0.4.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use metrics::Key;

use super::{
    buckets::{Histogram, bounds},
    names::{ALL, Kind},
    recorder::Registry,
};

/// What the answer calls itself.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the buckets that are written, in units: a few of those that are kept, each at the end of one.
const SECONDS: &[u64] = &[
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];
const NUMBERS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// One line for each value, under what is said of its metric. What was never measured is not there.
pub(crate) fn text(registry: &Registry) -> String {
    let mut series: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    let names: BTreeMap<&str, &str> = ALL.iter().map(|metric| (metric.name, metric.name)).collect();
    let mut put = |key: &Key, value: Value| {
        if let Some(name) = names.get(key.name()) {
            series.entry(name).or_default().insert(labels(key), value);
        }
    };
    registry.counters(|key, count| put(key, Value::Count(count)));
    registry.gauges(|key, level| put(key, Value::Level(level)));
    registry.histograms(|key, histogram| put(key, Value::Distribution(distribution(key.name(), histogram))));

    let mut text = String::new();
    for metric in ALL {
        let Some(series) = series.get(metric.name) else { continue };
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Seconds | Kind::Numbers => "histogram",
        };
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {0} {kind}", metric.name, metric.help);
        for (labels, value) in series {
            // Nothing fails that is written to a string.
            let _ = write_series(&mut text, metric.name, labels, value);
        }
    }
    text
}

enum Value {
    Count(u64),
    Level(f64),
    Distribution(Distribution),
}

/// A histogram as it is written: how many were at most each bound.
struct Distribution {
    scale: f64,
    at_most: Vec<(u64, u64)>,
    count: u64,
    sum: u64,
}

fn distribution(name: &str, histogram: &Histogram) -> Distribution {
    let seconds = ALL.iter().any(|metric| metric.name == name && metric.kind == Kind::Seconds);
    let (wanted, scale) = if seconds { (SECONDS, 1e6) } else { (NUMBERS, 1.0) };
    let mut at_most = Vec::with_capacity(wanted.len());
    let (mut count, mut wanted) = (0, wanted.iter().copied().peekable());
    for (bucket, more) in histogram.counts().enumerate() {
        // A bucket that reaches beyond the bound is not in it: the bound itself then counts to the next.
        while let Some(bound) = wanted.next_if(|bound| bounds(bucket).1 > *bound) {
            at_most.push((bound, count));
        }
        count += more;
    }
    at_most.extend(wanted.map(|bound| (bound, count)));
    Distribution { scale, at_most, count, sum: histogram.sum() }
}

#[allow(clippy::cast_precision_loss, reason = "what is lost is below the width of a bucket")]
fn write_series(text: &mut String, name: &str, labels: &str, value: &Value) -> fmt::Result {
    let braced = |labels: &str| if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    match value {
        Value::Count(count) => writeln!(text, "{name}{} {count}", braced(labels)),
        Value::Level(level) => writeln!(text, "{name}{} {level}", braced(labels)),
        Value::Distribution(Distribution { scale, at_most, count, sum }) => {
            let comma = if labels.is_empty() { "" } else { "," };
            for (bound, at_most) in at_most {
                writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{}\"}} {at_most}", *bound as f64 / scale)?;
            }
            writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}")?;
            writeln!(text, "{name}_sum{} {}", braced(labels), *sum as f64 / scale)?;
            writeln!(text, "{name}_count{} {count}", braced(labels))
        }
    }
}

/// The labels in the order of their names, their values escaped.
fn labels(key: &Key) -> String {
    let mut labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
    labels.sort_unstable();
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels = labels.into_iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    labels.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics::{counter, gauge, histogram, with_local_recorder};

    use super::*;

    #[test]
    fn met_1_what_was_measured_is_written_as_prometheus_reads_it() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            counter!("weir_jobs_ended_total", "tool" => "a\"b\\c\nd", "outcome" => "worked").increment(3);
            gauge!("weir_readers").set(2.0);
            let commits = histogram!("weir_commit_duration_seconds");
            for milliseconds in [1, 2, 40] {
                commits.record(Duration::from_millis(milliseconds));
            }
            histogram!("weir_commit_events").record(2.0);
        });
        let text = text(&registry);
        let lines: Vec<_> = text.lines().collect();
        for line in [
            "# TYPE weir_readers gauge",
            "weir_readers 2",
            "# TYPE weir_jobs_ended_total counter",
            r#"weir_jobs_ended_total{outcome="worked",tool="a\"b\\c\nd"} 3"#,
            "# TYPE weir_commit_duration_seconds histogram",
            r#"weir_commit_duration_seconds_bucket{le="0.0025"} 2"#,
            r#"weir_commit_duration_seconds_bucket{le="0.05"} 3"#,
            r#"weir_commit_duration_seconds_bucket{le="+Inf"} 3"#,
            "weir_commit_duration_seconds_sum 0.043",
            "weir_commit_duration_seconds_count 3",
            r#"weir_commit_events_bucket{le="1"} 0"#,
            r#"weir_commit_events_bucket{le="2"} 1"#,
        ] {
            assert!(lines.contains(&line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn the_bounds_that_are_written_are_those_of_buckets() {
        for bound in SECONDS.iter().chain(NUMBERS) {
            assert!((0..super::super::buckets::BUCKETS).any(|bucket| {
                let (low, high) = bounds(bucket);
                low == *bound || high == *bound
            }));
        }
    }
}
