//! Who drives a job: its lease, the take-over of jobs whose instance died, and the jobs that have not ended.

use weir_protocol::{ConversationId, Seq, ToolCallId, ToolCallStatus, UserId};

use crate::{
    InstanceId, JobRecord, Store, StoreError,
    db::{Row, Scope, query},
    jobs::{get, status_word},
    log::{self, LogId},
};

/// What a look for jobs sees of one that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedJob {
    /// The job.
    pub id: ToolCallId,
    /// Whose it is.
    pub user: UserId,
    /// Whose appends count.
    pub epoch: u64,
    /// Its cancellation was requested.
    pub cancel_requested: bool,
    /// Its approval was decided, and it has not begun since.
    pub is_decided: bool,
}

/// The right to append to a job, until somebody takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLease {
    /// The job.
    pub job: ToolCallId,
    /// Its user, whose turn at the writer an append takes.
    pub user: UserId,
    /// The number that an append must carry.
    pub epoch: u64,
    /// The number of the next event.
    pub next: Seq,
}

impl Store {
    /// The jobs of a user that have not ended.
    pub async fn unfinished_jobs_of(&self, user: UserId) -> Result<Vec<ToolCallId>, StoreError> {
        let rows = query("SELECT id FROM jobs WHERE user_id = $1 AND ended_at IS NULL")
            .bind(user.0)
            .fetch_all(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        Ok(rows.iter().map(|row| ToolCallId(row.get(0))).collect())
    }

    /// Every job that has not ended and that no known instance owns, or this one does; oldest first. Arguments, which may be
    /// large, are not read.
    pub async fn jobs_to_look_after(&self, owner: InstanceId) -> Result<Vec<UnfinishedJob>, StoreError> {
        let sql = "SELECT id, user_id, epoch, cancel_requested_at, status, decision IS NOT NULL FROM jobs
             WHERE ended_at IS NULL
             AND (owner = $1 OR NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = jobs.owner)) ORDER BY id";
        let rows = query(sql).bind(owner.0).fetch_all(&mut self.database.leases().await?).await?;
        let job = |row: &Row| UnfinishedJob {
            id: ToolCallId(row.get(0)),
            user: UserId(row.get(1)),
            epoch: row.get::<i64>(2).unsigned_abs(),
            cancel_requested: row.get::<Option<i64>>(3).is_some(),
            is_decided: row.get::<&str>(4) == status_word(ToolCallStatus::Queued) && row.get::<bool>(5),
        };
        Ok(rows.iter().map(job).collect())
    }

    /// The jobs of a conversation that have not ended.
    pub async fn unfinished_jobs_in(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<ToolCallId>, StoreError> {
        let rows = query("SELECT id FROM jobs WHERE conversation_id = $1 AND user_id = $2 AND ended_at IS NULL")
            .bind(conversation.0)
            .bind(user.0)
            .fetch_all(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        Ok(rows.iter().map(|row| ToolCallId(row.get(0))).collect())
    }

    /// Takes over a job that has not ended and stands at `epoch`: from now on only appends of the new lease count. A job that ran
    /// and was not given up has lost its server, which is counted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it has ended or is deleted, another instance was faster, or another transaction has locked its row.
    pub async fn take_job_over(
        &self,
        id: ToolCallId,
        epoch: u64,
        owner: InstanceId,
    ) -> Result<(JobRecord, JobLease), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let lock = transaction.dialect().for_update_unless_locked();
        let taken = query(format!(
            "UPDATE jobs SET epoch = epoch + 1, attempts = attempts + 1, owner = $3,
                 deaths = deaths + CASE WHEN status = 'running' AND owner IS NOT NULL THEN 1 ELSE 0 END
             WHERE id = (SELECT id FROM jobs WHERE id = $1 AND epoch = $2 AND ended_at IS NULL{lock}) RETURNING user_id"
        ))
        .bind(id.0)
        .bind(epoch.cast_signed())
        .bind(owner.0)
        .fetch_optional(&mut transaction)
        .await?
        .ok_or(StoreError::NotFound("job"))?;
        let user = UserId(taken.get(0));
        let job = get(&mut transaction, user, id).await?;
        let last = log::last_seq(&mut transaction, LogId::Job(id)).await?;
        transaction.commit().await?;
        let lease = JobLease { job: id, user, epoch: job.epoch, next: last.next() };
        Ok((job, lease))
    }

    /// Gives a job up: whoever is first takes it over. Only the holder of its lease can.
    pub async fn release_job(&self, lease: JobLease) -> Result<(), StoreError> {
        query("UPDATE jobs SET owner = NULL WHERE id = $1 AND epoch = $2 AND ended_at IS NULL")
            .bind(lease.job.0)
            .bind(lease.epoch.cast_signed())
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }
}
