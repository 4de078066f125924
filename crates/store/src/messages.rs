//! Messages: a tree in each conversation. The content of one that is still growing is folded from its run's log.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use weir_protocol::{
    ChatMessage, ConversationId, MessageId, MessagePage, MessageStatus, Role, RunId, Seq, StreamChunk, Timestamp,
    Usage, UserId,
};

use crate::{
    IdempotencyKey, RunEnd, Store, StoreError, conversations,
    cursor::Cursor,
    db::{Connection, Dialect, Row, Scope, query},
    idempotency::{claim, keep},
    inbox::{self, Change},
    jobs::{json, parsed},
    log::LogId,
    page::{self, PAGE_BYTES},
    storage::{ROW_BYTES, bytes_of},
};

/// Where a new message stands in its conversation's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Under the newest message; at the root of a conversation without one.
    Newest,
    /// Under this message.
    Under(MessageId),
    /// Beside this user message, as another version of it.
    Beside(MessageId),
}

/// A message to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// The conversation, or none for a new one.
    pub conversation: Option<ConversationId>,
    /// The id of the conversation, should one be made.
    pub new_conversation: ConversationId,
    /// The title of the conversation, should it have none.
    pub title: String,
    /// Where it stands.
    pub position: Position,
    /// Who speaks.
    pub role: Role,
    /// Its text.
    pub content: String,
}

impl NewMessage {
    /// What it counts in its user's storage.
    pub(crate) fn bytes(&self) -> i64 {
        let conversation = if self.conversation.is_none() { ROW_BYTES } else { 0 };
        conversation + ROW_BYTES + bytes_of(&self.content)
    }
}

/// What an idempotency key keeps of a message: no text, which would outlive the message.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "conversationId")]
    conversation: ConversationId,
    #[serde(rename = "id")]
    message: MessageId,
}

const COLUMNS: &str = "SELECT m.id, m.conversation_id, m.parent_id, m.role, m.content, m.status, m.run_id, m.model,
    m.input_tokens, m.output_tokens, m.created_at, m.tool_calls, m.error FROM messages m ";

/// How many messages of a conversation's branch a model may be shown.
const LINEAGE_LIMIT: u32 = 1000;
/// How many bytes of a conversation's branch a model may be shown: more than the longest context windows hold.
const LINEAGE_BYTES: i64 = 4 * 1024 * 1024;
/// Events of a run's log that are folded at a time.
const FOLDED_EVENTS: i64 = 512;

/// The bytes of each message. What a growing answer says is in its run's log.
fn sizes(dialect: Dialect) -> String {
    let log = LogId::sql_of_runs(dialect);
    format!(
        "SELECT CAST(octet_length(m.content) + COALESCE(octet_length(m.tool_calls), 0) + CASE WHEN m.status = 'streaming'
             THEN (SELECT COALESCE(SUM(octet_length(l.data)), 0) FROM {log} l WHERE l.run_id = m.run_id)
             ELSE 0 END AS BIGINT) FROM messages m"
    )
}

impl Store {
    /// Stores a message, or gives the one that was stored under the same key.
    pub async fn create_message(
        &self,
        user: UserId,
        new: &NewMessage,
        now: Timestamp,
        key: Option<&IdempotencyKey>,
    ) -> Result<ChatMessage, StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        if let Some(key) = key
            && let Some(first) = claim::<Kept>(&mut transaction, user, key, now).await?
        {
            conversations::get(&mut transaction, user, first.conversation).await?;
            return get(&mut transaction, first.conversation, first.message).await;
        }
        let message = insert_prompt(&mut transaction, user, new, now).await?;
        let conversation = message.conversation_id;
        let change =
            if new.conversation.is_none() { Change::Created(conversation) } else { Change::Updated(conversation) };
        inbox::note(&mut transaction, user, change, now).await?;
        if let Some(key) = key {
            keep(&mut transaction, user, key, &Kept { conversation, message: message.id }, now).await?;
        }
        self.charge_storage(&mut transaction, user, new.bytes()).await?;
        transaction.commit().await?;
        Ok(message)
    }

    /// A page of a conversation's messages, newest first. It ends by count or by bytes.
    pub async fn messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<MessagePage, StoreError> {
        let after = Cursor::parse(cursor)?;
        // One transaction is one snapshot: a message and its run's log are seen at the same moment.
        let mut snapshot = self.database.snapshot(Scope::User(user)).await?;
        conversations::get(&mut snapshot, user, conversation).await?;
        let place = "WHERE m.conversation_id = $1 AND (m.created_at, m.id) < ($2, $3)
             ORDER BY m.created_at DESC, m.id DESC LIMIT $4";
        let listed = |select: &str, rows: i64| {
            let listed = query(format!("{select} {place}"));
            listed.bind(conversation.0).bind(after.time.0).bind(after.id).bind(rows)
        };
        let sizes = listed(&sizes(snapshot.dialect()), i64::from(limit) + 1);
        let fitting = page::fitting(&mut snapshot, sizes, limit, PAGE_BYTES).await?;
        let rows = listed(COLUMNS, fitting.rows).fetch_all(&mut snapshot).await?;
        let mut items = fitting.decoded(rows, message).await?;
        for item in &mut items {
            fold_streaming(&mut snapshot, item).await?;
        }
        let next_cursor =
            items.last().filter(|_| fitting.more).map(|last| Cursor { time: last.created_at, id: last.id.0 }.text());
        Ok(MessagePage { items, next_cursor })
    }

    /// One message with its content so far, if it is still growing.
    pub async fn streaming_message(
        &self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<ChatMessage, StoreError> {
        let mut snapshot = self.database.snapshot(Scope::System).await?;
        let mut message = get(&mut snapshot, conversation, id).await?;
        fold_streaming(&mut snapshot, &mut message).await?;
        Ok(message)
    }

    /// The branch that ends with `leaf`, oldest first: what a model is shown. An answer that is still growing is shown as
    /// far as it has come. Where the branch is longer than any model reads, its oldest messages are left out.
    pub async fn lineage(&self, leaf: MessageId) -> Result<Vec<ChatMessage>, StoreError> {
        let branch = |select: &str, order: &str| {
            query(format!(
                "WITH RECURSIVE branch (id, parent_id, depth) AS (
                     SELECT id, parent_id, 0 FROM messages WHERE id = $1
                     UNION ALL
                     SELECT p.id, p.parent_id, branch.depth + 1 FROM messages p JOIN branch ON p.id = branch.parent_id
                     WHERE branch.depth < $2)
                 {select} JOIN branch ON branch.id = m.id ORDER BY branch.depth {order}"
            ))
        };
        let mut snapshot = self.database.snapshot(Scope::System).await?;
        let sizes = branch(&sizes(snapshot.dialect()), "ASC").bind(leaf.0).bind(i64::from(LINEAGE_LIMIT) - 1);
        let fitting = page::fitting(&mut snapshot, sizes, LINEAGE_LIMIT, LINEAGE_BYTES).await?;
        let newest = branch(COLUMNS, "DESC").bind(leaf.0).bind(fitting.rows - 1);
        let rows = newest.fetch_all(&mut snapshot).await?;
        let mut branch = fitting.decoded(rows, message).await?;
        for message in &mut branch {
            fold_streaming(&mut snapshot, message).await?;
        }
        Ok(branch)
    }
}

/// Stores a message of a person or a program, in a new conversation where none is named.
pub(crate) async fn insert_prompt(
    connection: &mut Connection,
    user: UserId,
    new: &NewMessage,
    now: Timestamp,
) -> Result<ChatMessage, StoreError> {
    let (conversation, newest) = if let Some(id) = new.conversation {
        conversations::lock(connection, user, id).await?;
        (id, newest(connection, id).await?)
    } else {
        conversations::insert(connection, user, new.new_conversation, Some(&new.title), now).await?;
        (new.new_conversation, None)
    };
    let parent = match new.position {
        Position::Under(parent) => Some(get(connection, conversation, parent).await?.id),
        Position::Newest => newest.map(|(id, _)| id),
        Position::Beside(version) => match get(connection, conversation, version).await {
            Ok(version) if version.role == Role::User => version.parent_id,
            Ok(_) | Err(StoreError::InvalidParent(_)) => return Err(StoreError::InvalidEdit),
            Err(error) => return Err(error),
        },
    };
    let message = ChatMessage {
        id: new.id,
        conversation_id: conversation,
        parent_id: parent,
        role: new.role,
        content: new.content.clone(),
        created_at: after(newest.map(|(_, time)| time), now),
        status: MessageStatus::Complete,
        run_id: None,
        seq: None,
        model: None,
        tool_calls: None,
        usage: None,
        error: None,
    };
    insert(connection, &message).await?;
    conversations::touch(connection, conversation, Some(&new.title), message.created_at).await?;
    Ok(message)
}

/// The time of a message that follows one of `last`: in a conversation time only goes forward, whatever the clock does.
pub(crate) fn after(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    last.map_or(now, |last| now.max(Timestamp(last.0 + 1)))
}

pub(crate) async fn insert(connection: &mut Connection, message: &ChatMessage) -> Result<(), StoreError> {
    query(
        "INSERT INTO messages (id, conversation_id, parent_id, role, content, status, run_id, model, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(message.id.0)
    .bind(message.conversation_id.0)
    .bind(message.parent_id.map(|id| id.0))
    .bind(role_word(message.role))
    .bind(message.content.as_str())
    .bind(status_word(message.status))
    .bind(message.run_id.map(|id| id.0))
    .bind(message.model.as_deref())
    .bind(message.created_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what a finished run has made of its message, and returns how many bytes that adds to its user's storage.
pub(crate) async fn finish(connection: &mut Connection, end: &RunEnd) -> Result<i64, StoreError> {
    let (message, tool_calls) = (&end.message, end.tool_calls.as_deref());
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    let error = message.error.as_ref().map(json).transpose()?;
    let finished = query(
        "UPDATE messages SET content = $2, status = $3, input_tokens = $4, output_tokens = $5, tool_calls = $6,
         error = $7 WHERE id = $1",
    )
    .bind(message.id.0)
    .bind(message.content.as_str())
    .bind(status_word(message.status))
    .bind(message.usage.map(|usage| count(usage.input_tokens)))
    .bind(message.usage.map(|usage| count(usage.output_tokens)))
    .bind(tool_calls)
    .bind(error.as_deref())
    .execute(connection)
    .await?;
    // The message may be deleted already, while its run still ends.
    Ok(if finished == 0 { 0 } else { bytes_of(&message.content) + tool_calls.map_or(0, bytes_of) })
}

pub(crate) async fn newest(
    connection: &mut Connection,
    conversation: ConversationId,
) -> Result<Option<(MessageId, Timestamp)>, StoreError> {
    let row = query(
        "SELECT id, created_at FROM messages WHERE conversation_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
    )
    .bind(conversation.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (MessageId(row.get(0)), Timestamp(row.get(1)))))
}

pub(crate) async fn get(
    connection: &mut Connection,
    conversation: ConversationId,
    id: MessageId,
) -> Result<ChatMessage, StoreError> {
    let sql = format!("{COLUMNS} WHERE m.id = $1 AND m.conversation_id = $2");
    let row = query(sql).bind(id.0).bind(conversation.0).fetch_optional(connection).await?;
    row.as_ref().map_or(Err(StoreError::InvalidParent("names no message of this conversation")), message)
}

/// Gives a message that is still growing its content so far, and the event that it reaches up to.
async fn fold_streaming(snapshot: &mut Connection, message: &mut ChatMessage) -> Result<(), StoreError> {
    let (MessageStatus::Streaming, Some(run)) = (message.status, message.run_id) else { return Ok(()) };
    let sql = "SELECT seq, kind, data FROM run_log WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let mut seq = Seq::START;
    loop {
        let rows = query(LogId::Run(run).sql(snapshot.dialect(), sql))
            .bind(run.0)
            .bind(seq.0.cast_signed())
            .bind(FOLDED_EVENTS)
            .fetch_all(snapshot)
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            seq = Seq(row.get::<i64>(0).unsigned_abs());
            let kind = row.get::<&str>(1);
            if matches!(kind, "token" | "tool-status") {
                message.apply(&StreamChunk::parse(kind, row.get(2)).map_err(|_| StoreError::Corrupt("event"))?);
            }
        }
    }
    message.seq = Some(seq);
    Ok(())
}

fn message(row: &Row) -> Result<ChatMessage, StoreError> {
    let count = |column| row.get::<Option<i64>>(column).map(i64::unsigned_abs);
    Ok(ChatMessage {
        id: MessageId(row.get(0)),
        conversation_id: ConversationId(row.get(1)),
        parent_id: row.get::<Option<Uuid>>(2).map(MessageId),
        role: parse_role(row.get(3))?,
        content: row.get(4),
        status: parse_status(row.get(5))?,
        run_id: row.get::<Option<Uuid>>(6).map(RunId),
        seq: None,
        model: row.get(7),
        tool_calls: row.get::<Option<&str>>(11).map(parsed).transpose()?,
        error: row.get::<Option<&str>>(12).map(parsed).transpose()?,
        usage: count(8).zip(count(9)).map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens }),
        created_at: Timestamp(row.get(10)),
    })
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::System => "system",
    }
}

pub(crate) fn parse_role(word: &str) -> Result<Role, StoreError> {
    Ok(match word {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "system" => Role::System,
        _ => return Err(StoreError::Corrupt("role")),
    })
}

const fn status_word(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Complete => "complete",
        MessageStatus::Streaming => "streaming",
        MessageStatus::Cancelled => "cancelled",
        MessageStatus::Interrupted => "interrupted",
        MessageStatus::Error => "error",
    }
}

fn parse_status(word: &str) -> Result<MessageStatus, StoreError> {
    Ok(match word {
        "complete" => MessageStatus::Complete,
        "streaming" => MessageStatus::Streaming,
        "cancelled" => MessageStatus::Cancelled,
        "interrupted" => MessageStatus::Interrupted,
        "error" => MessageStatus::Error,
        _ => return Err(StoreError::Corrupt("status")),
    })
}
