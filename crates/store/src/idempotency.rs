//! Idempotency keys: the same key and request give the first answer again, for 24 hours.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;
use weir_protocol::{Timestamp, UserId};

use crate::{
    Store, StoreError,
    db::{Connection, Dialect, Scope, query},
    deletion::PART_ROWS,
};

/// A digest of a request, to tell a repeated one from another one under the same key.
pub type Fingerprint = [u8; 32];

/// A key that a client chose for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The client's word.
    pub key: String,
    /// What it stands for.
    pub fingerprint: Fingerprint,
}

/// Keys of a user that are kept; the oldest beyond them are forgotten before their time. At the default rate limit a client
/// needs hours to use so many.
const MAX_KEYS: i64 = 100_000;
/// How long a key is honoured.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

impl Store {
    /// The answer that was given under this key, if there is one.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when the key stands for another request, [`StoreError::NotFound`] when what the request made
    /// was deleted.
    pub async fn first_answer<T: DeserializeOwned>(
        &self,
        user: UserId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<T>, StoreError> {
        let mut connection = self.database.read(Scope::User(user)).await?;
        find(&mut connection, user, key, now).await
    }

    /// Forgets the keys that are no longer honoured, and the oldest of a user who has too many.
    pub async fn forget_old_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let crowded = query("SELECT user_id FROM idempotency_keys GROUP BY user_id HAVING COUNT(*) > $1")
            .bind(MAX_KEYS)
            .fetch_all(&mut self.database.read(Scope::System).await?)
            .await?;
        for row in crowded {
            query(
                "DELETE FROM idempotency_keys WHERE user_id = $1 AND created_at < (SELECT MIN(created_at) FROM (
                     SELECT created_at FROM idempotency_keys WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2) newest)",
            )
            .bind(row.get::<Uuid>(0))
            .bind(MAX_KEYS)
            .execute(&mut self.database.statement().await?)
            .await?;
        }
        let sql = format!(
            "DELETE FROM idempotency_keys WHERE (user_id, key) IN (
                 SELECT user_id, key FROM idempotency_keys WHERE created_at <= $1 LIMIT {PART_ROWS})"
        );
        self.delete_in_parts(sql, now.0 - KEPT_MS).await
    }
}

/// Looks a key up in the transaction that may use it: whoever uses the same key at the same time waits for its end.
pub(crate) async fn claim<T: DeserializeOwned>(
    connection: &mut Connection,
    user: UserId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<T>, StoreError> {
    // SQLite has one writer at a time anyway.
    if connection.dialect() == Dialect::Postgres {
        query("SELECT pg_advisory_xact_lock(hashtextextended($1 || $2, 0))::TEXT")
            .bind(user.to_string().as_str())
            .bind(key.key.as_str())
            .fetch_one(connection)
            .await?;
    }
    find(connection, user, key, now).await
}

async fn find<T: DeserializeOwned>(
    connection: &mut Connection,
    user: UserId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<T>, StoreError> {
    let row =
        query("SELECT fingerprint, answer FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND created_at > $3")
            .bind(user.0)
            .bind(key.key.as_str())
            .bind(now.0 - KEPT_MS)
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    if row.get::<&[u8]>(0) != key.fingerprint {
        return Err(StoreError::KeyReused);
    }
    let answer: Option<T> = serde_json::from_str(row.get(1)).map_err(|_| StoreError::Corrupt("answer"))?;
    answer.map(Some).ok_or(StoreError::NotFound("result of this request: it was deleted"))
}

/// Keeps the first answer, in the transaction that makes what it speaks of.
pub(crate) async fn keep<T: Serialize>(
    connection: &mut Connection,
    user: UserId,
    key: &IdempotencyKey,
    answer: &T,
    now: Timestamp,
) -> Result<(), StoreError> {
    let answer = serde_json::to_string(answer).map_err(|_| StoreError::Corrupt("answer"))?;
    query(
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, answer, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, key) DO UPDATE
         SET fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at",
    )
    .bind(user.0)
    .bind(key.key.as_str())
    .bind(&key.fingerprint[..])
    .bind(answer.as_str())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}
