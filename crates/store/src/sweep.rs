//! Retention: deletes what has expired, in small transactions with pauses between them, so that other commits hardly wait.
//!
//! The cost of a sweep depends on what it deletes, not on the history: partial indexes hold exactly the rows that still have
//! something to delete.

use std::time::Instant;

use uuid::Uuid;
use weir_protocol::{Timestamp, UserId};

use crate::{
    Store, StoreError,
    db::{Row, Scope, placeholders, query},
    deletion::{PART_BYTES, PART_ROWS},
    storage::{self, JOB_BYTES},
};

/// The pause after a transaction, in multiples of its duration.
const PAUSE_FACTOR: u32 = 9;

/// The share of a quota that tool calls outside of conversations may use: 1 of so many.
const ACTIVITY_SHARE: i64 = 4;

/// Logs of one kind.
struct Logs {
    owners: &'static str,
    events: &'static str,
    key: &'static str,
    /// As in the partial index over the logs that are not deleted yet.
    ended: &'static str,
}

const RUN_LOGS: Logs = Logs { owners: "runs", events: "run_events", key: "run_id", ended: "state = 'done'" };
const JOB_LOGS: Logs = Logs { owners: "jobs", events: "job_events", key: "job_id", ended: "ended_at IS NOT NULL" };

/// A log with the number and the size of its events.
struct ExpiredLog {
    owner: Uuid,
    events: usize,
    bytes: i64,
}

/// A tool call outside of conversations that is to be deleted.
struct ExpiredJob {
    id: Uuid,
    /// Bytes that it counts in its user's storage.
    counted: i64,
    /// Bytes of its log.
    log: i64,
}

impl Store {
    /// Deletes the logs of runs that ended before `before`, and returns how many logs.
    pub async fn delete_expired_run_logs(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.delete_expired_logs(&RUN_LOGS, before).await
    }

    /// Deletes the logs of jobs that ended before `before`, and returns how many logs. The jobs keep their output.
    pub async fn delete_expired_job_logs(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.delete_expired_logs(&JOB_LOGS, before).await
    }

    async fn delete_expired_logs(&self, logs: &Logs, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let expired = self.expired_logs(logs, before).await?;
            if expired.is_empty() {
                return Ok(deleted);
            }
            let mut rest = &expired[..];
            while let Some(first) = rest.first() {
                if first.is_large() {
                    while self.shorten_log(logs, first.owner).await? {}
                }
                let part = part_of(rest);
                self.delete_logs(logs, &rest[..part]).await?;
                deleted += part as u64;
                rest = &rest[part..];
            }
        }
    }

    async fn expired_logs(&self, logs: &Logs, before: Timestamp) -> Result<Vec<ExpiredLog>, StoreError> {
        let Logs { owners, events, key, ended } = logs;
        let sql = format!(
            "SELECT o.id, (SELECT COUNT(*) FROM {events} e WHERE e.{key} = o.id),
                 (SELECT CAST(COALESCE(SUM(octet_length(e.data)), 0) AS BIGINT) FROM {events} e WHERE e.{key} = o.id)
             FROM {owners} o WHERE {ended} AND log_deleted = FALSE AND ended_at < $1 ORDER BY ended_at LIMIT {PART_ROWS}"
        );
        let rows = query(sql).bind(before.0).fetch_all(&mut self.database.read(Scope::System).await?).await?;
        let log = |row: &Row| ExpiredLog {
            owner: row.get(0),
            events: usize::try_from(row.get::<i64>(1)).unwrap_or(usize::MAX),
            bytes: row.get(2),
        };
        Ok(rows.iter().map(log).collect())
    }

    /// Deletes the last events of a large log. False: little enough is left for one transaction.
    ///
    /// A reader that is still in the middle of the log sees no gap: its stream ends early.
    async fn shorten_log(&self, logs: &Logs, owner: Uuid) -> Result<bool, StoreError> {
        let Logs { events, key, .. } = logs;
        let sql = format!(
            "SELECT seq, CAST(octet_length(data) AS BIGINT) FROM {events} WHERE {key} = $1
             ORDER BY seq DESC LIMIT {PART_ROWS}"
        );
        let rows = query(sql).bind(owner).fetch_all(&mut self.database.read(Scope::System).await?).await?;
        let mut bytes = 0;
        let part = rows.iter().take_while(|row| {
            let is_first = bytes == 0;
            bytes += row.get::<i64>(1).max(1);
            is_first || bytes <= PART_BYTES
        });
        let Some(last) = part.last().filter(|_| rows.len() == PART_ROWS || bytes > PART_BYTES) else {
            return Ok(false);
        };
        let mut connection = self.database.statement().await?;
        let began = Instant::now();
        query(format!("DELETE FROM {events} WHERE {key} = $1 AND seq >= $2"))
            .bind(owner)
            .bind(last.get::<i64>(0))
            .execute(&mut connection)
            .await?;
        drop(connection);
        pause_since(began).await;
        Ok(true)
    }

    async fn delete_logs(&self, logs: &Logs, part: &[ExpiredLog]) -> Result<(), StoreError> {
        let Logs { owners, events, key, .. } = logs;
        let mut transaction = self.database.write(Scope::System).await?;
        let began = Instant::now();
        let ids = placeholders(part.len());
        for sql in [
            format!("DELETE FROM {events} WHERE {key} IN ({ids})"),
            format!("UPDATE {owners} SET log_deleted = TRUE WHERE id IN ({ids})"),
        ] {
            query(sql).bind_all(part.iter().map(|log| log.owner)).execute(&mut transaction).await?;
        }
        transaction.commit().await?;
        pause_since(began).await;
        Ok(())
    }

    /// Deletes tool calls outside of conversations that ended before `before`, and returns how many.
    pub async fn delete_expired_activity(&self, before: Timestamp) -> Result<u64, StoreError> {
        let sql = format!(
            "SELECT id, user_id, CAST({JOB_BYTES} AS BIGINT),
                 (SELECT CAST(COALESCE(SUM(octet_length(e.data)), 0) AS BIGINT) FROM job_events e WHERE e.job_id = jobs.id)
             FROM jobs WHERE conversation_id IS NULL AND ended_at < $1 ORDER BY ended_at LIMIT {PART_ROWS}"
        );
        let mut deleted = 0;
        loop {
            let rows =
                query(sql.clone()).bind(before.0).fetch_all(&mut self.database.read(Scope::System).await?).await?;
            let Some(user) = rows.first().map(|row| row.get::<Uuid>(1)) else { return Ok(deleted) };
            let of_user = rows.iter().filter(|row| row.get::<Uuid>(1) == user);
            let of_user: Vec<_> = of_user.map(|row| ExpiredJob::new(row.get(0), row.get(2), row.get(3))).collect();
            deleted += self.delete_jobs(UserId(user), &of_user).await?;
        }
    }

    /// Deletes the oldest ended tool calls outside of conversations where they use more than their share of a user's quota, and
    /// returns how many. Nothing else deletes them, and a user whose storage they fill could store nothing more.
    pub async fn delete_surplus_activity(&self) -> Result<u64, StoreError> {
        let Some(limit) = self.storage_limit else { return Ok(0) };
        let share = i64::try_from(limit).unwrap_or(i64::MAX) / ACTIVITY_SHARE;
        let users = query("SELECT id FROM users WHERE stored_bytes > $1")
            .bind(share)
            .fetch_all(&mut self.database.read(Scope::System).await?)
            .await?;
        let mut deleted = 0;
        for user in users.iter().map(|row| UserId(row.get(0))) {
            loop {
                let surplus = self.surplus_activity_of(user, share).await?;
                if surplus.is_empty() {
                    break;
                }
                deleted += self.delete_jobs(user, &surplus).await?;
            }
        }
        Ok(deleted)
    }

    async fn surplus_activity_of(&self, user: UserId, share: i64) -> Result<Vec<ExpiredJob>, StoreError> {
        let sql = format!(
            "SELECT id, bytes FROM (
                 SELECT id, ended_at, CAST({JOB_BYTES} AS BIGINT) AS bytes,
                     CAST(SUM({JOB_BYTES}) OVER (ORDER BY created_at DESC, id DESC) AS BIGINT) AS total
                 FROM jobs WHERE user_id = $1 AND conversation_id IS NULL) counted
             WHERE total > $2 AND ended_at IS NOT NULL LIMIT {PART_ROWS}"
        );
        let rows = query(sql).bind(user.0).bind(share).fetch_all(&mut self.database.read(Scope::System).await?).await?;
        Ok(rows.iter().map(|row| ExpiredJob::new(row.get(0), row.get(1), 0)).collect())
    }

    /// Deletes the first of these jobs of one user, as many as fit into one transaction.
    async fn delete_jobs(&self, user: UserId, jobs: &[ExpiredJob]) -> Result<u64, StoreError> {
        let mut bytes = 0;
        let fitting = jobs.iter().take_while(|job| {
            bytes += job.counted + job.log;
            bytes <= PART_BYTES
        });
        let part = &jobs[..fitting.count().max(1)];
        let mut transaction = self.database.write(Scope::System).await?;
        let began = Instant::now();
        let deleted = query(format!("DELETE FROM jobs WHERE id IN ({})", placeholders(part.len())))
            .bind_all(part.iter().map(|job| job.id))
            .execute(&mut transaction)
            .await?;
        if usize::try_from(deleted) != Ok(part.len()) {
            // Another instance deletes them at the same time and counts them.
            return Ok(0);
        }
        storage::adjust(&mut transaction, user, -part.iter().map(|job| job.counted).sum::<i64>()).await?;
        transaction.commit().await?;
        pause_since(began).await;
        Ok(deleted)
    }

    /// Executes a statement that deletes at most [`PART_ROWS`] rows until nothing is left to delete, with pauses. `$1` is `before`.
    pub(crate) async fn delete_in_parts(&self, sql: String, before: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut connection = self.database.statement().await?;
            let began = Instant::now();
            let rows = query(sql.clone()).bind(before).execute(&mut connection).await?;
            drop(connection);
            deleted += rows;
            if rows < PART_ROWS as u64 {
                return Ok(deleted);
            }
            pause_since(began).await;
        }
    }
}

impl ExpiredJob {
    const fn new(id: Uuid, counted: i64, log: i64) -> Self {
        Self { id, counted, log }
    }
}

impl ExpiredLog {
    /// Whether one transaction is too small for it.
    fn is_large(&self) -> bool {
        self.bytes > PART_BYTES || self.events > PART_ROWS
    }
}

/// How many of these logs, at least one, fit into one transaction.
fn part_of(logs: &[ExpiredLog]) -> usize {
    let (mut events, mut bytes) = (0, 0);
    let fitting = logs.iter().take_while(|log| {
        events += log.events;
        bytes += log.bytes;
        events <= PART_ROWS && bytes <= PART_BYTES
    });
    fitting.count().max(1)
}

/// Waits for a multiple of the time that the last transaction took.
pub(crate) async fn pause_since(began: Instant) {
    tokio::time::sleep(began.elapsed() * PAUSE_FACTOR).await;
}
