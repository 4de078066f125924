//! One second of one instance, as it is told to the others; and what several of them come to together.

use std::collections::BTreeSet;

use metrics::Key;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use weir_protocol::{ConversationId, MetricsSample, RunId, Timestamp, UserId};

use super::{
    buckets::{Buckets, Total},
    names,
    recorder::Registry,
};

/// People whose ids are told; those of more are only counted.
const MOST_PEOPLE: usize = 4096;
/// Runs that are told one by one.
const MOST_RUNS: usize = 200;

/// What happened in one second at one instance, and how it stood at its end. Another version may not know every field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Second {
    /// When the instance started, in milliseconds since 1970.
    pub(crate) started_at: i64,
    /// How long this second was.
    pub(crate) seconds: f64,
    pub(crate) events: Events,
    pub(crate) sockets: u64,
    pub(crate) readers: u64,
    pub(crate) runs: u64,
    pub(crate) jobs: u64,
    pub(crate) held_bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu: f64,
    /// A part of the id of each person, so that nobody is counted twice.
    pub(crate) people: BTreeSet<u64>,
    pub(crate) more_people: u64,
    pub(crate) running: Vec<Running>,
}

/// How often something happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Events {
    pub(crate) errors: u64,
    pub(crate) output_tokens: u64,
    pub(crate) input_tokens: u64,
    pub(crate) resumes: u64,
    pub(crate) take_overs: u64,
    pub(crate) readers_dropped: u64,
    pub(crate) frames_dropped: u64,
    pub(crate) rate_limited: u64,
    pub(crate) upstream_errors: u64,
    pub(crate) requests: Buckets,
    pub(crate) first_token: Buckets,
    pub(crate) commit: Buckets,
    pub(crate) commit_rows: Buckets,
    pub(crate) bell: Buckets,
}

/// An answer that is being written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) id: RunId,
    pub(crate) user: UserId,
    pub(crate) conversation: ConversationId,
    pub(crate) model: String,
    pub(crate) started_at: Timestamp,
    pub(crate) tokens: u64,
    pub(crate) tokens_per_second: f64,
}

impl Second {
    /// Names the people of this second.
    pub(crate) fn set_people(&mut self, people: impl IntoIterator<Item = UserId>) {
        // The random half of a UUIDv7.
        let mut all: BTreeSet<u64> = people.into_iter().map(|user| Uuid::as_u64_pair(&user.0).1).collect();
        while all.len() > MOST_PEOPLE {
            all.pop_last();
            self.more_people += 1;
        }
        self.people = all;
    }

    /// Names the runs of this second, the newest of them if there are many.
    pub(crate) fn set_running(&mut self, mut running: Vec<Running>) {
        running.sort_unstable_by_key(|run| std::cmp::Reverse(run.id.0));
        running.truncate(MOST_RUNS);
        self.running = running;
    }
}

/// What several instances come to: what is counted is added up, and quantiles are those of everything that was measured.
#[allow(clippy::cast_precision_loss, reason = "no figure of one second comes near 2^53")]
pub(crate) fn together<'s>(seconds: impl IntoIterator<Item = &'s Second>) -> MetricsSample {
    let mut sum = MetricsSample::default();
    let (mut people, mut all) = (BTreeSet::<u64>::new(), Events::default());
    for second in seconds {
        let events = &second.events;
        let rate = |count: u64| if second.seconds > 0.0 { count as f64 / second.seconds } else { 0.0 };
        sum.requests_per_second += rate(events.requests.count());
        sum.errors_per_second += rate(events.errors);
        sum.tokens_per_second += rate(events.output_tokens);
        sum.input_tokens_per_second += rate(events.input_tokens);
        sum.people += second.more_people;
        sum.sockets += second.sockets;
        sum.readers += second.readers;
        sum.runs += second.runs;
        sum.jobs += second.jobs;
        sum.resumes += events.resumes;
        sum.take_overs += events.take_overs;
        sum.readers_dropped += events.readers_dropped;
        sum.frames_dropped += events.frames_dropped;
        sum.rate_limited += events.rate_limited;
        sum.upstream_errors += events.upstream_errors;
        sum.held_bytes += second.held_bytes;
        sum.memory_bytes += second.memory_bytes;
        sum.cpu += second.cpu;
        people.extend(&second.people);
        all.requests.merge(&events.requests);
        all.first_token.merge(&events.first_token);
        all.commit.merge(&events.commit);
        all.commit_rows.merge(&events.commit_rows);
        all.bell.merge(&events.bell);
    }
    sum.people += people.len() as u64;
    sum.latency = all.requests.milliseconds();
    sum.first_token = all.first_token.milliseconds();
    sum.commit = all.commit.milliseconds();
    sum.bell = all.bell.milliseconds();
    let commits = all.commit_rows.count();
    sum.rows_per_commit = (commits > 0).then(|| all.commit_rows.sum() as f64 / commits as f64);
    sum
}

/// Everything that this process has counted up to a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    counters: Events,
    requests: Total,
    first_token: Total,
    commit: Total,
    commit_events: Total,
    bell: Total,
    pub(crate) sockets: u64,
    pub(crate) readers: u64,
    pub(crate) held_bytes: u64,
}

impl Totals {
    /// Reads the registry.
    pub(crate) fn read(registry: &Registry) -> Self {
        let mut totals = Self::default();
        registry.counters(|key, count| {
            if let Some(counter) = totals.counters.counter(key.name()) {
                *counter += count;
            }
        });
        registry.gauges(|key, level| {
            let gauge = match key.name() {
                names::SOCKETS => &mut totals.sockets,
                names::READERS => &mut totals.readers,
                names::HELD_BYTES => &mut totals.held_bytes,
                _ => return,
            };
            *gauge += whole(level);
        });
        registry.histograms(|key, histogram| {
            let total = match key.name() {
                names::REQUESTS => &mut totals.requests,
                names::FIRST_TOKEN => &mut totals.first_token,
                names::COMMIT => &mut totals.commit,
                names::COMMIT_EVENTS => &mut totals.commit_events,
                names::BELL_DELAY => &mut totals.bell,
                _ => return,
            };
            total.add(histogram);
            if key.name() == names::REQUESTS && is_error(key) {
                totals.counters.errors += histogram.counts().sum::<u64>();
            }
        });
        totals
    }

    /// What happened after `before`.
    pub(crate) fn since(&self, before: &Self) -> Events {
        let (now, then) = (&self.counters, &before.counters);
        Events {
            errors: now.errors.saturating_sub(then.errors),
            output_tokens: now.output_tokens.saturating_sub(then.output_tokens),
            input_tokens: now.input_tokens.saturating_sub(then.input_tokens),
            resumes: now.resumes.saturating_sub(then.resumes),
            take_overs: now.take_overs.saturating_sub(then.take_overs),
            readers_dropped: now.readers_dropped.saturating_sub(then.readers_dropped),
            frames_dropped: now.frames_dropped.saturating_sub(then.frames_dropped),
            rate_limited: now.rate_limited.saturating_sub(then.rate_limited),
            upstream_errors: now.upstream_errors.saturating_sub(then.upstream_errors),
            requests: self.requests.since(&before.requests),
            first_token: self.first_token.since(&before.first_token),
            commit: self.commit.since(&before.commit),
            commit_rows: self.commit_events.since(&before.commit_events),
            bell: self.bell.since(&before.bell),
        }
    }
}

impl Events {
    /// The count of this name, if it is one that a second tells.
    fn counter(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            names::OUTPUT_TOKENS => &mut self.output_tokens,
            names::INPUT_TOKENS => &mut self.input_tokens,
            names::RESUMES => &mut self.resumes,
            names::TAKE_OVERS => &mut self.take_overs,
            names::READERS_DROPPED => &mut self.readers_dropped,
            names::FRAMES_DROPPED => &mut self.frames_dropped,
            names::RATE_LIMITED => &mut self.rate_limited,
            names::UPSTREAM_ERRORS => &mut self.upstream_errors,
            _ => return None,
        })
    }
}

/// Whether a request's status says that the server failed.
fn is_error(key: &Key) -> bool {
    key.labels().any(|label| label.key() == "status" && label.value().starts_with('5'))
}

/// A level as a count. A gauge that was just set back may stand a little below 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast keeps to the bounds")]
fn whole(level: f64) -> u64 {
    level.round() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics::{counter, histogram, with_local_recorder};

    use super::*;

    fn instance(latencies: &[u64], people: &[u128]) -> Second {
        let registry = Registry::new();
        let before = Totals::read(&registry);
        with_local_recorder(&registry, || {
            for milliseconds in latencies {
                let time = Duration::from_millis(*milliseconds);
                histogram!(names::REQUESTS, "route" => "/api/me", "status" => "200").record(time);
            }
            histogram!(names::REQUESTS, "route" => "/api/me", "status" => "503").record(Duration::from_millis(1));
            counter!(names::OUTPUT_TOKENS).increment(10);
        });
        let events = Totals::read(&registry).since(&before);
        let mut second = Second { seconds: 2.0, events, sockets: 3, memory_bytes: 1000, ..Second::default() };
        second.set_people(people.iter().map(|person| UserId(Uuid::from_u128(*person))));
        second
    }

    #[test]
    fn met_5_what_instances_count_is_added_up_and_nobody_is_counted_twice() {
        let (one, other) = (instance(&[2; 19], &[1, 2]), instance(&[400; 19], &[2, 3, 4]));
        let sum = together([&one, &other]);
        let figures = (sum.requests_per_second, sum.errors_per_second, sum.tokens_per_second);
        assert_eq!(figures, (20.0, 1.0, 10.0));
        assert_eq!((sum.sockets, sum.people, sum.memory_bytes), (6, 4, 2000));
        let latency = sum.latency.unwrap();
        assert!(latency.p50 < 2.2, "half of all 40 took 2 ms or less");
        assert!(latency.p95 > 380.0);
        assert_eq!(sum.first_token, None, "nothing of the kind was measured");
    }

    #[test]
    fn many_people_are_counted_and_not_named() {
        let people: Vec<u128> = (0..5000).collect();
        let second = instance(&[], &people);
        assert_eq!((second.people.len(), together([&second]).people), (MOST_PEOPLE, 5000));
    }

    #[test]
    fn a_second_of_another_version_is_read_as_far_as_it_is_known() {
        let second: Second = serde_json::from_str(r#"{"sockets":3,"events":{"resumes":1},"new":[]}"#).unwrap();
        let sum = together([&second]);
        assert_eq!((sum.sockets, sum.resumes, sum.requests_per_second), (3, 1, 0.0));
    }
}
