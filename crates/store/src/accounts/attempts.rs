//! How often somebody tries to get in, counted for all instances together.

use weir_protocol::Timestamp;

use super::SecretHash;
use crate::{Store, StoreError, db::query};

/// The attempts at one account or from one address, in a window of time that begins with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInAttempts {
    /// How many there were, this one included.
    pub count: i64,
    /// When they are forgotten.
    pub end: Timestamp,
}

impl Store {
    /// Counts an attempt before it is made, so that many at once are as many as one after another. `window` is in milliseconds.
    pub async fn count_sign_in_attempt(
        &self,
        key: &SecretHash,
        window: i64,
        now: Timestamp,
    ) -> Result<SignInAttempts, StoreError> {
        let row = query(
            "INSERT INTO sign_in_attempts (key, count, ends_at) VALUES ($1, 1, $2)
             ON CONFLICT (key) DO UPDATE SET
                 count = CASE WHEN sign_in_attempts.ends_at <= $3 THEN 1 ELSE sign_in_attempts.count + 1 END,
                 ends_at = CASE WHEN sign_in_attempts.ends_at <= $3 THEN $2 ELSE sign_in_attempts.ends_at END
             RETURNING count, ends_at",
        )
        .bind(&key[..])
        .bind(now.0 + window)
        .bind(now.0)
        .fetch_one(&mut self.database.statement().await?)
        .await?;
        Ok(SignInAttempts { count: row.get(0), end: Timestamp(row.get(1)) })
    }

    /// Takes an attempt back: it was none of somebody who guesses.
    pub async fn forgive_sign_in_attempt(&self, key: &SecretHash) -> Result<(), StoreError> {
        query("UPDATE sign_in_attempts SET count = count - 1 WHERE key = $1 AND count > 0")
            .bind(&key[..])
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// Forgets every attempt: whoever guessed was the person themselves.
    pub async fn forget_sign_in_attempts(&self, key: &SecretHash) -> Result<(), StoreError> {
        query("DELETE FROM sign_in_attempts WHERE key = $1")
            .bind(&key[..])
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }
}
