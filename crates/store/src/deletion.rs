//! Deletion of conversations and accounts: everything that belongs to them, in parts, so that no other commit waits for long.

use uuid::Uuid;
use weir_protocol::{ConversationId, Timestamp, UserId};

use crate::{
    Store, StoreError, conversations,
    db::{Connection, Dialect, Scope, placeholders, query},
    inbox::{self, Change},
    storage::{self, JOB_BYTES, MESSAGE_BYTES, RUN_BYTES},
};

/// Rows that one transaction deletes at most.
pub(crate) const PART_ROWS: usize = 256;
/// Bytes of text that one transaction deletes at most, or one row of more.
pub(crate) const PART_BYTES: i64 = 2 * 1024 * 1024;

/// What is deleted.
#[derive(Clone, Copy, Debug)]
enum Target {
    Conversation(ConversationId),
    Account,
}

/// A table whose rows are deleted in parts.
struct Table {
    name: &'static str,
    /// What a row counts in its user's storage.
    bytes: &'static str,
    /// What else goes with a row.
    log: &'static str,
    of_conversation: &'static str,
    of_account: &'static str,
}

/// `$1` is the conversation, or the user.
const TABLES: [Table; 3] = [
    Table {
        name: "messages",
        bytes: MESSAGE_BYTES,
        log: "0",
        of_conversation: "conversation_id = $1",
        of_account: "conversation_id IN (SELECT c.id FROM conversations c WHERE c.user_id = $1)",
    },
    Table {
        name: "jobs",
        bytes: JOB_BYTES,
        log: "(SELECT COALESCE(SUM(octet_length(e.data)), 0) FROM job_events e WHERE e.job_id = jobs.id)",
        of_conversation: "conversation_id = $1",
        of_account: "user_id = $1",
    },
    Table {
        name: "runs",
        bytes: RUN_BYTES,
        log: "(SELECT COALESCE(SUM(octet_length(e.data)), 0) FROM run_events e WHERE e.run_id = runs.id)",
        of_conversation: "conversation_id = $1",
        of_account: "user_id = $1",
    },
];

impl Store {
    /// Deletes a conversation with its messages, runs, jobs and logs, and what idempotency keys say of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]. When the database fails in the middle, a part may be gone; delete it again.
    pub async fn delete_conversation(
        &self,
        user: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.delete_parts(user, Target::Conversation(id)).await?;
        let mut transaction = self.database.write(Scope::User(user)).await?;
        conversations::lock(&mut transaction, user, id).await?;
        let mut bytes = storage::ROW_BYTES;
        for table in &TABLES {
            bytes += sum(&mut transaction, table, id).await?;
        }
        query("DELETE FROM jobs WHERE conversation_id = $1").bind(id.0).execute(&mut transaction).await?;
        // The key stays used: a request that is repeated late does not make the conversation again.
        query("UPDATE idempotency_keys SET answer = 'null' WHERE user_id = $1 AND answer LIKE $2")
            .bind(user.0)
            .bind(format!("%{id}%").as_str())
            .execute(&mut transaction)
            .await?;
        query("DELETE FROM conversations WHERE id = $1").bind(id.0).execute(&mut transaction).await?;
        note_deletion(&mut transaction).await?;
        inbox::note(&mut transaction, user, Change::Deleted(id), now).await?;
        storage::adjust(&mut transaction, user, -bytes).await?;
        transaction.commit().await
    }

    /// Deletes most of what a user has, before the user's row takes the rest with it.
    pub(crate) async fn delete_content_of(&self, user: UserId) -> Result<(), StoreError> {
        self.delete_parts(user, Target::Account).await?;
        loop {
            let mut transaction = self.database.write(Scope::User(user)).await?;
            let gone = query(
                "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE user_id = $1 LIMIT $2)",
            )
            .bind(user.0)
            .bind(i64::try_from(PART_ROWS).unwrap_or(i64::MAX))
            .execute(&mut transaction)
            .await?;
            transaction.commit().await?;
            if gone == 0 {
                return Ok(());
            }
        }
    }

    /// Deletes parts of what belongs to `target` until each table has less than a part.
    async fn delete_parts(&self, user: UserId, target: Target) -> Result<(), StoreError> {
        for table in &TABLES {
            while self.delete_part(user, target, table).await? {}
        }
        Ok(())
    }

    /// Deletes a part, if there is more than one.
    async fn delete_part(&self, user: UserId, target: Target, table: &Table) -> Result<bool, StoreError> {
        let (Table { name, bytes, log, .. }, belongs, id) = match target {
            Target::Conversation(id) => (table, table.of_conversation, id.0),
            Target::Account => (table, table.of_account, user.0),
        };
        let mut transaction = self.database.write(Scope::User(user)).await?;
        if let Target::Conversation(id) = target {
            conversations::lock(&mut transaction, user, id).await?;
        }
        let rows = query(format!(
            "SELECT id, CAST({bytes} AS BIGINT), CAST({log} AS BIGINT) FROM {name} WHERE {belongs} LIMIT {PART_ROWS}"
        ))
        .bind(id)
        .fetch_all(&mut transaction)
        .await?;
        let (mut ids, mut freed, mut weight) = (Vec::new(), 0, 0);
        for row in &rows {
            let (counted, logged): (i64, i64) = (row.get(1), row.get(2));
            weight += counted + logged;
            if !ids.is_empty() && weight > PART_BYTES {
                break;
            }
            ids.push(row.get::<Uuid>(0));
            freed += counted;
        }
        if ids.len() == rows.len() && rows.len() < PART_ROWS {
            // The last part goes with the conversation or the account.
            return Ok(false);
        }
        let delete = query(format!("DELETE FROM {name} WHERE id IN ({})", placeholders(ids.len())));
        delete.bind_all(ids).execute(&mut transaction).await?;
        storage::adjust(&mut transaction, user, -freed).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

async fn sum(connection: &mut Connection, table: &Table, conversation: ConversationId) -> Result<i64, StoreError> {
    let Table { name, bytes, of_conversation, .. } = table;
    let sql = format!("SELECT CAST(COALESCE(SUM({bytes}), 0) AS BIGINT) FROM {name} WHERE {of_conversation}");
    Ok(query(sql).bind(conversation.0).fetch_one(connection).await?.get(0))
}

/// Notes in `SQLite` that the full-text index holds words of deleted messages; see [`Store::purge`].
pub(crate) async fn note_deletion(connection: &mut Connection) -> Result<(), StoreError> {
    if connection.dialect() == Dialect::Sqlite {
        query("UPDATE deletions SET count = count + 1").execute(connection).await?;
    }
    Ok(())
}
