//! One second of all instances, and what somebody may see of it.

use std::{collections::VecDeque, sync::Arc};

use weir_protocol::{
    InstanceMetrics, MetricsColumns, MetricsHistory, MetricsPoint, MetricsSample, RunningRun, ServerFrame, Timestamp,
    UserId,
};

use super::second::Running;

/// Milliseconds from one second's figures to the next.
pub(crate) const INTERVAL_MS: u64 = 1000;
/// Seconds that are remembered: 15 minutes.
const REMEMBERED: usize = 900;
/// Runs that are shown one by one.
const SHOWN_RUNS: usize = 100;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The person.
    pub user: UserId,
    /// Whether they may see the instances, and that other people's runs go on.
    pub administrator: bool,
}

/// One second.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    /// Counts from 1.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) total: MetricsSample,
    pub(crate) instances: Vec<InstanceMetrics>,
    /// Each with the name of its person.
    pub(crate) running: Vec<(Running, String)>,
}

impl Tick {
    /// What somebody may see of it.
    pub(crate) fn seen_by(&self, viewer: Viewer) -> MetricsPoint {
        let is_own = |(run, _): &&(Running, String)| run.user == viewer.user;
        let others = self.running.iter().filter(|run| viewer.administrator && !is_own(run));
        let shown = self.running.iter().filter(is_own).chain(others).take(SHOWN_RUNS);
        let runs = shown.map(|(run, person)| {
            let own = run.user == viewer.user;
            RunningRun {
                id: run.id,
                own,
                conversation_id: own.then_some(run.conversation),
                person: (!own).then(|| person.clone()),
                model: run.model.clone(),
                started_at: run.started_at,
                tokens: run.tokens,
                tokens_per_second: run.tokens_per_second,
            }
        });
        MetricsPoint {
            at: self.at,
            total: self.total.clone(),
            instances: if viewer.administrator { self.instances.clone() } else { Vec::new() },
            runs: runs.collect(),
        }
    }

    /// The same as a frame.
    pub(crate) fn frame(&self, viewer: Viewer) -> String {
        // A frame consists of plain values, which can always be written.
        serde_json::to_string(&ServerFrame::from(self.seen_by(viewer))).unwrap_or_default()
    }
}

/// The last 15 minutes.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Arc<Tick>>);

impl History {
    pub(crate) fn push(&mut self, tick: Arc<Tick>) {
        // Only the newest runs are ever shown.
        if let Some(last) = self.0.back_mut() {
            Arc::make_mut(last).running = Vec::new();
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(tick);
    }

    /// What somebody may see of it, up to `now`.
    pub(crate) fn seen_by(&self, now: &Tick, viewer: Viewer) -> MetricsHistory {
        let (mut at, mut total) = (Vec::with_capacity(self.0.len()), MetricsColumns::default());
        for tick in &self.0 {
            at.push(tick.at);
            total.push(Some(&tick.total));
        }
        let mut history = MetricsHistory {
            now: now.seen_by(viewer),
            interval_ms: INTERVAL_MS,
            at,
            total,
            per_instance: std::collections::BTreeMap::new(),
        };
        if viewer.administrator {
            for (before, tick) in self.0.iter().enumerate() {
                for instance in &tick.instances {
                    let columns = history.per_instance.entry(instance.id.clone()).or_insert_with(|| {
                        let mut new = MetricsColumns::default();
                        (0..before).for_each(|_| new.push(None));
                        new
                    });
                    columns.push(Some(&instance.sample));
                }
                for columns in history.per_instance.values_mut().filter(|columns| columns.runs.len() == before) {
                    columns.push(None);
                }
            }
        }
        history
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use weir_protocol::{ConversationId, RunId};

    use super::*;

    const OWN: UserId = UserId(Uuid::from_u128(1));

    fn tick(number: u64) -> Tick {
        let at = Timestamp(number.cast_signed() * 1000);
        let running = |user| Running {
            id: RunId(Uuid::from_u128(user)),
            user: UserId(Uuid::from_u128(user)),
            conversation: ConversationId(Uuid::from_u128(9)),
            model: "m/m".to_owned(),
            started_at: at,
            tokens: 3,
            tokens_per_second: 1.0,
        };
        let sample = MetricsSample { runs: number, ..MetricsSample::default() };
        let instances = vec![InstanceMetrics { id: "one".to_owned(), started_at: at, sample: sample.clone() }];
        let running = vec![(running(2), "Bob".to_owned()), (running(1), "Alice".to_owned())];
        Tick { number, at, total: sample, instances, running }
    }

    #[test]
    fn met_8_a_user_sees_the_sums_and_their_own_runs_and_nothing_else() {
        let mut history = History::default();
        history.push(Arc::new(tick(1)));
        let (user, administrator) =
            (Viewer { user: OWN, administrator: false }, Viewer { user: OWN, administrator: true });
        let seen = history.seen_by(&tick(1), user);
        assert_eq!((seen.now.total.runs, seen.now.instances.len(), seen.per_instance.len()), (1, 0, 0));
        let runs = |point: MetricsPoint| point.runs.into_iter().map(|run| (run.own, run.person)).collect::<Vec<_>>();
        assert_eq!(runs(seen.now), [(true, None)]);
        let seen = history.seen_by(&tick(1), administrator);
        assert_eq!(seen.per_instance["one"].runs, [Some(1)]);
        assert_eq!(runs(seen.now), [(true, None), (false, Some("Bob".to_owned()))]);
    }

    #[test]
    fn an_instance_that_comes_later_or_goes_has_columns_as_long_as_the_others() {
        let mut history = History::default();
        for number in 1..=3 {
            let mut tick = tick(number);
            if number != 2 {
                tick.instances.clear();
            }
            history.push(Arc::new(tick));
        }
        let seen = history.seen_by(&tick(3), Viewer { user: OWN, administrator: true });
        assert_eq!(seen.per_instance["one"].runs, [None, Some(2), None]);
    }
}
