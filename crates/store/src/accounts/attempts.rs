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

/// How attempts at one account are delayed. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptDelays {
    /// So many attempts are not delayed.
    pub free: i64,
    /// The delay after the first attempt beyond those; each further attempt doubles it.
    pub first: i64,
    /// The longest delay.
    pub max: i64,
    /// Attempts are forgotten when there was none for so long.
    pub window: i64,
}

impl Store {
    /// Counts an attempt before it is made, unless it comes before its delay has passed. Then returns how long it has to wait,
    /// in milliseconds. Attempts that have to wait are not counted.
    pub async fn delay_sign_in_attempt(
        &self,
        key: &SecretHash,
        delays: &AttemptDelays,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let mut statement = self.database.statement().await?;
        // `ends_at` is the time of the last attempt and the window.
        let counted = query(
            "INSERT INTO sign_in_attempts (key, count, ends_at, delay) VALUES ($1, 1, $2, 0)
             ON CONFLICT (key) DO UPDATE SET
                 count = CASE WHEN sign_in_attempts.ends_at <= $3 THEN 1 ELSE sign_in_attempts.count + 1 END,
                 delay = CASE
                     WHEN sign_in_attempts.ends_at <= $3 OR sign_in_attempts.count < $4 THEN 0
                     WHEN sign_in_attempts.delay = 0 THEN $5
                     WHEN sign_in_attempts.delay * 2 > $6 THEN $6
                     ELSE sign_in_attempts.delay * 2 END,
                 ends_at = $2
             WHERE sign_in_attempts.ends_at <= $3
                OR sign_in_attempts.ends_at - $7 + sign_in_attempts.delay <= $3
             RETURNING count",
        )
        .bind(&key[..])
        .bind(now.0 + delays.window)
        .bind(now.0)
        .bind(delays.free)
        .bind(delays.first)
        .bind(delays.max)
        .bind(delays.window)
        .fetch_optional(&mut statement)
        .await?;
        if counted.is_some() {
            return Ok(None);
        }
        let row = query("SELECT ends_at - $2 + delay FROM sign_in_attempts WHERE key = $1")
            .bind(&key[..])
            .bind(delays.window)
            .fetch_optional(&mut statement)
            .await?;
        // The row may have been swept since: its time is over then.
        Ok(Some(row.map_or(0, |row| row.get::<i64>(0) - now.0).max(0)))
    }

    /// Whether the person with this address has signed in from this network since then.
    pub async fn knows_network(
        &self,
        email_key: &str,
        network: &SecretHash,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let known = query(
            "SELECT 1 FROM sign_in_networks n JOIN users u ON u.id = n.user_id
             WHERE u.email_key = $1 AND n.network = $2 AND n.last_used_at > $3",
        )
        .bind(email_key)
        .bind(&network[..])
        .bind(since.0)
        .fetch_optional(&mut self.database.statement().await?)
        .await?;
        Ok(known.is_some())
    }

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
