//! Conversations: made, listed, changed, deleted.

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;
use weir_protocol::{Conversation, ConversationId, ConversationPage, RunId, Timestamp, UpdateConversation, UserId};

use crate::{
    IdempotencyKey, Store, StoreError,
    cursor::Cursor,
    idempotency::{find, keep},
};

/// What a conversation is called until somebody or its first prompt names it.
pub const UNTITLED: &str = "New conversation";

/// Which conversations a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only those whose title or messages contain this text.
    pub text: Option<String>,
    /// The archived ones instead of the others.
    pub archived: bool,
}

const COLUMNS: &str = "SELECT c.id, c.title, c.pinned, c.archived, c.created_at, c.updated_at,
    (SELECT r.id FROM runs r WHERE r.conversation_id = c.id AND r.state = 'running' ORDER BY r.id DESC LIMIT 1)
    FROM conversations c ";

impl Store {
    /// Makes a conversation, or gives the one that was made under the same key.
    pub async fn create_conversation(
        &self,
        user: UserId,
        id: ConversationId,
        title: Option<&str>,
        now: Timestamp,
        key: Option<&IdempotencyKey>,
    ) -> Result<Conversation, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(key) = key
            && let Some(first) = find(&mut transaction, user, key, now).await?
        {
            return Ok(first);
        }
        insert(&mut transaction, user, id, title, now).await?;
        let made = get(&mut transaction, user, id).await?;
        if let Some(key) = key {
            keep(&mut transaction, user, key, &made, now).await?;
        }
        transaction.commit().await?;
        Ok(made)
    }

    /// One conversation.
    pub async fn conversation(&self, user: UserId, id: ConversationId) -> Result<Conversation, StoreError> {
        let mut connection = self.readers.acquire().await?;
        get(&mut connection, user, id).await
    }

    /// A page of conversations, newest activity first.
    pub async fn conversations(
        &self,
        user: UserId,
        filter: &ConversationFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage, StoreError> {
        let after = Cursor::parse(cursor)?;
        let pattern = filter.text.as_deref().map(contains_pattern);
        let sql = select(
            "WHERE c.user_id = $1 AND c.archived = $2 AND (c.updated_at, c.id) < ($3, $4)
             AND ($5 IS NULL OR c.title LIKE $5 ESCAPE '\\' OR EXISTS (
                 SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND m.content LIKE $5 ESCAPE '\\'))
             ORDER BY c.updated_at DESC, c.id DESC LIMIT $6",
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(user.0)
            .bind(filter.archived)
            .bind(after.time.0)
            .bind(after.id)
            .bind(pattern)
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.readers)
            .await?;
        let mut items: Vec<Conversation> = rows.iter().map(conversation).collect();
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor =
            items.last().filter(|_| more).map(|last| Cursor { time: last.updated_at, id: last.id.0 }.text());
        Ok(ConversationPage { items, next_cursor })
    }

    /// Changes what `change` names. The place in the list stays: only messages are activity.
    pub async fn update_conversation(
        &self,
        user: UserId,
        id: ConversationId,
        change: &UpdateConversation,
    ) -> Result<Conversation, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "UPDATE conversations SET title = COALESCE($3, title), pinned = COALESCE($4, pinned),
             archived = COALESCE($5, archived) WHERE id = $1 AND user_id = $2",
        )
        .bind(id.0)
        .bind(user.0)
        .bind(change.title.as_deref().map(str::trim))
        .bind(change.pinned)
        .bind(change.archived)
        .execute(&mut *transaction)
        .await?;
        let changed = get(&mut transaction, user, id).await?;
        transaction.commit().await?;
        Ok(changed)
    }

    /// Deletes a conversation with its messages, runs and logs.
    pub async fn delete_conversation(&self, user: UserId, id: ConversationId) -> Result<(), StoreError> {
        let gone = sqlx::query("DELETE FROM conversations WHERE id = $1 AND user_id = $2")
            .bind(id.0)
            .bind(user.0)
            .execute(&self.writer)
            .await?;
        if gone.rows_affected() == 0 {
            return Err(StoreError::NotFound("conversation"));
        }
        Ok(())
    }
}

/// `%text%` with the wildcards of `LIKE` taken literally.
fn contains_pattern(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

fn select(tail: &str) -> String {
    format!("{COLUMNS}{tail}")
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    user: UserId,
    id: ConversationId,
    title: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)")
        .bind(id.0)
        .bind(user.0)
        .bind(title.map(str::trim))
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn get(
    connection: &mut SqliteConnection,
    user: UserId,
    id: ConversationId,
) -> Result<Conversation, StoreError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(select("WHERE c.id = $1 AND c.user_id = $2")))
        .bind(id.0)
        .bind(user.0)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(conversation).ok_or(StoreError::NotFound("conversation"))
}

/// Notes activity, and gives an untitled conversation its title.
pub(crate) async fn touch(
    connection: &mut SqliteConnection,
    id: ConversationId,
    title: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET updated_at = MAX(updated_at, $2), title = COALESCE(title, $3) WHERE id = $1")
        .bind(id.0)
        .bind(now.0)
        .bind(title)
        .execute(connection)
        .await?;
    Ok(())
}

fn conversation(row: &SqliteRow) -> Conversation {
    Conversation {
        id: ConversationId(row.get(0)),
        title: row.get::<Option<String>, _>(1).unwrap_or_else(|| UNTITLED.to_owned()),
        pinned: row.get(2),
        archived: row.get(3),
        created_at: Timestamp(row.get(4)),
        updated_at: Timestamp(row.get(5)),
        active_run_id: row.get::<Option<Uuid>, _>(6).map(RunId),
    }
}
