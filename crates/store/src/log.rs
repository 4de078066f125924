//! The event log: the only door through which events come in, and the way they are read.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::LazyLock,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;
use weir_protocol::{ChatMessage, FinishReason, JobEvent, RunId, Seq, StreamChunk, Timestamp, ToolCallId, UserId};

use crate::{
    Store, StoreError, conversations,
    db::{Connection, Dialect, Query, Scope, placeholders, query},
    inbox::{self, Change},
    messages,
    page::{self, PAGE_BYTES},
    storage, tail,
};

/// Whose log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogId {
    /// A run's.
    Run(RunId),
    /// A job's.
    Job(ToolCallId),
}

impl LogId {
    /// Whether an event of this kind is the last of such a log.
    pub fn is_terminal(self, kind: &str) -> bool {
        match self {
            Self::Run(_) => kind == "done",
            Self::Job(_) => JobEvent::is_terminal(kind),
        }
    }

    const fn id(self) -> Uuid {
        match self {
            Self::Run(run) => run.0,
            Self::Job(job) => job.0,
        }
    }

    /// Where the logs of runs are read.
    pub(crate) const fn sql_of_runs(dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => "run_log",
            Dialect::Postgres => "run_events",
        }
    }

    /// The statement for where such a log is, from one that speaks of the runs' in `SQLite`: it reads `run_log`, and writes
    /// `run_events`.
    pub(crate) fn sql(self, dialect: Dialect, of_runs: &'static str) -> Cow<'static, str> {
        match (self, dialect) {
            (Self::Run(_), Dialect::Sqlite) => Cow::Borrowed(of_runs),
            (Self::Run(_), Dialect::Postgres) => Cow::Owned(of_runs.replace("run_log", Self::sql_of_runs(dialect))),
            (Self::Job(_), _) => Cow::Owned(
                of_runs
                    .replace("run_log", "job_events")
                    .replace("run_events", "job_events")
                    .replace("run_id", "job_id"),
            ),
        }
    }
}

/// An event that has its number and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its number.
    pub seq: Seq,
    /// Its kind on the wire.
    pub kind: &'static str,
    /// Its data, as JSON.
    pub data: String,
}

/// What one run appends in one commit.
#[derive(Clone, Debug, PartialEq)]
pub struct RunAppend {
    /// The run.
    pub run: RunId,
    /// The epoch of the lease under which it is appended.
    pub epoch: u64,
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// With the terminal event: what becomes of the run and its message.
    pub end: Option<RunEnd>,
}

/// What becomes of a run that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// The assistant message, whose tool calls are in `tool_calls`.
    pub message: ChatMessage,
    /// Its tool calls as JSON, which may be large.
    pub tool_calls: Option<String>,
    /// How it ended.
    pub finish_reason: FinishReason,
    /// When.
    pub at: Timestamp,
}

impl RunEnd {
    /// What becomes of a run whose whole answer is `message`.
    ///
    /// # Errors
    /// When its tool calls cannot be written as JSON.
    pub fn new(
        mut message: ChatMessage,
        finish_reason: FinishReason,
        at: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        let tool_calls = message.tool_calls.take().map(|calls| serde_json::to_string(&calls)).transpose()?;
        Ok(Self { message, tool_calls, finish_reason, at })
    }
}

/// An event as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number.
    pub seq: Seq,
    /// Its kind on the wire.
    pub kind: String,
    /// Its data, as JSON.
    pub data: String,
}

/// Events, or runs, in one statement.
const ROWS_PER_INSERT: usize = 64;

/// Transactions of one commit that go on at the same time.
const TRANSACTIONS_AT_ONCE: usize = 4;

/// `INSERT` statements for 1 to [`ROWS_PER_INSERT`] events. An event gets in only while its run goes on under its epoch.
struct Inserts(Vec<String>);

impl Inserts {
    /// `lock` keeps the runs from being taken over until the events are committed.
    fn new(table: &str, lock: &str) -> Self {
        let insert = |rows| {
            let mut sql = format!(
                "INSERT INTO {table} (run_id, seq, kind, data)
                 SELECT v.column1, v.column2, v.column3, v.column4 FROM (VALUES ",
            );
            for row in 0..rows {
                let separator = if row == 0 { "" } else { ", " };
                let at = row * 5;
                // Writing to a String cannot fail.
                let _ = write!(sql, "{separator}(${}, ${}, ${}, ${}, ${})", at + 1, at + 2, at + 3, at + 4, at + 5);
            }
            sql.push_str(") AS v JOIN runs r ON r.id = v.column1 AND r.epoch = v.column5 AND r.state = 'running'");
            sql.push_str(lock);
            sql
        };
        Self((1..=ROWS_PER_INSERT).map(insert).collect())
    }

    fn of(dialect: Dialect) -> &'static Self {
        static SQLITE: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("run_tail", ""));
        static POSTGRES: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("run_events", " FOR SHARE OF r"));
        match dialect {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        }
    }

    fn query<'q>(&'static self, events: &[Numbered<'q>]) -> Query<'q> {
        let mut query = query(self.0[events.len() - 1].as_str());
        for (run, epoch, event) in events {
            query = query
                .bind(run.0)
                .bind(event.seq.0.cast_signed())
                .bind(event.kind)
                .bind(event.data.as_str())
                .bind(epoch.cast_signed());
        }
        query
    }
}

impl Store {
    /// Commits the events of a batch, and the ends of the runs that end with it. A run whose lease is old, that is done
    /// or gone, or that uses a number twice is refused whole; the others are committed.
    ///
    /// Returns the runs that were refused.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch is committed, or all that could be. [`Store::append_again`] finds
    /// out.
    pub async fn append(&self, batch: &[RunAppend]) -> Result<HashSet<RunId>, StoreError> {
        self.append_batch(batch, Attempt::First).await
    }

    /// Commits a batch whose fate is unknown, because the database failed in the middle of it: what is there already
    /// counts as committed.
    ///
    /// Returns the runs that were refused.
    ///
    /// # Errors
    /// When the database fails once more.
    pub async fn append_again(&self, batch: &[RunAppend]) -> Result<HashSet<RunId>, StoreError> {
        self.append_batch(batch, Attempt::Again).await
    }

    /// The next events after `after`, at most `limit`, and not much more than a mebibyte of them. None: there are none.
    pub async fn events(&self, log: LogId, after: Seq, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        // What is committed changes no more, so that two looks see the same events.
        let mut connection = self.database.read(Scope::System).await?;
        let dialect = connection.dialect();
        let next = |sql: &'static str, rows: i64| {
            let next = query(log.sql(dialect, sql)).bind(log.id());
            next.bind(i64::try_from(after.0).unwrap_or(i64::MAX)).bind(rows)
        };
        let sizes = "SELECT CAST(octet_length(data) AS BIGINT) FROM run_log WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let fitting = page::fitting(&mut connection, next(sizes, i64::from(limit)), limit, PAGE_BYTES).await?;
        if fitting.rows == 0 {
            return Ok(Vec::new());
        }
        let events = "SELECT seq, kind, data FROM run_log WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = next(events, fitting.rows).fetch_all(&mut connection).await?;
        Ok(rows
            .iter()
            .map(|row| StoredEvent { seq: Seq(row.get::<i64>(0).unsigned_abs()), kind: row.get(1), data: row.get(2) })
            .collect())
    }

    /// The number of the last event; 0 when there is none.
    pub async fn last_seq(&self, log: LogId) -> Result<Seq, StoreError> {
        let mut connection = self.database.read(Scope::System).await?;
        last_seq(&mut connection, log).await
    }

    /// The numbers of the last events of these logs. One that is gone is left out.
    pub async fn last_seqs(&self, logs: &[LogId]) -> Result<HashMap<LogId, Seq>, StoreError> {
        let mut last = HashMap::with_capacity(logs.len());
        if logs.is_empty() {
            return Ok(last);
        }
        let mut connection = self.database.read(Scope::System).await?;
        let (runs, jobs): (Vec<&LogId>, Vec<&LogId>) = logs.iter().partition(|log| matches!(log, LogId::Run(_)));
        let of_run: fn(Uuid) -> LogId = |id| LogId::Run(RunId(id));
        let of_job: fn(Uuid) -> LogId = |id| LogId::Job(ToolCallId(id));
        for (logs, known) in [(runs, of_run), (jobs, of_job)] {
            for logs in logs.chunks(ROWS_PER_INSERT) {
                let places = placeholders(logs.len());
                let from = logs[0].sql(connection.dialect(), "SELECT run_id, MAX(seq) FROM run_log WHERE run_id IN");
                let group = logs[0].sql(connection.dialect(), "GROUP BY run_id");
                let sql = format!("{from} ({places}) {group}");
                let ids = logs.iter().map(|log| log.id());
                let rows = query(sql).bind_all(ids).fetch_all(&mut connection).await?;
                last.extend(rows.iter().map(|row| (known(row.get(0)), Seq(row.get::<i64>(1).unsigned_abs()))));
            }
        }
        Ok(last)
    }

    /// The events that follow what is there go in together, in one statement if there are not too many; all else run by run.
    async fn append_batch(&self, batch: &[RunAppend], attempt: Attempt) -> Result<HashSet<RunId>, StoreError> {
        let follows = self.leases.take_followed(batch);
        let (ready, others): (Vec<_>, Vec<_>) =
            batch.iter().zip(follows).partition(|(run, follows)| *follows && run.end.is_none());
        let events: Vec<_> = ready.iter().flat_map(|(run, _)| numbered(run)).collect();
        let mut connection = if others.is_empty() && events.len() <= ROWS_PER_INSERT {
            self.database.short_statement().await?
        } else {
            self.database.short_write(Scope::System).await?
        };
        let mut refused = HashSet::new();
        if insert(&mut connection, &events).await? < events.len() as u64 {
            for (run, _) in ready {
                if !holds_lease(&mut connection, run).await? {
                    refused.insert(run.run);
                }
            }
        }
        if connection.dialect() == Dialect::Postgres {
            connection.commit().await?;
            refused.extend(self.append_apart(others, attempt).await?);
        } else {
            for (run, follows) in others {
                if !self.append_run(&mut connection, run, follows, attempt).await? {
                    refused.insert(run.run);
                }
            }
            connection.commit().await?;
        }
        self.note(batch, &refused).await;
        Ok(refused)
    }

    /// Appends each run in a transaction of its own, because the ends of two runs lock two conversations, and another instance might lock
    /// them the other way round. Returns the runs that were refused.
    async fn append_apart(&self, runs: Vec<(&RunAppend, bool)>, attempt: Attempt) -> Result<Vec<RunId>, StoreError> {
        let append = async |(run, follows): (&RunAppend, bool)| {
            let mut transaction = self.database.short_write(Scope::System).await?;
            let is_committed = self.append_run(&mut transaction, run, follows, attempt).await?;
            transaction.commit().await?;
            Ok((!is_committed).then_some(run.run))
        };
        let refused = stream::iter(runs).map(append).buffer_unordered(TRANSACTIONS_AT_ONCE);
        refused.try_filter_map(async |run| Ok(run)).try_collect().await
    }

    /// Whether it is committed with this transaction, or was before.
    async fn append_run(
        &self,
        transaction: &mut Connection,
        run: &RunAppend,
        follows: bool,
        attempt: Attempt,
    ) -> Result<bool, StoreError> {
        if let Some(end) = &run.end {
            // In the order of everybody who works on a conversation: first it, then what is in it.
            conversations::lock_any(transaction, end.message.conversation_id).await?;
        }
        if !holds_lease(transaction, run).await? || !(follows || is_next(transaction, run).await?) {
            return Ok(attempt == Attempt::Again && is_there(transaction, run).await?);
        }
        insert(transaction, &numbered(run).collect::<Vec<_>>()).await?;
        if let Some(end) = &run.end {
            if self.tail.is_some() {
                tail::settle_run(transaction, run.run).await?;
            }
            finish(transaction, run.run, end).await?;
        }
        Ok(true)
    }

    /// Keeps in mind what is committed, and moves the tail when it is full.
    async fn note(&self, batch: &[RunAppend], refused: &HashSet<RunId>) {
        self.leases.note(batch, |run| !refused.contains(&run.run));
        if let Some(tail) = &self.tail
            && tail.is_full_with(batch.iter().map(|run| run.events.len()).sum())
        {
            // What is appended stays appended; the next commit tries to move it again.
            let settled = tail.settle(&self.database).await;
            settled.unwrap_or_else(|error| tracing::warn!(%error, "the tail of the log cannot be moved"));
        }
    }
}

/// Whether a batch may be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    First,
    Again,
}

type Numbered<'a> = (RunId, u64, &'a NewEvent);

fn numbered(run: &RunAppend) -> impl Iterator<Item = Numbered<'_>> {
    run.events.iter().map(|event| (run.run, run.epoch, event))
}

/// Inserts events whose leases count, and says how many.
async fn insert(connection: &mut Connection, events: &[Numbered<'_>]) -> Result<u64, StoreError> {
    let inserts = Inserts::of(connection.dialect());
    let mut inserted = 0;
    for events in events.chunks(ROWS_PER_INSERT) {
        inserted += inserts.query(events).execute(connection).await?;
    }
    Ok(inserted)
}

/// Whether the events follow the log without a gap.
async fn is_next(connection: &mut Connection, run: &RunAppend) -> Result<bool, StoreError> {
    let Some(first) = run.events.first() else { return Ok(true) };
    Ok(first.seq == last_seq(connection, LogId::Run(run.run)).await?.next())
}

/// Whether this very append is committed: nobody else could have written these events under this epoch.
async fn is_there(connection: &mut Connection, run: &RunAppend) -> Result<bool, StoreError> {
    let state = query("SELECT state FROM runs WHERE id = $1 AND epoch = $2")
        .bind(run.run.0)
        .bind(run.epoch.cast_signed())
        .fetch_optional(connection)
        .await?;
    let (Some(state), Some(first), Some(last)) = (state, run.events.first(), run.events.last()) else {
        return Ok(false);
    };
    let sql = "SELECT kind, data FROM run_log WHERE run_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";
    let rows = query(LogId::Run(run.run).sql(connection.dialect(), sql))
        .bind(run.run.0)
        .bind(first.seq.0.cast_signed())
        .bind(last.seq.0.cast_signed())
        .fetch_all(connection)
        .await?;
    let same = rows.len() == run.events.len()
        && rows
            .iter()
            .zip(&run.events)
            .all(|(row, event)| row.get::<&str>(0) == event.kind && row.get::<&str>(1) == event.data);
    Ok(same && (state.get::<&str>(0) == "done") == run.end.is_some())
}

async fn holds_lease(connection: &mut Connection, run: &RunAppend) -> Result<bool, StoreError> {
    let lock = connection.dialect().for_update();
    let current = query(format!("SELECT 1 FROM runs WHERE id = $1 AND epoch = $2 AND state = 'running'{lock}"))
        .bind(run.run.0)
        .bind(run.epoch.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(current.is_some())
}

async fn finish(connection: &mut Connection, run: RunId, end: &RunEnd) -> Result<(), StoreError> {
    let finish_reason = match end.finish_reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Cancelled => "cancelled",
        FinishReason::Interrupted => "interrupted",
        FinishReason::Error => "error",
    };
    let run_row =
        query("UPDATE runs SET state = 'done', finish_reason = $2, ended_at = $3 WHERE id = $1 RETURNING user_id")
            .bind(run.0)
            .bind(finish_reason)
            .bind(end.at.0)
            .fetch_one(connection)
            .await?;
    let bytes = messages::finish(connection, end).await?;
    let conversation = end.message.conversation_id;
    conversations::touch(connection, conversation, None, end.at).await?;
    let user = UserId(run_row.get(0));
    inbox::note(connection, user, Change::Answered(conversation, run), end.at).await?;
    storage::adjust(connection, user, bytes).await
}

pub(crate) async fn insert_first(
    connection: &mut Connection,
    run: RunId,
    chunk: &StreamChunk,
) -> Result<(), StoreError> {
    let data = chunk.data().map_err(|_| StoreError::Corrupt("message"))?;
    insert_event(connection, LogId::Run(run), Seq(1), chunk.kind(), &data).await
}

/// One event, by whoever may append.
pub(crate) async fn insert_event(
    connection: &mut Connection,
    log: LogId,
    seq: Seq,
    kind: &str,
    data: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO run_events (run_id, seq, kind, data) VALUES ($1, $2, $3, $4)";
    query(log.sql(connection.dialect(), sql))
        .bind(log.id())
        .bind(seq.0.cast_signed())
        .bind(kind)
        .bind(data)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether this very event is there.
pub(crate) async fn has_event(connection: &mut Connection, log: LogId, event: &NewEvent) -> Result<bool, StoreError> {
    let sql = "SELECT kind, data FROM run_log WHERE run_id = $1 AND seq = $2";
    let row = query(log.sql(connection.dialect(), sql))
        .bind(log.id())
        .bind(event.seq.0.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some_and(|row| row.get::<&str>(0) == event.kind && row.get::<&str>(1) == event.data))
}

pub(crate) async fn last_seq(connection: &mut Connection, log: LogId) -> Result<Seq, StoreError> {
    let sql = "SELECT seq FROM run_log WHERE run_id = $1 ORDER BY seq DESC LIMIT 1";
    let row = query(log.sql(connection.dialect(), sql)).bind(log.id()).fetch_optional(connection).await?;
    Ok(row.map_or(Seq::START, |row| Seq(row.get::<i64>(0).unsigned_abs())))
}
