//! Storage quotas: how many bytes the content of each user takes. The number is kept in the transactions that add and delete
//! content. Event logs are not counted: they are temporary, and what they say is counted with its message or job.

use weir_protocol::UserId;

use crate::{
    Store, StoreError,
    db::{Connection, query},
};

/// What a message, a job or a conversation counts beside its text: its row and what the indexes hold of it.
pub(crate) const ROW_BYTES: i64 = 512;

/// Bytes that a message counts, in SQL.
pub(crate) const MESSAGE_BYTES: &str = "512 + octet_length(content) + COALESCE(octet_length(tool_calls), 0)";
/// Bytes that a job counts, in SQL.
pub(crate) const JOB_BYTES: &str =
    "512 + octet_length(args) + COALESCE(octet_length(output), 0) + COALESCE(octet_length(error), 0)";
/// Bytes that a run counts, in SQL.
pub(crate) const RUN_BYTES: &str = "COALESCE(octet_length(context), 0)";

/// How much a user has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageUse {
    /// Bytes that are stored.
    pub used: u64,
    /// The quota in bytes; none: there is no limit.
    pub limit: Option<u64>,
}

impl Store {
    /// Sets each user's quota in bytes; 0: no limit.
    #[must_use]
    pub fn with_storage_limit(mut self, bytes: u64) -> Self {
        self.storage_limit = (bytes > 0).then_some(bytes);
        self
    }

    /// How much a user has stored.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn storage(&self, user: UserId) -> Result<StorageUse, StoreError> {
        let row = query("SELECT stored_bytes FROM users WHERE id = $1")
            .bind(user.0)
            .fetch_optional(&mut self.database.identity().await?)
            .await?
            .ok_or(StoreError::NotFound("user"))?;
        Ok(StorageUse { used: row.get::<i64>(0).unsigned_abs(), limit: self.storage_limit })
    }

    /// Counts content that a user asks to store. Call it last in the transaction: `PostgreSQL` locks the user's row.
    ///
    /// # Errors
    /// [`StoreError::StorageFull`] when it does not fit, and [`StoreError::Disabled`].
    pub(crate) async fn charge_storage(
        &self,
        connection: &mut Connection,
        user: UserId,
        bytes: i64,
    ) -> Result<(), StoreError> {
        let limit = self.storage_limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let charged = query(
            "UPDATE users SET stored_bytes = stored_bytes + $2
             WHERE id = $1 AND disabled = FALSE AND stored_bytes + $2 <= $3",
        )
        .bind(user.0)
        .bind(bytes)
        .bind(limit)
        .execute(connection)
        .await?;
        if charged > 0 {
            return Ok(());
        }
        let row = query("SELECT disabled, stored_bytes FROM users WHERE id = $1")
            .bind(user.0)
            .fetch_optional(connection)
            .await?
            .ok_or(StoreError::NotFound("user"))?;
        if row.get(0) {
            return Err(StoreError::Disabled);
        }
        Err(StoreError::StorageFull { used: row.get::<i64>(1).unsigned_abs(), limit: limit.unsigned_abs() })
    }
}

/// Counts content that is stored or deleted in any case.
pub(crate) async fn adjust(connection: &mut Connection, user: UserId, bytes: i64) -> Result<(), StoreError> {
    query(
        "UPDATE users SET stored_bytes = CASE WHEN stored_bytes + $2 > 0 THEN stored_bytes + $2 ELSE 0 END WHERE id = $1",
    )
    .bind(user.0)
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// The length of a text in bytes.
pub(crate) fn bytes_of(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX / 2)
}
