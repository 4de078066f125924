//! Where everything that is measured is counted.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use metrics::{Counter, Gauge, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{Registry as Shards, Storage};

use super::{
    buckets::Histogram,
    names::{self, Kind},
};

/// Series there are at most, all metrics together: a label whose values come from outside must not fill the memory. What comes
/// after the last is not counted.
const MOST_SERIES: usize = 4096;

/// Everything that is measured in this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Inner>);

struct Inner {
    shards: Shards<Key, Kept>,
    series: AtomicUsize,
}

/// What is kept of each series.
struct Kept;

impl Storage<Key> for Kept {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Histogram>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        let seconds = names::find(key.name()).is_some_and(|metric| metric.kind == Kind::Seconds);
        Arc::new(Histogram::new(if seconds { 1e6 } else { 1.0 }))
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { shards: Shards::new(Kept), series: AtomicUsize::new(0) }))
    }

    /// The one of this process, to which the macros of `metrics` write from the first call on.
    pub(crate) fn of_the_process() -> Self {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        let install = || {
            let registry = Self::new();
            // Nobody else installs one.
            let _ = metrics::set_global_recorder(registry.clone());
            registry
        };
        REGISTRY.get_or_init(install).clone()
    }

    /// Shows every counter.
    pub(crate) fn counters(&self, mut show: impl FnMut(&Key, u64)) {
        self.0.shards.visit_counters(|key, counter| show(key, counter.load(Ordering::Relaxed)));
    }

    /// Shows every gauge.
    pub(crate) fn gauges(&self, mut show: impl FnMut(&Key, f64)) {
        self.0.shards.visit_gauges(|key, gauge| show(key, f64::from_bits(gauge.load(Ordering::Relaxed))));
    }

    /// Shows every histogram.
    pub(crate) fn histograms(&self, mut show: impl FnMut(&Key, &Histogram)) {
        self.0.shards.visit_histograms(|key, histogram| show(key, histogram));
    }

    /// Whether there is room for one more series, which is taken.
    fn admits(&self) -> bool {
        let room = self
            .0
            .series
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |series| (series < MOST_SERIES).then_some(series + 1));
        room.is_ok()
    }
}

impl Recorder for Registry {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if self.0.shards.get_counter(key).is_none() && !self.admits() {
            return Counter::noop();
        }
        self.0.shards.get_or_create_counter(key, |counter| counter.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        if self.0.shards.get_gauge(key).is_none() && !self.admits() {
            return Gauge::noop();
        }
        self.0.shards.get_or_create_gauge(key, |gauge| gauge.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        if self.0.shards.get_histogram(key).is_none() && !self.admits() {
            return metrics::Histogram::noop();
        }
        self.0.shards.get_or_create_histogram(key, |histogram| histogram.clone().into())
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, with_local_recorder};

    use super::*;

    #[test]
    fn met_3_labels_from_outside_do_not_fill_the_memory() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            for tool in 0..2 * MOST_SERIES {
                counter!("weir_jobs_ended_total", "tool" => tool.to_string()).increment(1);
            }
            counter!("weir_jobs_ended_total", "tool" => "7").increment(1);
        });
        let (mut series, mut seventh) = (0, 0);
        registry.counters(|key, count| {
            series += 1;
            if key.labels().any(|label| label.value() == "7") {
                seventh = count;
            }
        });
        assert_eq!((series, seventh), (MOST_SERIES, 2));
    }
}
