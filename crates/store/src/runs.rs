//! Runs: one row each; who may append to one is decided by its epoch.

use uuid::Uuid;
use weir_protocol::{
    ChatMessage, ConversationId, MessageId, MessageStatus, Role, RunId, Seq, StreamChunk, Timestamp, UserId,
};

use crate::{
    IdempotencyKey, InstanceId, NewMessage, Store, StoreError, conversations,
    db::{Connection, Dialect, Row, Scope, query},
    idempotency::{claim, keep},
    inbox::{self, Change},
    jobs::{json, parsed},
    log::{self, LogId},
    messages,
    storage::{ROW_BYTES, bytes_of},
};

/// What a run answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A message to store.
    New(NewMessage),
    /// A stored user message, to be answered anew.
    Stored {
        /// Its conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
    },
}

/// A run to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub user: UserId,
    /// Who drives it.
    pub owner: InstanceId,
    /// What it answers.
    pub prompt: Prompt,
    /// The id of the answer.
    pub message: MessageId,
    /// The model, as `provider/model`.
    pub model: String,
    /// Further instructions to the model.
    pub context: Option<String>,
    /// The tools that may be called; none: every one that the user permits.
    pub tools: Option<Vec<String>>,
    /// How many runs of the user may be under way, with this one.
    pub max_running: u32,
    /// Under which key it was asked for.
    pub key: Option<IdempotencyKey>,
}

/// Whether a run was begun now or before.
#[derive(Clone, Debug, PartialEq)]
pub enum Started {
    /// The user message, the run and its event 1 are committed.
    Now(RunRecord),
    /// It is the run that was started under the same key.
    Before(RunRecord),
}

/// A run as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Whose it is.
    pub user: UserId,
    /// Where it belongs.
    pub conversation: ConversationId,
    /// What it answers.
    pub prompt_message: MessageId,
    /// The answer.
    pub message: MessageId,
    /// The model, as `provider/model`.
    pub model: String,
    /// Further instructions to the model.
    pub context: Option<String>,
    /// The tools that may be called; none: every one that the user permits.
    pub tools: Option<Vec<String>>,
    /// Going on or done.
    pub state: RunState,
    /// The instance that drives it; none when it was given up.
    pub owner: Option<InstanceId>,
    /// Whose appends count.
    pub epoch: u64,
    /// How often the answer was begun or taken up again.
    pub attempts: u32,
    /// How often a process or a model died while it wrote the answer. A planned hand-over does not count.
    pub crashes: u32,
    /// Somebody wants it stopped.
    pub cancel_requested: bool,
    /// When it was started.
    pub created_at: Timestamp,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Its log still grows.
    Running,
    /// Its log has its terminal event, since then.
    Done(Timestamp),
}

/// The right to append to a run, until somebody takes the run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The number that an append must carry.
    pub epoch: u64,
    /// The number of the next event.
    pub next: Seq,
}

const COLUMNS: &str =
    "SELECT r.id, r.user_id, r.conversation_id, r.prompt_message_id, r.message_id, r.model, r.context, r.state, r.epoch,
    r.attempts, r.cancel_requested_at, r.created_at, r.ended_at, r.owner, r.tools, r.crashes FROM runs r ";

impl Store {
    /// Commits the user message, the run, its empty answer and event 1 together.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a conversation that is not the user's, [`StoreError::InvalidParent`],
    /// [`StoreError::KeyReused`], [`StoreError::TooManyRuns`], [`StoreError::StorageFull`] and [`StoreError::Disabled`].
    pub async fn start_run(&self, new: &NewRun, now: Timestamp) -> Result<Started, StoreError> {
        let mut transaction = self.database.write(Scope::User(new.user)).await?;
        if let Some(key) = &new.key
            && let Some(first) = claim::<RunId>(&mut transaction, new.user, key, now).await?
        {
            return get(&mut transaction, new.user, first).await.map(Started::Before);
        }
        check_running(&mut transaction, new.user, new.max_running).await?;
        let prompt = match &new.prompt {
            Prompt::New(message) => messages::insert_prompt(&mut transaction, new.user, message, now).await?,
            Prompt::Stored { conversation, message } => {
                conversations::lock(&mut transaction, new.user, *conversation).await?;
                let prompt = messages::get(&mut transaction, *conversation, *message).await?;
                if prompt.role != Role::User {
                    return Err(StoreError::InvalidParent("must name a user message when prompt is left out"));
                }
                prompt
            }
        };
        let prompt_conversation = prompt.conversation_id;
        let newest = messages::newest(&mut transaction, prompt_conversation).await?;
        let answer = ChatMessage {
            id: new.message,
            conversation_id: prompt.conversation_id,
            parent_id: Some(prompt.id),
            role: Role::Assistant,
            content: String::new(),
            created_at: messages::after(newest.map(|(_, time)| time), now),
            status: MessageStatus::Streaming,
            run_id: Some(new.id),
            seq: None,
            model: Some(new.model.clone()),
            tool_calls: None,
            usage: None,
            error: None,
        };
        messages::insert(&mut transaction, &answer).await?;
        conversations::touch(&mut transaction, prompt.conversation_id, None, answer.created_at).await?;
        insert(&mut transaction, new, &prompt, now).await?;
        let first = StreamChunk::Message(prompt);
        log::insert_first(&mut transaction, new.id, &first).await?;
        if let Some(key) = &new.key {
            keep(&mut transaction, new.user, key, &new.id, now).await?;
        }
        let change = match &new.prompt {
            Prompt::New(message) if message.conversation.is_none() => Change::Created(prompt_conversation),
            _ => Change::Updated(prompt_conversation),
        };
        inbox::note(&mut transaction, new.user, change, now).await?;
        self.charge_storage(&mut transaction, new.user, new.bytes()).await?;
        let run = get(&mut transaction, new.user, new.id).await?;
        transaction.commit().await?;
        self.leases.hold(run.first_lease());
        Ok(Started::Now(run))
    }

    /// One run.
    pub async fn run(&self, user: UserId, id: RunId) -> Result<RunRecord, StoreError> {
        let mut connection = self.database.read(Scope::User(user)).await?;
        get(&mut connection, user, id).await
    }

    /// The further instructions to a run's model.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the run is gone.
    pub async fn instructions(&self, id: RunId) -> Result<Option<String>, StoreError> {
        let row = query("SELECT context FROM runs WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut self.database.read(Scope::System).await?)
            .await?;
        row.map(|row| row.get(0)).ok_or(StoreError::NotFound("run"))
    }

    /// Notes that somebody wants the run stopped. A run that is done stays as it is.
    pub async fn request_cancel(&self, user: UserId, id: RunId, now: Timestamp) -> Result<RunRecord, StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        query(
            "UPDATE runs SET cancel_requested_at = $3
             WHERE id = $1 AND user_id = $2 AND state = 'running' AND cancel_requested_at IS NULL",
        )
        .bind(id.0)
        .bind(user.0)
        .bind(now.0)
        .execute(&mut transaction)
        .await?;
        let run = get(&mut transaction, user, id).await?;
        transaction.commit().await?;
        Ok(run)
    }

    /// The runs of a conversation that are going on.
    pub async fn running_in(&self, conversation: ConversationId) -> Result<Vec<RunId>, StoreError> {
        let rows = query("SELECT id FROM runs WHERE conversation_id = $1 AND state = 'running'")
            .bind(conversation.0)
            .fetch_all(&mut self.database.read(Scope::System).await?)
            .await?;
        Ok(rows.iter().map(|row| RunId(row.get(0))).collect())
    }

    /// The runs of a user that are going on.
    pub async fn running_of(&self, user: UserId) -> Result<Vec<RunId>, StoreError> {
        let rows = query("SELECT id FROM runs WHERE user_id = $1 AND state = 'running'")
            .bind(user.0)
            .fetch_all(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        Ok(rows.iter().map(|row| RunId(row.get(0))).collect())
    }

    /// A run of any user that has no terminal event yet.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is done or gone.
    pub async fn unfinished_run(&self, id: RunId) -> Result<RunRecord, StoreError> {
        let sql = format!("{COLUMNS} WHERE r.id = $1 AND r.state = 'running'");
        let row = query(sql).bind(id.0).fetch_optional(&mut self.database.statement().await?).await?;
        row.as_ref().map_or(Err(StoreError::NotFound("run")), record)
    }

    /// Takes over a run that goes on and stands at `epoch`: from now on only appends of the new lease count. That is one more
    /// attempt, and one more crash unless the run was given up. Waits for no lock.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the run is done or deleted, another instance was faster, or another transaction has locked its row.
    pub async fn take_over(&self, id: RunId, epoch: u64, owner: InstanceId) -> Result<(RunRecord, Lease), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let lock = transaction.dialect().for_update_unless_locked();
        let taken = query(format!(
            "UPDATE runs SET epoch = epoch + 1, attempts = attempts + 1, owner = $3,
                 crashes = crashes + CASE WHEN owner IS NULL THEN 0 ELSE 1 END
             WHERE id = (SELECT id FROM runs WHERE id = $1 AND epoch = $2 AND state = 'running'{lock}) RETURNING user_id"
        ))
        .bind(id.0)
        .bind(epoch.cast_signed())
        .bind(owner.0)
        .fetch_optional(&mut transaction)
        .await?
        .ok_or(StoreError::NotFound("run"))?;
        let run = get(&mut transaction, UserId(taken.get(0)), id).await?;
        let last = log::last_seq(&mut transaction, LogId::Run(id)).await?;
        transaction.commit().await?;
        let lease = Lease { run: id, epoch: run.epoch, next: last.next() };
        self.leases.hold(lease);
        Ok((run, lease))
    }

    /// Counts one more attempt of a run that goes on under the same lease, after its model died.
    pub async fn count_crash(&self, id: RunId) -> Result<(), StoreError> {
        query("UPDATE runs SET attempts = attempts + 1, crashes = crashes + 1 WHERE id = $1")
            .bind(id.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }
}

impl RunRecord {
    /// The lease of a run that has just been started: event 1 is there.
    pub fn first_lease(&self) -> Lease {
        Lease { run: self.id, epoch: self.epoch, next: Seq(2) }
    }
}

impl NewRun {
    /// What it counts in its user's storage, with its prompt and its empty answer.
    fn bytes(&self) -> i64 {
        let prompt = match &self.prompt {
            Prompt::New(message) => message.bytes(),
            Prompt::Stored { .. } => 0,
        };
        prompt + ROW_BYTES + self.context.as_deref().map_or(0, bytes_of)
    }
}

/// Refuses one more run of a user who has as many as may be, at all instances together. Starts of the same user wait for
/// each other until the transaction ends, so that the count is right.
async fn check_running(connection: &mut Connection, user: UserId, limit: u32) -> Result<(), StoreError> {
    if connection.dialect() == Dialect::Postgres {
        // Not the user's row: other transactions lock it after conversations.
        query("SELECT pg_advisory_xact_lock(hashtextextended('runs of ' || $1, 0))::TEXT")
            .bind(user.to_string().as_str())
            .fetch_one(connection)
            .await?;
    }
    let row = query("SELECT COUNT(*) FROM runs WHERE user_id = $1 AND state = 'running'")
        .bind(user.0)
        .fetch_one(connection)
        .await?;
    if row.get::<i64>(0) >= i64::from(limit) { Err(StoreError::TooManyRuns { limit }) } else { Ok(()) }
}

async fn insert(
    connection: &mut Connection,
    new: &NewRun,
    prompt: &ChatMessage,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tools = new.tools.as_ref().map(json).transpose()?;
    query(
        "INSERT INTO runs (id, user_id, conversation_id, prompt_message_id, message_id, model, context, state, epoch,
         owner, attempts, created_at, tools) VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', 1, $9, 1, $8, $10)",
    )
    .bind(new.id.0)
    .bind(new.user.0)
    .bind(prompt.conversation_id.0)
    .bind(prompt.id.0)
    .bind(new.message.0)
    .bind(new.model.as_str())
    .bind(new.context.as_deref())
    .bind(now.0)
    .bind(new.owner.0)
    .bind(tools.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

async fn get(connection: &mut Connection, user: UserId, id: RunId) -> Result<RunRecord, StoreError> {
    let sql = format!("{COLUMNS} WHERE r.id = $1 AND r.user_id = $2");
    let row = query(sql).bind(id.0).bind(user.0).fetch_optional(connection).await?;
    row.as_ref().map_or(Err(StoreError::NotFound("run")), record)
}

fn record(row: &Row) -> Result<RunRecord, StoreError> {
    let state = match (row.get::<&str>(7), row.get::<Option<i64>>(12)) {
        ("running", None) => RunState::Running,
        ("done", Some(ended)) => RunState::Done(Timestamp(ended)),
        _ => return Err(StoreError::Corrupt("run")),
    };
    Ok(RunRecord {
        id: RunId(row.get(0)),
        user: UserId(row.get(1)),
        conversation: ConversationId(row.get(2)),
        prompt_message: MessageId(row.get(3)),
        message: MessageId(row.get(4)),
        model: row.get(5),
        context: row.get(6),
        tools: row.get::<Option<&str>>(14).map(parsed).transpose()?,
        state,
        owner: row.get::<Option<Uuid>>(13).map(InstanceId),
        epoch: row.get::<i64>(8).unsigned_abs(),
        attempts: u32::try_from(row.get::<i64>(9)).map_err(|_| StoreError::Corrupt("run"))?,
        crashes: u32::try_from(row.get::<i64>(15)).map_err(|_| StoreError::Corrupt("run"))?,
        cancel_requested: row.get::<Option<i64>>(10).is_some(),
        created_at: Timestamp(row.get(11)),
    })
}
