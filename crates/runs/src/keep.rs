//! Leases: an instance keeps its own by moving its beat, and takes the runs of those whose beat stands still.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use weir_realtime::Topic;
use weir_store::{Beat, InstanceId, StoreError, UnfinishedRun};

use crate::{Contact, Runs, lease::Watch, measure, runs::lock};

/// Between two beats of an instance, and between two looks at the others.
pub(crate) const BEAT: Duration = Duration::from_millis(500);

/// The pause before a heartbeat that failed is sent again: well before the other instances think this one dead.
const HEARTBEAT_RETRY: Duration = Duration::from_millis(100);

/// Within this time all instances of a cluster that is stopped as a whole have said so.
const STOP_SKEW: Duration = Duration::from_millis(200);

/// Transactions that take runs over at the same time.
pub(crate) const TAKE_OVERS_AT_ONCE: usize = 4;

/// Between two looks for runs that nobody drives, where there is only one instance.
const ALONE: Duration = Duration::from_secs(5);

/// What an instance asks of the database that it shares with others, in order to keep its leases and to find lost ones.
trait LeaseStore {
    fn instance(&self) -> InstanceId;

    /// Moves the heartbeat.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the other instances thought this one dead.
    async fn beat(&self) -> Result<(), StoreError>;

    /// Makes this instance known.
    async fn register(&self) -> Result<(), StoreError>;

    /// Every known instance with its heartbeat.
    async fn instances(&self) -> Result<HashMap<InstanceId, Beat>, StoreError>;

    /// Forgets an instance that is thought dead.
    async fn forget(&self, dead: InstanceId) -> Result<(), StoreError>;

    /// Takes over runs and jobs that have no living owner.
    async fn take_over(&self) -> Result<(), StoreError>;

    /// Notes which instances may be dead.
    fn note_silent(&self, silent: HashSet<InstanceId>);
}

impl LeaseStore for Runs {
    fn instance(&self) -> InstanceId {
        self.inner.instance
    }

    async fn beat(&self) -> Result<(), StoreError> {
        self.inner.store.beat(self.inner.instance).await
    }

    async fn register(&self) -> Result<(), StoreError> {
        self.inner.store.register_instance(self.inner.instance, self.inner.clock.now()).await
    }

    async fn instances(&self) -> Result<HashMap<InstanceId, Beat>, StoreError> {
        self.inner.store.instances().await
    }

    async fn forget(&self, dead: InstanceId) -> Result<(), StoreError> {
        self.inner.store.forget_instance(dead).await
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        self.take_over_orphans().await.map(drop)
    }

    fn note_silent(&self, silent: HashSet<InstanceId>) {
        *lock(&self.inner.silent) = silent;
    }
}

/// Moves the heartbeat for as long as it is polled.
async fn move_heartbeat(store: &impl LeaseStore, contact: &Contact) {
    let mut ticks = ticks(BEAT);
    loop {
        ticks.tick().await;
        let moved = match store.beat().await {
            Err(StoreError::NotFound(_)) => {
                tracing::warn!("the other instances thought this one dead");
                store.register().await
            }
            moved => moved,
        };
        match moved {
            Ok(()) => contact.beaten(),
            Err(error) => {
                tracing::warn!(%error, "the heartbeat cannot be stored; trying again");
                ticks.reset_after(HEARTBEAT_RETRY);
            }
        }
    }
}

/// Looks at the other instances once, forgets the dead ones, and takes over what they owned.
async fn look_after(store: &impl LeaseStore, watch: &mut Watch) -> Result<(), StoreError> {
    let dead = watch.look(store.instance(), &store.instances().await?);
    store.note_silent(watch.silent());
    for dead in dead {
        tracing::warn!(instance = %dead.0, "its heartbeat stands still; taking its runs over");
        store.forget(dead).await?;
    }
    store.take_over().await
}

impl Runs {
    /// Makes this instance known. Where nobody else can serve the database, whoever was known before is dead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn join(&self) -> Result<(), StoreError> {
        let inner = &self.inner;
        if !inner.store.is_shared() {
            for dead in inner.store.instances().await?.into_keys() {
                inner.store.forget_instance(dead).await?;
            }
        }
        self.register().await
    }

    /// Keeps the leases of this instance and takes over what others have lost, for as long as it is polled, or until the
    /// instance leaves: one whose heartbeat moves again after its farewell would be waited for. `contact` is lost when that cannot be
    /// done, where there may be others.
    pub async fn keep(self, contact: Contact) {
        let is_shared = self.inner.store.is_shared();
        tokio::select! {
            biased;
            () = self.inner.stop.cancelled() => {}
            // Waits for nothing that the others do.
            () = move_heartbeat(&self, &contact), if is_shared => {}
            () = contact.mind(), if is_shared => {}
            () = self.keep_looking() => {}
        }
    }

    async fn keep_looking(&self) {
        let is_shared = self.inner.store.is_shared();
        let mut watch = Watch::default();
        let mut leases = self.inner.log.listen(Topic::Leases);
        let mut ticks = ticks(if is_shared { BEAT } else { ALONE });
        loop {
            let looked = tokio::select! {
                _ = ticks.tick() => if is_shared { look_after(self, &mut watch).await } else { self.take_over().await },
                // A run was released, which says nothing about heartbeats.
                () = leases.rung() => self.take_over().await,
            };
            if let Err(error) = looked {
                tracing::warn!(%error, "the leases cannot be looked after; trying again");
            }
        }
    }

    /// Stops what somebody wants stopped, and takes over every run and job that nobody drives: a run goes on where its provider can, a job is run again where that
    /// does no harm, else it ends as interrupted. One that cannot be taken over is logged and tried again with the next look. Returns how
    /// many runs there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_over_orphans(&self) -> Result<usize, StoreError> {
        let inner = &self.inner;
        let jobs = inner.jobs.look_after().await;
        let driven = inner.driven();
        let found = inner.store.runs_to_look_after(inner.instance).await?;
        inner.let_go(driven, &found);
        let taken = stream::iter(found)
            .map(|found| self.look_after_run(found))
            .buffer_unordered(TAKE_OVERS_AT_ONCE)
            .filter(|is_taken| std::future::ready(*is_taken))
            .count()
            .await;
        jobs.map(|()| taken)
    }

    /// Stops or takes over a run, if need be. True: it was taken over.
    async fn look_after_run(&self, found: UnfinishedRun) -> bool {
        let inner = &self.inner;
        if let Some(active) = inner.active(found.id) {
            if found.cancel_requested {
                // Perhaps at another instance.
                active.cancel.cancel();
            }
            return false;
        }
        if inner.draining.is_cancelled() {
            return false;
        }
        let active = inner.activate(found.id);
        match inner.store.take_over(found.id, found.epoch, inner.instance).await {
            Ok((run, lease)) => {
                tracing::info!(run = %run.id, attempt = run.attempts, "taking a run over");
                measure::taken_over("run");
                lock(&inner.refused_take_overs).remove(&run.id);
                self.spawn(run, lease, active, None);
                return true;
            }
            // Another instance was faster, it has just ended, or its row is locked.
            Err(StoreError::NotFound(_)) => {}
            Err(error) => {
                measure::take_over_failed("run");
                // Once, not with every look: a newer version may have written what this one cannot read.
                if lock(&inner.refused_take_overs).insert(found.id) {
                    tracing::error!(%error, run = %found.id, "a run cannot be taken over; trying again");
                }
            }
        }
        inner.deactivate(found.id);
        false
    }

    /// Says that this instance takes over nothing from now on, and tells whether another one does that is alive.
    pub(crate) async fn has_successor(&self) -> bool {
        let inner = &self.inner;
        if !inner.store.is_shared() {
            return false;
        }
        // In this order: of two instances that stop together, none hands over to the other.
        let serving = async {
            inner.store.mark_draining(inner.instance).await?;
            sleep(STOP_SKEW).await;
            inner.store.serving_instances().await
        };
        match serving.await {
            Ok(serving) => !serving.is_subset(&lock(&inner.silent)),
            Err(error) => {
                tracing::warn!(%error, "it is not known whether another instance can take the answers over");
                false
            }
        }
    }

    /// Makes this instance unknown: what it still owns is for whoever is first.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.inner.store.forget_instance(self.inner.instance).await {
            tracing::warn!(%error, "the other instances have to find out by themselves that this one is gone");
        }
        self.inner.log.changed(Topic::Leases);
    }
}

/// What is driven here, and was not found in the database by the last look. Only what two looks miss is gone: something that ends is
/// done in the database a moment before it ends here.
#[derive(Debug)]
pub(crate) struct Missing<T>(HashSet<T>);

impl<T> Default for Missing<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Copy + Eq + Hash> Missing<T> {
    /// Takes in what a look missed; gives what the one before missed too.
    pub(crate) fn twice(&mut self, driven: Vec<T>, is_missing: impl Fn(&T) -> bool) -> Vec<T> {
        let missing: HashSet<T> = driven.into_iter().filter(is_missing).collect();
        let twice = missing.intersection(&self.0).copied().collect();
        self.0 = missing;
        twice
    }
}

/// Ticks that come late are not made up for.
fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod simulation;
