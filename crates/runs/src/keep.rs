//! Leases: an instance keeps its own by moving its beat, and takes the runs of those whose beat stands still.

use std::time::Duration;

use tokio::time::sleep;
use weir_realtime::Topic;
use weir_store::StoreError;

use crate::{Contact, Runs, lease::Watch, measure};

/// Between two beats of an instance, and between two looks at the others.
pub(crate) const BEAT: Duration = Duration::from_millis(500);

/// Between two looks for runs that nobody drives, where there is only one instance.
const ALONE: Duration = Duration::from_secs(5);

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
        inner.store.register_instance(inner.instance, inner.clock.now()).await
    }

    /// Keeps the leases of this instance and takes over what others have lost, for as long as it is polled, or until the
    /// instance leaves: one that beats again after its farewell would be waited for. `contact` is lost when that cannot be
    /// done, where there may be others.
    pub async fn keep(self, contact: Contact) {
        tokio::select! {
            biased;
            () = self.inner.stop.cancelled() => {}
            () = self.keep_looking(&contact) => {}
            () = contact.mind(), if self.inner.store.is_shared() => {}
        }
    }

    async fn keep_looking(&self, contact: &Contact) {
        let mut watch = Watch::default();
        let mut leases = self.inner.log.listen(Topic::Leases);
        let pause = if self.inner.store.is_shared() { BEAT } else { ALONE };
        loop {
            let looked = tokio::select! {
                () = sleep(pause) => self.look_after(&mut watch, contact).await,
                // A run was given up. That says nothing of anybody's beat.
                () = leases.rung() => self.take_over_orphans().await.map(drop),
            };
            if let Err(error) = looked {
                tracing::warn!(%error, "the leases cannot be looked after; trying again");
            }
        }
    }

    async fn look_after(&self, watch: &mut Watch, contact: &Contact) -> Result<(), StoreError> {
        let inner = &self.inner;
        if inner.store.is_shared() {
            match inner.store.beat(inner.instance).await {
                Ok(()) => {}
                Err(StoreError::NotFound(_)) => {
                    tracing::warn!("the other instances thought this one dead");
                    inner.store.register_instance(inner.instance, inner.clock.now()).await?;
                }
                Err(error) => return Err(error),
            }
            contact.beaten();
            for dead in watch.look(inner.instance, &inner.store.instances().await?) {
                tracing::warn!(instance = %dead.0, "its beat stands still; taking its runs over");
                inner.store.forget_instance(dead).await?;
            }
        }
        self.take_over_orphans().await.map(drop)
    }

    /// Stops what somebody wants stopped, and takes over every run and job that nobody drives: a run goes on where its provider can, a job is run again where that
    /// does no harm, else it ends as interrupted. Returns how many runs there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_over_orphans(&self) -> Result<usize, StoreError> {
        let inner = &self.inner;
        inner.jobs.look_after().await?;
        let mut taken = 0;
        for found in inner.store.runs_to_look_after(inner.instance).await? {
            if let Some(active) = inner.active(found.id) {
                if found.cancel_requested {
                    // Perhaps at another instance.
                    active.cancel.cancel();
                }
                continue;
            }
            if inner.draining.is_cancelled() {
                continue;
            }
            let active = inner.activate(found.id);
            match inner.store.take_over(found.id, found.epoch, inner.instance).await {
                Ok((run, lease)) => {
                    tracing::info!(run = %run.id, attempt = run.attempts, "taking a run over");
                    measure::taken_over("run");
                    self.spawn(run, lease, active, None);
                    taken += 1;
                }
                // Somebody else was faster, or it has just ended.
                Err(StoreError::NotFound(_)) => inner.deactivate(found.id),
                Err(error) => {
                    inner.deactivate(found.id);
                    return Err(error);
                }
            }
        }
        Ok(taken)
    }

    /// Whether there is another instance that could go on with the runs of this one.
    pub(crate) async fn has_successor(&self) -> bool {
        let inner = &self.inner;
        inner.store.is_shared() && inner.store.instances().await.is_ok_and(|all| all.len() > 1)
    }

    /// Makes this instance unknown: what it still owns is for whoever is first.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.inner.store.forget_instance(self.inner.instance).await {
            tracing::warn!(%error, "the other instances have to find out by themselves that this one is gone");
        }
        self.inner.log.changed(Topic::Leases);
    }
}
