//! Conversations: made, listed, changed, deleted.

use uuid::Uuid;
use weir_protocol::{Conversation, ConversationId, ConversationPage, RunId, Timestamp, UpdateConversation, UserId};

use crate::{
    IdempotencyKey, Store, StoreError,
    cursor::Cursor,
    db::{Connection, Dialect, Row, Scope, query},
    idempotency::{claim, keep},
    inbox::{self, Change},
    storage::ROW_BYTES,
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
        let mut transaction = self.database.write(Scope::User(user)).await?;
        if let Some(key) = key
            && let Some(first) = claim(&mut transaction, user, key, now).await?
        {
            return Ok(first);
        }
        insert(&mut transaction, user, id, title, now).await?;
        inbox::note(&mut transaction, user, Change::Created(id), now).await?;
        let made = get(&mut transaction, user, id).await?;
        if let Some(key) = key {
            keep(&mut transaction, user, key, &made, now).await?;
        }
        self.charge_storage(&mut transaction, user, ROW_BYTES).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// One conversation.
    pub async fn conversation(&self, user: UserId, id: ConversationId) -> Result<Conversation, StoreError> {
        let mut connection = self.database.read(Scope::User(user)).await?;
        get(&mut connection, user, id).await
    }

    /// A page of conversations, newest activity first.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`]; for a filter with a text also [`StoreError::TooManySearches`] and
    /// [`StoreError::SearchTooSlow`].
    pub async fn conversations(
        &self,
        user: UserId,
        filter: &ConversationFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage, StoreError> {
        let after = Cursor::parse(cursor)?;
        if let Some(text) = &filter.text {
            return self.search_conversations(user, text, filter, after, limit).await;
        }
        let sql = select(
            "WHERE c.user_id = $1 AND c.archived = $2 AND (c.updated_at, c.id) < ($3, $4)
             ORDER BY c.updated_at DESC, c.id DESC LIMIT $5",
        );
        let rows = query(sql)
            .bind(user.0)
            .bind(filter.archived)
            .bind(after.time.0)
            .bind(after.id)
            .bind(i64::from(limit) + 1)
            .fetch_all(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        Ok(page(rows.iter().map(conversation).collect(), limit))
    }

    /// Changes what `change` names. The place in the list stays: only messages are activity.
    pub async fn update_conversation(
        &self,
        user: UserId,
        id: ConversationId,
        change: &UpdateConversation,
        now: Timestamp,
    ) -> Result<Conversation, StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        query(
            "UPDATE conversations SET title = COALESCE($3, title), pinned = COALESCE($4, pinned),
             archived = COALESCE($5, archived) WHERE id = $1 AND user_id = $2",
        )
        .bind(id.0)
        .bind(user.0)
        .bind(change.title.as_deref().map(str::trim))
        .bind(change.pinned)
        .bind(change.archived)
        .execute(&mut transaction)
        .await?;
        let changed = get(&mut transaction, user, id).await?;
        inbox::note(&mut transaction, user, Change::Updated(id), now).await?;
        transaction.commit().await?;
        Ok(changed)
    }
}

/// The page of `items`, of which one more than `limit` was read. Titles are short, so that a page needs no bound in bytes.
pub(crate) fn page(mut items: Vec<Conversation>, limit: u32) -> ConversationPage {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| Cursor { time: last.updated_at, id: last.id.0 }.text());
    ConversationPage { items, next_cursor }
}

pub(crate) fn select(tail: &str) -> String {
    format!("{COLUMNS}{tail}")
}

pub(crate) async fn insert(
    connection: &mut Connection,
    user: UserId,
    id: ConversationId,
    title: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)")
        .bind(id.0)
        .bind(user.0)
        .bind(title.map(str::trim))
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// One conversation, locked until the transaction ends: messages come into it one after another.
pub(crate) async fn lock(connection: &mut Connection, user: UserId, id: ConversationId) -> Result<(), StoreError> {
    let lock = connection.dialect().for_update();
    query(format!("SELECT 1 FROM conversations WHERE id = $1 AND user_id = $2{lock}"))
        .bind(id.0)
        .bind(user.0)
        .fetch_optional(connection)
        .await?
        .map(|_| ())
        .ok_or(StoreError::NotFound("conversation"))
}

/// Locks a conversation of any user, if it is still there.
pub(crate) async fn lock_any(connection: &mut Connection, id: ConversationId) -> Result<(), StoreError> {
    if connection.dialect() == Dialect::Postgres {
        query("SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE").bind(id.0).fetch_optional(connection).await?;
    }
    Ok(())
}

pub(crate) async fn get(
    connection: &mut Connection,
    user: UserId,
    id: ConversationId,
) -> Result<Conversation, StoreError> {
    let row =
        query(select("WHERE c.id = $1 AND c.user_id = $2")).bind(id.0).bind(user.0).fetch_optional(connection).await?;
    row.as_ref().map(conversation).ok_or(StoreError::NotFound("conversation"))
}

/// Notes activity, and gives an untitled conversation its title.
pub(crate) async fn touch(
    connection: &mut Connection,
    id: ConversationId,
    title: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE conversations SET updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
         title = COALESCE(title, $3) WHERE id = $1",
    )
    .bind(id.0)
    .bind(now.0)
    .bind(title)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) fn conversation(row: &Row) -> Conversation {
    Conversation {
        id: ConversationId(row.get(0)),
        title: row.get::<Option<String>>(1).unwrap_or_else(|| UNTITLED.to_owned()),
        pinned: row.get(2),
        archived: row.get(3),
        created_at: Timestamp(row.get(4)),
        updated_at: Timestamp(row.get(5)),
        active_run_id: row.get::<Option<Uuid>>(6).map(RunId),
    }
}
