//! Looks at everything once a second, and tells the other instances.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use weir_protocol::{InstanceMetrics, RunId, Timestamp, UserId};
use weir_runs::Runs;
use weir_store::{Clock, InstanceId, Store, ToldSecond};

use super::{
    Metrics,
    measure::Levels,
    process,
    second::{Running, Second, Totals, together},
    tick::{INTERVAL_MS, Tick},
};
use crate::http::Sessions;

/// From one look to the next.
const INTERVAL: Duration = Duration::from_millis(INTERVAL_MS);
/// How long the database may take to carry a second to the others.
const PATIENCE: Duration = Duration::from_millis(800);
/// An instance whose second is still the same after so many looks is gone.
const STALE: u32 = 4;
/// Seconds for which the names of people are remembered.
const NAMES_KEPT: u64 = 60;

/// Where the levels come from. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// Runs and jobs.
    pub runs: Runs,
    /// Sessions, and who has them.
    pub sessions: Sessions,
    /// Where instances tell each other.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Looks at everything once a second.
pub struct Sampler {
    metrics: Metrics,
    sources: Sources,
    started_at: Timestamp,
    before: Totals,
    cpu_before: Duration,
    looked_at: Instant,
    tokens_before: HashMap<RunId, u64>,
    number: u64,
    others: HashMap<InstanceId, Other>,
    names: HashMap<UserId, String>,
}

/// What another instance has told last.
struct Other {
    number: u64,
    /// Looks since then.
    looks: u32,
    second: Second,
}

impl Sampler {
    /// Looks from now on.
    pub fn new(metrics: Metrics, sources: Sources) -> Self {
        let started_at = sources.clock.now();
        Self {
            before: Totals::read(&metrics.0.registry),
            metrics,
            sources,
            started_at,
            cpu_before: process::cpu_time(),
            looked_at: Instant::now(),
            tokens_before: HashMap::new(),
            number: 0,
            others: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// Looks each second, for as long as it is polled.
    pub async fn work(mut self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        // The first is due at once, and nothing has happened yet.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    /// Looks once.
    pub async fn look(&mut self) {
        self.number += 1;
        let own = self.measure();
        self.exchange(&own).await;
        let now = self.sources.clock.now();
        let all = || std::iter::once(&own).chain(self.others.values().map(|other| &other.second));
        let total = together(all());
        let mut running: Vec<Running> = all().flat_map(|second| second.running.iter().cloned()).collect();
        running.sort_unstable_by_key(|run| run.started_at);
        let ids = std::iter::once(self.sources.runs.instance()).chain(self.others.keys().copied());
        let mut instances: Vec<_> = ids
            .zip(all())
            .map(|(id, second)| InstanceMetrics {
                id: id.0.to_string(),
                started_at: Timestamp(second.started_at),
                sample: together([second]),
            })
            .collect();
        instances.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        let mut named = Vec::with_capacity(running.len());
        for run in running {
            let name = self.name(run.user).await;
            named.push((run, name));
        }
        self.metrics.publish(Tick { number: self.number, at: now, total, instances, running: named });
    }

    /// What happened here since the last look.
    fn measure(&mut self) -> Second {
        let totals = Totals::read(&self.metrics.0.registry);
        let seconds = self.looked_at.elapsed().as_secs_f64();
        self.looked_at = Instant::now();
        let (live, users) = (self.sources.runs.live(), self.sources.sessions.users());
        let cpu_time = process::cpu_time();
        let people: HashSet<UserId> = users.into_iter().chain(live.iter().map(|run| run.user)).collect();
        let levels = Levels {
            people: people.len(),
            sessions: self.sources.sessions.count(),
            runs: self.sources.runs.under_way(),
            jobs: self.sources.runs.jobs().under_way(),
            memory: process::memory(),
            cpu_time,
            wal: self.sources.store.wal_bytes(),
        };
        levels.show();
        let mut second = Second {
            started_at: self.started_at.0,
            seconds,
            events: totals.since(&self.before),
            sockets: totals.sockets,
            readers: totals.readers,
            held_bytes: totals.held_bytes,
            runs: levels.runs as u64,
            jobs: levels.jobs as u64,
            memory_bytes: levels.memory,
            cpu: cpu_time.saturating_sub(self.cpu_before).as_secs_f64() / seconds.max(0.001),
            ..Second::default()
        };
        second.set_people(people);
        let before = std::mem::take(&mut self.tokens_before);
        self.tokens_before = live.iter().map(|run| (run.id, run.tokens)).collect();
        let running = live.into_iter().map(|run| {
            let more = run.tokens.saturating_sub(before.get(&run.id).copied().unwrap_or(0));
            Running {
                id: run.id,
                user: run.user,
                conversation: run.conversation,
                model: run.model,
                started_at: run.started_at,
                tokens: run.tokens,
                #[allow(clippy::cast_precision_loss, reason = "no run has 2^53 tokens")]
                tokens_per_second: more as f64 / seconds.max(0.001),
            }
        });
        second.set_running(running.collect());
        self.before = totals;
        self.cpu_before = cpu_time;
        second
    }

    /// Tells the others of this second, and hears of theirs. While that does not work they are shown for a moment as they
    /// were, and then not any more.
    async fn exchange(&mut self, own: &Second) {
        if !self.sources.store.is_shared() {
            return;
        }
        let text = serde_json::to_string(own).unwrap_or_default();
        let (store, instance) = (&self.sources.store, self.sources.runs.instance());
        let told = match timeout(PATIENCE, store.exchange_seconds(instance, self.number, &text)).await {
            Ok(Ok(told)) => Some(told),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the other instances are not told of this second");
                None
            }
            Err(_) => None,
        };
        self.hear(told);
    }

    /// Takes in what the others have told, if it could be read.
    fn hear(&mut self, told: Option<Vec<ToldSecond>>) {
        self.others.values_mut().for_each(|other| other.looks += 1);
        if let Some(told) = told {
            self.others.retain(|id, _| told.iter().any(|told| told.instance == *id));
            for ToldSecond { instance, number, second } in told {
                if self.others.get(&instance).is_some_and(|other| other.number == number) {
                    continue;
                }
                // What an odd version tells is left out.
                if let Ok(second) = serde_json::from_str(&second) {
                    self.others.insert(instance, Other { number, looks: 0, second });
                }
            }
        }
        self.others.retain(|_, other| other.looks < STALE);
    }

    /// What a person calls themselves.
    async fn name(&mut self, user: UserId) -> String {
        if self.number.is_multiple_of(NAMES_KEPT) {
            self.names.clear();
        }
        if let Some(name) = self.names.get(&user) {
            return name.clone();
        }
        let asked = timeout(PATIENCE, self.sources.store.user_name(user)).await;
        // Without the database there is no name, and it is asked for again with the next second.
        let Ok(Ok(name)) = asked else { return String::new() };
        self.names.insert(user, name.clone());
        name
    }
}
