//! Work that is done at intervals: deletion of what is kept no longer, and a look whether writes work.

use std::{sync::Arc, time::Duration};

use tokio::time::{interval, sleep};
use weir_protocol::Timestamp;
use weir_store::{Backoff, Clock, InstanceId, Store, StoreError};

/// How often old logs and idempotency keys are looked for.
const SWEEP: Duration = Duration::from_mins(10);
/// How often it is tried whether writes work, where none has worked for so long.
const PROBE: Duration = Duration::from_secs(10);
/// Delays between two tries while they do not.
const PROBE_MIN: Duration = Duration::from_secs(1);
const PROBE_MAX: Duration = Duration::from_secs(5);
/// How long a write may take. More than a wait for `SQLite`'s lock, which then names itself as the reason.
const PROBE_LIMIT: Duration = Duration::from_secs(6);

/// How long ended work is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// The logs of runs and jobs.
    pub(crate) logs: Duration,
    /// Tool calls outside of conversations.
    pub(crate) activity: Duration,
}

/// Deletes what is kept no longer, again and again.
pub(crate) async fn sweep(store: Store, clock: Arc<dyn Clock>, retention: Retention) {
    let mut ticks = interval(SWEEP);
    loop {
        ticks.tick().await;
        sweep_once(&store, clock.now(), retention).await;
    }
}

/// Deletes what is kept no longer. A step that fails does not keep the others from their work.
async fn sweep_once(store: &Store, now: Timestamp, retention: Retention) {
    let before = |age: Duration| Timestamp(now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
    step("logs of runs", store.delete_expired_run_logs(before(retention.logs))).await;
    step("logs of jobs", store.delete_expired_job_logs(before(retention.logs))).await;
    step("idempotency keys", store.forget_old_keys(now)).await;
    step("inbox changes", store.delete_expired_changes(now)).await;
    step("credentials", store.forget_old_access(now)).await;
    step("MCP authorizations", store.forget_old_mcp_journeys(now)).await;
    step("rate limits", store.forget_full_buckets()).await;
    step("activity", store.delete_expired_activity(before(retention.activity))).await;
    step("activity over the quota", store.delete_surplus_activity()).await;
    step("deleted content", store.purge()).await;
    step("write-ahead log", store.checkpoint()).await;
}

async fn step<T: std::fmt::Debug>(name: &'static str, work: impl Future<Output = Result<T, StoreError>>) {
    match work.await {
        Ok(deleted) => tracing::debug!(step = name, ?deleted, "a step of the sweep is done"),
        Err(error) => tracing::warn!(step = name, %error, "a step of the sweep failed; the others continue"),
    }
}

/// Writes at intervals where nothing else has been written, so that the health endpoint knows whether writes work.
pub(crate) async fn probe_writes(store: Store, instance: InstanceId) {
    let mut backoff = Backoff::new(PROBE_MIN, PROBE_MAX);
    loop {
        if !store.write_health().has_succeeded_within(PROBE) {
            store.probe_writes(instance, PROBE_LIMIT).await;
        }
        if store.write_health().failure().is_none() {
            backoff.reset();
            sleep(PROBE).await;
        } else {
            backoff.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_protocol::Seq;
    use weir_testkit::{ALICE, TestStore};

    use super::*;

    #[tokio::test]
    async fn life_6_a_step_of_the_sweep_that_fails_does_not_skip_the_later_ones() {
        let stored = TestStore::open().await;
        stored.start("a change").await;
        let changes = async || stored.store.inbox_after(ALICE, Seq::START, 10).await.unwrap().changes.len();
        assert_ne!(changes().await, 0);
        stored.execute("ALTER TABLE job_events RENAME TO moved_away").await;
        sweep_once(
            &stored.store,
            Timestamp(i64::MAX / 2),
            Retention { logs: Duration::ZERO, activity: Duration::ZERO },
        )
        .await;
        assert_eq!(changes().await, 0);
    }
}
