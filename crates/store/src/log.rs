//! The event log: the only door through which events come in, and the way they are read.

use std::{collections::HashSet, fmt::Write as _, sync::LazyLock};

use sqlx::{Row, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};
use weir_protocol::{ChatMessage, FinishReason, RunId, Seq, StreamChunk, Timestamp};

use crate::{Store, StoreError, conversations, messages};

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
    /// The whole assistant message.
    pub message: ChatMessage,
    /// How it ended.
    pub finish_reason: FinishReason,
    /// When.
    pub at: Timestamp,
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

/// Events in one statement.
const ROWS_PER_INSERT: usize = 64;

/// `INSERT` statements for 1 to [`ROWS_PER_INSERT`] events. An event gets in only while its run goes on under its epoch.
static INSERTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    (1..=ROWS_PER_INSERT)
        .map(|rows| {
            let mut sql = String::from(
                "INSERT INTO run_events (run_id, seq, kind, data)
                 SELECT v.column1, v.column2, v.column3, v.column4 FROM (VALUES ",
            );
            for row in 0..rows {
                let separator = if row == 0 { "" } else { ", " };
                let first = row * 5 + 1;
                // Writing to a String cannot fail.
                let _ = write!(
                    sql,
                    "{separator}(${}, ${}, ${}, ${}, ${})",
                    first,
                    first + 1,
                    first + 2,
                    first + 3,
                    first + 4
                );
            }
            sql.push_str(") AS v JOIN runs r ON r.id = v.column1 AND r.epoch = v.column5 AND r.state = 'running'");
            sql
        })
        .collect()
});

impl Store {
    /// Commits the events of a batch, and the ends of the runs that end with it. A run whose lease is old, that is done
    /// or gone, or that uses a number twice is refused whole; the others are committed.
    ///
    /// Returns the runs that were refused.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch is committed, and it may be tried again.
    pub async fn append(&self, batch: &[RunAppend]) -> Result<HashSet<RunId>, StoreError> {
        let rows: usize = batch.iter().map(|run| run.events.len()).sum();
        if (1..=ROWS_PER_INSERT).contains(&rows) && batch.iter().all(|run| run.end.is_none()) {
            let events: Vec<_> = batch.iter().flat_map(numbered).collect();
            match insert(&events).execute(&self.writer).await {
                Ok(written) if written.rows_affected() == rows as u64 => return Ok(HashSet::new()),
                Ok(_) => return self.without_lease(batch).await,
                // A number used twice fails the statement for all: the careful way finds out whose it was.
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.append_carefully(batch).await
    }

    /// The runs of a batch that may not append any more.
    async fn without_lease(&self, batch: &[RunAppend]) -> Result<HashSet<RunId>, StoreError> {
        let mut connection = self.writer.acquire().await?;
        let mut refused = HashSet::new();
        for run in batch {
            if !holds_lease(&mut connection, run).await? {
                refused.insert(run.run);
            }
        }
        Ok(refused)
    }

    /// The next events after `after`, at most `limit`.
    pub async fn events(&self, run: RunId, after: Seq, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let rows =
            sqlx::query("SELECT seq, kind, data FROM run_events WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3")
                .bind(run.0)
                .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
                .bind(limit)
                .fetch_all(&self.readers)
                .await?;
        Ok(rows
            .iter()
            .map(|row| StoredEvent {
                seq: Seq(row.get::<i64, _>(0).unsigned_abs()),
                kind: row.get(1),
                data: row.get(2),
            })
            .collect())
    }

    /// The number of the last event; 0 when there is none.
    pub async fn last_seq(&self, run: RunId) -> Result<Seq, StoreError> {
        let mut connection = self.readers.acquire().await?;
        last_seq(&mut connection, run).await
    }

    async fn append_carefully(&self, batch: &[RunAppend]) -> Result<HashSet<RunId>, StoreError> {
        let mut refused = HashSet::new();
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for run in batch {
            let events: Vec<_> = numbered(run).collect();
            if !may_append(&mut transaction, run).await? {
                refused.insert(run.run);
                continue;
            }
            for events in events.chunks(ROWS_PER_INSERT) {
                insert(events).execute(&mut *transaction).await?;
            }
            if let Some(end) = &run.end {
                finish(&mut transaction, run.run, end).await?;
            }
        }
        transaction.commit().await?;
        Ok(refused)
    }
}

type Numbered<'a> = (RunId, u64, &'a NewEvent);

fn numbered(run: &RunAppend) -> impl Iterator<Item = Numbered<'_>> {
    run.events.iter().map(|event| (run.run, run.epoch, event))
}

fn insert<'q>(events: &[Numbered<'q>]) -> Query<'q, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(INSERTS[events.len() - 1].as_str());
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

/// Whether the lease is the current one and the events follow the log without a gap.
async fn may_append(connection: &mut SqliteConnection, run: &RunAppend) -> Result<bool, StoreError> {
    if !holds_lease(connection, run).await? {
        return Ok(false);
    }
    let last = last_seq(connection, run.run).await?;
    Ok(run.events.first().is_none_or(|first| first.seq == last.next()))
}

async fn holds_lease(connection: &mut SqliteConnection, run: &RunAppend) -> Result<bool, StoreError> {
    let current = sqlx::query("SELECT 1 FROM runs WHERE id = $1 AND epoch = $2 AND state = 'running'")
        .bind(run.run.0)
        .bind(run.epoch.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(current.is_some())
}

async fn finish(connection: &mut SqliteConnection, run: RunId, end: &RunEnd) -> Result<(), StoreError> {
    let finish_reason = match end.finish_reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Cancelled => "cancelled",
        FinishReason::Interrupted => "interrupted",
        FinishReason::Error => "error",
    };
    sqlx::query("UPDATE runs SET state = 'done', finish_reason = $2, ended_at = $3 WHERE id = $1")
        .bind(run.0)
        .bind(finish_reason)
        .bind(end.at.0)
        .execute(&mut *connection)
        .await?;
    messages::finish(connection, &end.message).await?;
    conversations::touch(connection, end.message.conversation_id, None, end.at).await
}

pub(crate) async fn insert_first(
    connection: &mut SqliteConnection,
    run: RunId,
    chunk: &StreamChunk,
) -> Result<(), StoreError> {
    let data = chunk.data().map_err(|_| StoreError::Corrupt("message"))?;
    sqlx::query("INSERT INTO run_events (run_id, seq, kind, data) VALUES ($1, 1, $2, $3)")
        .bind(run.0)
        .bind(chunk.kind())
        .bind(data)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn last_seq(connection: &mut SqliteConnection, run: RunId) -> Result<Seq, StoreError> {
    let row =
        sqlx::query("SELECT MAX(seq) FROM run_events WHERE run_id = $1").bind(run.0).fetch_one(connection).await?;
    Ok(Seq(row.get::<Option<i64>, _>(0).unwrap_or(0).unsigned_abs()))
}
