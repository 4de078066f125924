//! The buckets of the limits that several instances share: of each, when it will be full again.

use std::{fmt::Write as _, time::Duration};

use crate::{Store, StoreError, db::query};

/// What a request takes out of one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketCharge {
    /// Whose bucket it is.
    pub key: String,
    /// What is taken, as the microseconds that it takes to come back.
    pub cost: i64,
    /// What the bucket holds, in the same measure.
    pub depth: i64,
}

/// Somebody else may take from a bucket between the look at it and the taking; then it is looked at again.
const TRIES: u32 = 3;

impl Store {
    /// Takes every charge or none, and tells how long to wait: zero when they were taken. Time is the database's. Only for a store
    /// that several instances share.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_from_buckets(&self, charges: &[BucketCharge]) -> Result<Duration, StoreError> {
        for _ in 0..TRIES {
            let (wait, all_taken) = self.try_to_take(charges).await?;
            if wait > 0 {
                return Ok(Duration::from_micros(wait.unsigned_abs()));
            }
            if all_taken {
                return Ok(Duration::ZERO);
            }
        }
        // It is being emptied faster than we can look: there will be something in it when this has come back.
        let dearest = charges.iter().map(|charge| charge.cost).max().unwrap_or_default();
        Ok(Duration::from_micros(dearest.unsigned_abs()))
    }

    async fn try_to_take(&self, charges: &[BucketCharge]) -> Result<(i64, bool), StoreError> {
        let mut asked = String::new();
        for charge in 0..charges.len() {
            let comma = if charge == 0 { "" } else { ", " };
            let n = 3 * charge;
            let _ = write!(asked, "{comma}(${}::TEXT, ${}::BIGINT, ${}::BIGINT)", n + 1, n + 2, n + 3);
        }
        // One order of keys for everybody, so that no two wait for each other.
        let sql = format!(
            "WITH asked (key, cost, depth) AS (VALUES {asked}),
             clock AS MATERIALIZED (SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT AS now),
             found AS MATERIALIZED (
                 SELECT a.key, a.cost, a.depth, c.now,
                        LEAST(GREATEST(COALESCE(b.full_at, 0), c.now), c.now + a.depth) AS from_time
                 FROM asked a CROSS JOIN clock c LEFT JOIN rate_buckets b ON b.key = a.key
             ),
             verdict AS MATERIALIZED (SELECT GREATEST(MAX(from_time + cost - depth - now), 0) AS wait FROM found),
             taken AS (
                 INSERT INTO rate_buckets AS b (key, full_at)
                 SELECT f.key, f.from_time + f.cost FROM found f CROSS JOIN verdict v WHERE v.wait = 0 ORDER BY f.key
                 ON CONFLICT (key) DO UPDATE SET full_at = (
                     SELECT LEAST(GREATEST(b.full_at, a.now), a.now + a.depth) + a.cost FROM found a WHERE a.key = excluded.key)
                 WHERE EXISTS (SELECT 1 FROM found a WHERE a.key = excluded.key
                               AND LEAST(GREATEST(b.full_at, a.now), a.now + a.depth) + a.cost - a.depth <= a.now)
                 RETURNING 1
             )
             SELECT (SELECT wait FROM verdict), (SELECT COUNT(*) FROM taken)"
        );
        let mut statement = query(sql);
        for charge in charges {
            statement = statement.bind(charge.key.as_str()).bind(charge.cost).bind(charge.depth);
        }
        let row = statement.fetch_one(&mut self.database.statement().await?).await?;
        let taken = usize::try_from(row.get::<i64>(1)).unwrap_or_default();
        Ok((row.get(0), taken == charges.len()))
    }

    /// Forgets the buckets that are full.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_full_buckets(&self) -> Result<u64, StoreError> {
        if !self.is_shared() {
            return Ok(0);
        }
        query("DELETE FROM rate_buckets WHERE full_at < (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT")
            .execute(&mut self.database.statement().await?)
            .await
    }
}
