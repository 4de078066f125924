//! Jobs: one row each, and a log of its own; who may append to it is decided by the job's epoch.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;
use weir_protocol::{
    Approval, Caller, ConversationId, DecidedBy, Decision, Failure, Job, JobEvent, JobPage, PendingApproval, Question,
    RunId, Seq, Timestamp, ToolCallId, ToolCallStatus, UserId,
};

use crate::{
    IdempotencyKey, InstanceId, JobLease, NewEvent, Store, StoreError,
    cursor::Cursor,
    db::{Connection, Dialect, Row, Scope, query},
    idempotency::{claim, keep},
    inbox::{self, Change},
    log::{self, LogId},
    off_worker::{SMALL_JSON, off_worker},
    page::{self, PAGE_BYTES},
    questions,
    storage::{self, JOB_BYTES, ROW_BYTES, bytes_of},
};

/// A job to start.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Its id. A job that has it already is the same job.
    pub id: ToolCallId,
    /// Whose it is.
    pub user: UserId,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub args: Value,
    /// Who asks for it.
    pub caller: Caller,
    /// The run whose model asks for it, and its conversation.
    pub run: Option<(RunId, ConversationId)>,
    /// Whether it may be run again when the process that runs it dies.
    pub repeatable: bool,
    /// Who drives it.
    pub owner: InstanceId,
    /// Whether it may run, by its permission; or until when a person may answer.
    pub word: Word,
    /// Under which key it was asked for.
    pub key: Option<IdempotencyKey>,
}

/// What a tool's permission says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It runs.
    Allowed,
    /// A person is asked, and has until then to answer.
    Asked(Timestamp),
}

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// What everybody may see of it.
    pub job: Job,
    /// Whose it is.
    pub user: UserId,
    /// Whether it may be run again when the process that runs it dies.
    pub repeatable: bool,
    /// Until when a person may answer.
    pub expires_at: Option<Timestamp>,
    /// Whose appends count.
    pub epoch: u64,
    /// How often it was begun.
    pub attempts: u32,
    /// How often a server died while it ran the job.
    pub deaths: u32,
    /// Somebody wants it stopped.
    pub cancel_requested: bool,
}

impl JobRecord {
    /// Whether its log has its terminal event.
    pub fn is_over(&self) -> bool {
        self.job.ended_at.is_some()
    }
}

/// Whether a job was begun now or before.
#[derive(Clone, Debug, PartialEq)]
pub enum StartedJob {
    /// The job and its event 1 are committed.
    Now(JobRecord, JobLease),
    /// It was there already.
    Before(JobRecord),
    /// The user has as many unfinished jobs as may be; nothing is stored.
    TooMany,
}

/// What becomes of a job's row together with an event.
#[derive(Clone, Debug, PartialEq)]
pub enum JobChange {
    /// It has begun.
    Began,
    /// Where it stands.
    Stands {
        /// From 0 to 1.
        progress: Option<f64>,
        /// A word on what it does.
        note: Option<String>,
    },
    /// It asks the person something.
    Asks(Box<Question>),
    /// It asks no more.
    AsksNoMore,
    /// Nothing.
    Unchanged,
    /// It worked, and gave this JSON.
    Worked(String),
    /// It gave nothing.
    Failed(Failure),
}

const COLUMNS: &str = "SELECT id, user_id, name, args, caller, run_id, conversation_id, repeatable, status, approval,
    decision, expires_at, note, progress, output, error, epoch, attempts, cancel_requested_at, created_at, started_at,
    ended_at, deaths FROM jobs ";

/// The longest list that has no pages.
pub(crate) const LONGEST_LIST: u32 = 200;

/// The bytes of each job.
fn sizes() -> String {
    format!(
        "SELECT CAST({JOB_BYTES} + COALESCE(octet_length(note), 0) + COALESCE(octet_length(decision), 0) AS BIGINT)
         FROM jobs"
    )
}

impl Store {
    /// Commits the job and its event 1, or gives the one that is there under its id or key. A user has at most
    /// `max_unfinished` jobs that have not ended, whether they run, queue or wait for approval: counted in this transaction, so
    /// that calls that come at once do not pass the bound.
    ///
    /// # Errors
    /// [`StoreError::IdTaken`] when the id is another user's or stands for another call, [`StoreError::KeyReused`],
    /// [`StoreError::StorageFull`] and [`StoreError::Disabled`].
    pub async fn start_job(&self, new: &NewJob, max_unfinished: u32, now: Timestamp) -> Result<StartedJob, StoreError> {
        let mut transaction = self.database.write(Scope::User(new.user)).await?;
        if let Some(key) = &new.key
            && let Some(first) = claim::<ToolCallId>(&mut transaction, new.user, key, now).await?
        {
            return get(&mut transaction, new.user, first).await.map(StartedJob::Before);
        }
        one_start_at_a_time(&mut transaction, new.user).await?;
        if insert(&mut transaction, new, now).await? == 0 {
            let there = get(&mut transaction, new.user, new.id).await.map_err(|error| match error {
                StoreError::NotFound(_) => StoreError::IdTaken,
                other => other,
            })?;
            let same = there.job.name == new.name && there.job.args == new.args;
            return if same { Ok(StartedJob::Before(there)) } else { Err(StoreError::IdTaken) };
        }
        let unfinished = query("SELECT COUNT(*) FROM jobs WHERE user_id = $1 AND ended_at IS NULL")
            .bind(new.user.0)
            .fetch_one(&mut transaction)
            .await?
            .get::<i64>(0);
        if unfinished > i64::from(max_unfinished) {
            // The transaction is rolled back, and the job with it.
            return Ok(StartedJob::TooMany);
        }
        let job = get(&mut transaction, new.user, new.id).await?;
        let first = JobEvent::ToolUpdate(job.update());
        log::insert_event(&mut transaction, LogId::Job(new.id), Seq(1), first.kind(), &data(&first)?).await?;
        if let Some(key) = &new.key {
            keep(&mut transaction, new.user, key, &new.id, now).await?;
        }
        if matches!(new.word, Word::Asked(_)) {
            inbox::note(&mut transaction, new.user, Change::Asked(new.id), now).await?;
        }
        if let Some((run, _)) = new.run {
            stopped_run_calls_nothing(&mut transaction, run).await?;
        }
        let bytes = ROW_BYTES + bytes_of(&json(&new.args)?);
        match new.caller {
            // An answer that is being written is not cut by the quota: the next prompt is refused.
            Caller::Model => storage::adjust(&mut transaction, new.user, bytes).await?,
            Caller::Person | Caller::Mcp => self.charge_storage(&mut transaction, new.user, bytes).await?,
        }
        transaction.commit().await?;
        let lease = JobLease { job: new.id, user: new.user, epoch: job.epoch, next: Seq(2) };
        Ok(StartedJob::Now(job, lease))
    }

    /// One job.
    pub async fn job(&self, user: UserId, id: ToolCallId) -> Result<JobRecord, StoreError> {
        let mut connection = self.database.read(Scope::User(user)).await?;
        get(&mut connection, user, id).await
    }

    /// A page of a user's jobs, newest first. It ends by count or by bytes.
    pub async fn jobs(
        &self,
        user: UserId,
        cursor: Option<&str>,
        limit: u32,
        status: Option<ToolCallStatus>,
    ) -> Result<JobPage, StoreError> {
        let after = Cursor::parse(cursor)?;
        let place = "WHERE user_id = $1 AND (created_at, id) < ($2, $3) AND ($4 IS NULL OR status = $4)
             ORDER BY created_at DESC, id DESC LIMIT $5";
        let listed = |select: &str, rows: i64| {
            let listed = query(format!("{select} {place}")).bind(user.0).bind(after.time.0).bind(after.id);
            listed.bind(status.map(status_word)).bind(rows)
        };
        let mut snapshot = self.database.snapshot(Scope::User(user)).await?;
        let fitting = page::fitting(&mut snapshot, listed(&sizes(), i64::from(limit) + 1), limit, PAGE_BYTES).await?;
        let rows = listed(COLUMNS, fitting.rows).fetch_all(&mut snapshot).await?;
        let items = fitting.decoded(rows, |row| record(row).map(|record| record.job)).await?;
        let next_cursor =
            items.last().filter(|_| fitting.more).map(|last| Cursor { time: last.created_at, id: last.id.0 }.text());
        Ok(JobPage { items, next_cursor })
    }

    /// The approvals that this user has to decide, oldest first: as many as fit in a page. The others follow when these
    /// are decided.
    pub async fn pending_approvals(&self, user: UserId) -> Result<Vec<PendingApproval>, StoreError> {
        let place = "WHERE user_id = $1 AND approval = 'pending' AND ended_at IS NULL ORDER BY created_at, id LIMIT $2";
        let pending = |select: &str, rows: i64| query(format!("{select} {place}")).bind(user.0).bind(rows);
        let mut snapshot = self.database.snapshot(Scope::User(user)).await?;
        let sizes = pending(&sizes(), i64::from(LONGEST_LIST));
        let fitting = page::fitting(&mut snapshot, sizes, LONGEST_LIST, PAGE_BYTES).await?;
        let rows = pending(COLUMNS, fitting.rows).fetch_all(&mut snapshot).await?;
        fitting.decoded(rows, |row| record(row)?.pending().ok_or(StoreError::Corrupt("job"))).await
    }

    /// Takes a word on a call that waits for one. The same word once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::Decided`] when nobody is asked, or another word was given before.
    pub async fn decide(
        &self,
        user: UserId,
        id: ToolCallId,
        approval: Approval,
        by: DecidedBy,
        message: Option<String>,
        now: Timestamp,
    ) -> Result<JobRecord, StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        let decision = Decision { approval, by, at: now, message };
        let decided = query(
            "UPDATE jobs SET approval = $3, decision = $4 WHERE id = $1 AND user_id = $2 AND approval = 'pending'
             AND ended_at IS NULL",
        )
        .bind(id.0)
        .bind(user.0)
        .bind(approval_word(approval))
        .bind(json(&decision)?.as_str())
        .execute(&mut transaction)
        .await?;
        let job = get(&mut transaction, user, id).await?;
        if decided == 0 {
            return if job.job.approval == Some(approval) { Ok(job) } else { Err(StoreError::Decided) };
        }
        inbox::note(&mut transaction, user, Change::Settled(id), now).await?;
        transaction.commit().await?;
        Ok(job)
    }

    /// Notes that somebody wants the job stopped. One that has ended stays as it is.
    pub async fn request_job_cancel(
        &self,
        user: UserId,
        id: ToolCallId,
        now: Timestamp,
    ) -> Result<JobRecord, StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        query(
            "UPDATE jobs SET cancel_requested_at = $3
             WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND cancel_requested_at IS NULL",
        )
        .bind(id.0)
        .bind(user.0)
        .bind(now.0)
        .execute(&mut transaction)
        .await?;
        let job = get(&mut transaction, user, id).await?;
        transaction.commit().await?;
        Ok(job)
    }

    /// Commits an event of a job and what becomes of the job with it. Gives false, and changes nothing, when the lease is
    /// old or the job has ended.
    ///
    /// # Errors
    /// When the database fails; what becomes of the append is then unknown, and the same one may be tried again.
    pub async fn append_to_job(
        &self,
        lease: JobLease,
        event: &NewEvent,
        change: &JobChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write_for(lease.user).await?;
        let locked = query(format!(
            "SELECT user_id, approval FROM jobs WHERE id = $1 AND epoch = $2 AND ended_at IS NULL{}",
            transaction.dialect().for_update()
        ))
        .bind(lease.job.0)
        .bind(lease.epoch.cast_signed())
        .fetch_optional(&mut transaction)
        .await?;
        let Some(locked) = locked else {
            // This very append may have ended it, by a commit whose answer was lost.
            return log::has_event(&mut transaction, LogId::Job(lease.job), event).await;
        };
        let last = log::last_seq(&mut transaction, LogId::Job(lease.job)).await?;
        if last >= event.seq {
            return log::has_event(&mut transaction, LogId::Job(lease.job), event).await;
        }
        log::insert_event(&mut transaction, LogId::Job(lease.job), event.seq, event.kind, &event.data).await?;
        let user = UserId(locked.get(0));
        match change {
            JobChange::Asks(question) => questions::ask(&mut transaction, user, question, now).await?,
            // Who begins anew asks anew.
            JobChange::AsksNoMore | JobChange::Began => {
                questions::take_back(&mut transaction, user, lease.job, now).await?;
            }
            _ => {}
        }
        let ends = matches!(change, JobChange::Worked(_) | JobChange::Failed(_));
        if ends {
            // Nobody needs to answer any more.
            questions::take_back(&mut transaction, user, lease.job, now).await?;
            if locked.get::<Option<&str>>(1) == Some("pending") {
                inbox::note(&mut transaction, user, Change::Settled(lease.job), now).await?;
            }
        }
        let bytes = apply(&mut transaction, lease.job, change, now).await?;
        if bytes > 0 {
            storage::adjust(&mut transaction, user, bytes).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

impl JobRecord {
    /// What it is doing, as an event says it.
    pub fn update(&self) -> weir_protocol::ToolUpdate {
        let Job { id, ref name, status, approval, progress, ref note, .. } = self.job;
        weir_protocol::ToolUpdate { id, name: name.clone(), status, approval, progress, note: note.clone() }
    }

    /// What a person is asked, if one is.
    pub(crate) fn pending(self) -> Option<PendingApproval> {
        let expires_at = self.expires_at.filter(|_| self.job.approval == Some(Approval::Pending) && !self.is_over())?;
        let Job { id, name, args, caller, conversation_id, run_id, created_at, .. } = self.job;
        Some(PendingApproval { id, name, args, caller, conversation_id, run_id, requested_at: created_at, expires_at })
    }
}

/// Waits until no other transaction starts a job of this user. SQLite has one writer anyway.
async fn one_start_at_a_time(connection: &mut Connection, user: UserId) -> Result<(), StoreError> {
    if connection.dialect() == Dialect::Postgres {
        query("SELECT pg_advisory_xact_lock(hashtextextended('jobs of ' || $1, 0))::TEXT")
            .bind(user.to_string().as_str())
            .fetch_one(connection)
            .await?;
    }
    Ok(())
}

/// Refuses a call of a run that was stopped or has ended, because nothing would end the call. A concurrent stop waits until the call is
/// stored, and then cancels it.
async fn stopped_run_calls_nothing(connection: &mut Connection, run: RunId) -> Result<(), StoreError> {
    let lock = if connection.dialect() == Dialect::Postgres { " FOR SHARE" } else { "" };
    let sql = format!("SELECT 1 FROM runs WHERE id = $1 AND state = 'running' AND cancel_requested_at IS NULL{lock}");
    let found = query(sql).bind(run.0).fetch_optional(connection).await?;
    found.map(drop).ok_or(StoreError::NotFound("run"))
}

async fn insert(connection: &mut Connection, new: &NewJob, now: Timestamp) -> Result<u64, StoreError> {
    let (approval, expires) = match new.word {
        Word::Allowed => (None, None),
        Word::Asked(until) => (Some(approval_word(Approval::Pending)), Some(until.0)),
    };
    query(
        "INSERT INTO jobs (id, user_id, name, args, caller, run_id, conversation_id, repeatable, status, approval,
         expires_at, owner, epoch, attempts, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9, $10, $11, 1, 1, $12) ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.0)
    .bind(new.user.0)
    .bind(new.name.as_str())
    .bind(json(&new.args)?.as_str())
    .bind(caller_word(new.caller))
    .bind(new.run.map(|(run, _)| run.0))
    .bind(new.run.map(|(_, conversation)| conversation.0))
    .bind(new.repeatable)
    .bind(approval)
    .bind(expires)
    .bind(new.owner.0)
    .bind(now.0)
    .execute(connection)
    .await
}

/// Changes the job's row, and returns how many bytes that adds to its user's storage.
async fn apply(
    connection: &mut Connection,
    id: ToolCallId,
    change: &JobChange,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let mut bytes = 0;
    let changed = match change {
        JobChange::Unchanged | JobChange::Asks(_) | JobChange::AsksNoMore => return Ok(0),
        JobChange::Began => {
            let sql = "UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, $2) WHERE id = $1";
            query(sql).bind(id.0).bind(now.0).execute(connection).await
        }
        JobChange::Stands { progress, note } => {
            let progress = progress.as_ref().map(json).transpose()?;
            query("UPDATE jobs SET progress = COALESCE($2, progress), note = COALESCE($3, note) WHERE id = $1")
                .bind(id.0)
                .bind(progress.as_deref())
                .bind(note.as_deref())
                .execute(connection)
                .await
        }
        JobChange::Worked(output) => {
            bytes = bytes_of(output);
            query("UPDATE jobs SET status = 'done', ended_at = $2, output = $3 WHERE id = $1")
                .bind(id.0)
                .bind(now.0)
                .bind(output.as_str())
                .execute(connection)
                .await
        }
        JobChange::Failed(failure) => {
            let failure = json(failure)?;
            bytes = bytes_of(&failure);
            query("UPDATE jobs SET status = 'error', ended_at = $2, error = $3 WHERE id = $1")
                .bind(id.0)
                .bind(now.0)
                .bind(failure.as_str())
                .execute(connection)
                .await
        }
    };
    changed.map(|_| bytes)
}

pub(crate) async fn get(connection: &mut Connection, user: UserId, id: ToolCallId) -> Result<JobRecord, StoreError> {
    let sql = format!("{COLUMNS} WHERE id = $1 AND user_id = $2");
    let row = query(sql).bind(id.0).bind(user.0).fetch_optional(connection).await?;
    let row = row.ok_or(StoreError::NotFound("job"))?;
    let bytes = row.get::<&str>(3).len() + row.get::<Option<&str>>(14).map_or(0, str::len);
    if bytes <= SMALL_JSON { record(&row) } else { off_worker(move || record(&row)).await }
}

fn record(row: &Row) -> Result<JobRecord, StoreError> {
    let number = |column| row.get::<i64>(column).unsigned_abs();
    let created_at = Timestamp(row.get(19));
    let job = Job {
        id: ToolCallId(row.get(0)),
        name: row.get(2),
        args: parsed(row.get(3))?,
        caller: parsed(&format!("\"{}\"", row.get::<&str>(4)))?,
        run_id: row.get::<Option<Uuid>>(5).map(RunId),
        conversation_id: row.get::<Option<Uuid>>(6).map(ConversationId),
        status: parsed(&format!("\"{}\"", row.get::<&str>(8)))?,
        approval: row.get::<Option<&str>>(9).map(|word| parsed(&format!("\"{word}\""))).transpose()?,
        decision: row.get::<Option<&str>>(10).map(parsed).transpose()?,
        note: row.get(12),
        progress: row.get::<Option<&str>>(13).map(parsed).transpose()?,
        output: row.get::<Option<&str>>(14).map(parsed).transpose()?,
        error: row.get::<Option<&str>>(15).map(parsed).transpose()?,
        created_at,
        started_at: row.get::<Option<i64>>(20).map_or(created_at, Timestamp),
        ended_at: row.get::<Option<i64>>(21).map(Timestamp),
    };
    Ok(JobRecord {
        job,
        user: UserId(row.get(1)),
        repeatable: row.get(7),
        expires_at: row.get::<Option<i64>>(11).map(Timestamp),
        epoch: number(16),
        attempts: u32::try_from(number(17)).map_err(|_| StoreError::Corrupt("job"))?,
        deaths: u32::try_from(number(22)).map_err(|_| StoreError::Corrupt("job"))?,
        cancel_requested: row.get::<Option<i64>>(18).is_some(),
    })
}

/// Bytes of the JSON of an event.
fn data(event: &JobEvent) -> Result<String, StoreError> {
    event.data().map_err(|_| StoreError::Corrupt("event"))
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt("value"))
}

pub(crate) fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("value"))
}

const fn caller_word(caller: Caller) -> &'static str {
    match caller {
        Caller::Model => "model",
        Caller::Person => "person",
        Caller::Mcp => "mcp",
    }
}

pub(crate) const fn status_word(status: ToolCallStatus) -> &'static str {
    match status {
        ToolCallStatus::Queued => "queued",
        ToolCallStatus::Running => "running",
        ToolCallStatus::Done => "done",
        ToolCallStatus::Error => "error",
    }
}

const fn approval_word(approval: Approval) -> &'static str {
    match approval {
        Approval::Pending => "pending",
        Approval::Granted => "granted",
        Approval::Denied => "denied",
    }
}
