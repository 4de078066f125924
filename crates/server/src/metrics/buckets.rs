//! Histograms of fixed buckets: cheap to count into, and those of several instances can be added up, so that a quantile of all
//! of them is one of what was measured and not an average of quantiles.
//!
//! Whole numbers below 100 have a bucket each; above, every power of ten has 90. A value is known to a tenth at worst.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use metrics::HistogramFn;
use serde::{Deserialize, Serialize};
use weir_protocol::Quantiles;

/// Values below this have a bucket each.
const EXACT: u64 = 100;
const DECADES: usize = 8;
const PER_DECADE: usize = 90;
/// How many there are. The last takes everything from 9.9·10⁹ on: 2 h 45 min in microseconds.
pub(crate) const BUCKETS: usize = 100 + DECADES * PER_DECADE;

/// The bucket of a value.
#[allow(clippy::cast_possible_truncation, reason = "at most two digits are left")]
fn bucket_of(value: u64) -> usize {
    let (mut decade, mut digits) = (0, value);
    while digits >= EXACT {
        digits /= 10;
        decade += 1;
    }
    if decade == 0 {
        return digits as usize;
    }
    (EXACT as usize + (decade - 1) * PER_DECADE + digits as usize - 10).min(BUCKETS - 1)
}

/// The smallest value of a bucket, and the largest.
pub(crate) fn bounds(bucket: usize) -> (u64, u64) {
    let Some(wide) = bucket.checked_sub(100) else { return (bucket as u64, bucket as u64) };
    let width = 10_u64.pow(u32::try_from(wide / PER_DECADE + 1).unwrap_or(u32::MAX));
    let digits = (wide % PER_DECADE + 10) as u64;
    (digits * width, (digits + 1) * width - 1)
}

/// A histogram that many threads count into.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Units of a bucket in one of what is recorded.
    scale: f64,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one that keeps `scale` units for each of what is recorded.
    pub(crate) fn new(scale: f64) -> Self {
        Self { scale, counts: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// How many there are in each bucket.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed))
    }

    /// Everything together, in units.
    pub(crate) fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }
}

impl HistogramFn for Histogram {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast keeps to the bounds")]
    fn record(&self, value: f64) {
        let units = (value * self.scale).round() as u64;
        self.counts[bucket_of(units)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(units, Ordering::Relaxed);
    }
}

/// What a histogram counted up to some moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    counts: Vec<u64>,
    sum: u64,
}

impl Total {
    /// Adds a histogram.
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        self.counts.resize(BUCKETS, 0);
        self.counts.iter_mut().zip(histogram.counts()).for_each(|(total, count)| *total += count);
        self.sum += histogram.sum();
    }

    /// What was counted after `before`.
    pub(crate) fn since(&self, before: &Self) -> Buckets {
        let mut since = Buckets { sum: self.sum.saturating_sub(before.sum), ..Buckets::default() };
        for (bucket, count) in (0_u16..).zip(&self.counts) {
            let more = count.saturating_sub(before.counts.get(usize::from(bucket)).copied().unwrap_or(0));
            if more > 0 {
                since.counts.insert(bucket, more);
            }
        }
        since
    }
}

/// What was counted in one second, without the buckets that are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Buckets {
    counts: BTreeMap<u16, u64>,
    sum: u64,
}

impl Buckets {
    /// Adds what somebody else has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            let merged = self.counts.entry(*bucket).or_default();
            *merged = merged.saturating_add(*count);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.counts.values().fold(0, |all, count| all.saturating_add(*count))
    }

    /// Everything together, in units.
    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// The quantiles in milliseconds of microseconds that were counted; none of nothing.
    pub(crate) fn milliseconds(&self) -> Option<Quantiles> {
        let at = |per_cent| self.quantile(per_cent).map(|microseconds| microseconds / 1000.0);
        Some(Quantiles { p50: at(50)?, p95: at(95)?, p99: at(99)? })
    }

    /// The middle of the bucket in which the value stands that `per_cent` of all do not exceed.
    #[allow(clippy::cast_precision_loss, reason = "bounds stay below 2^53")]
    fn quantile(&self, per_cent: u64) -> Option<f64> {
        let rank = self.count().checked_mul(per_cent)?.div_ceil(100).max(1);
        let mut below = 0_u64;
        for (bucket, count) in &self.counts {
            below = below.saturating_add(*count);
            if below >= rank {
                let (low, high) = bounds(usize::from(*bucket).min(BUCKETS - 1));
                return Some(f64::midpoint(low as f64, high as f64));
            }
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, reason = "the values of a test are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(values: &[u64]) -> Buckets {
        let histogram = Histogram::new(1.0);
        for value in values {
            histogram.record(*value as f64);
        }
        let mut total = Total::default();
        total.add(&histogram);
        total.since(&Total::default())
    }

    #[test]
    fn every_value_has_one_bucket_and_the_buckets_leave_no_hole() {
        let mut next = 0;
        for bucket in 0..BUCKETS {
            let (low, high) = bounds(bucket);
            assert_eq!(low, next);
            assert_eq!((bucket_of(low), bucket_of(high)), (bucket, bucket));
            next = high + 1;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    proptest! {
        #[test]
        fn met_5_quantiles_of_several_instances_are_those_of_all_that_was_measured(
            parts in prop::collection::vec(prop::collection::vec(0_u64..5_000_000_000, 0..60), 1..5),
        ) {
            let mut all: Vec<u64> = parts.concat();
            let mut merged = Buckets::default();
            for part in &parts {
                merged.merge(&counted(part));
            }
            prop_assert_eq!(&merged, &counted(&all));
            all.sort_unstable();
            for per_cent in [50, 95, 99] {
                let Some(found) = merged.quantile(per_cent) else { prop_assert!(all.is_empty()); continue };
                let rank = (all.len() as u64 * per_cent).div_ceil(100).max(1);
                let truth = all[usize::try_from(rank).unwrap() - 1];
                let (low, high) = bounds(bucket_of(truth));
                prop_assert!(low as f64 <= found && found <= high as f64, "{} is not near {}", found, truth);
                prop_assert!((found - truth as f64).abs() <= truth as f64 / 10.0, "{} is not near {}", found, truth);
            }
        }

        #[test]
        fn what_another_instance_wrote_comes_back_as_it_went(values in prop::collection::vec(any::<u32>(), 0..60)) {
            let values: Vec<u64> = values.into_iter().map(u64::from).collect();
            let went = counted(&values);
            let came: Buckets = serde_json::from_str(&serde_json::to_string(&went).unwrap()).unwrap();
            prop_assert_eq!(came, went);
        }
    }

    #[test]
    fn an_average_of_quantiles_would_be_wrong() {
        let (mut quick, slow) = (counted(&[1000; 99]), counted(&[90_000]));
        quick.merge(&slow);
        assert_eq!(quick.milliseconds().map(|found| found.p50.round()), Some(1.0));
    }

    #[test]
    fn nonsense_from_another_version_is_no_panic() {
        let odd: Buckets = serde_json::from_str(r#"{"counts":{"65535":18446744073709551615,"3":2},"sum":1}"#).unwrap();
        let mut merged = counted(&[5]);
        merged.merge(&odd);
        let _ = merged.milliseconds();
    }
}
