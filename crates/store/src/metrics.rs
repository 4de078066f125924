//! What the instances tell each other of their last second. It is worth nothing a second later, so it is kept in a table that is
//! not written to the log of the database.

use crate::{
    InstanceId, Store, StoreError,
    db::{Dialect, query},
};

/// What another instance has told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldSecond {
    /// Who told it.
    pub instance: InstanceId,
    /// Moves with every second that it tells.
    pub number: u64,
    /// What it told, as it wrote it.
    pub second: String,
}

impl Store {
    /// Tells the other instances of one's last second, and reads theirs. One that is forgotten as an instance is forgotten
    /// here as well. Where nobody else can serve the database there is nothing to tell.
    ///
    /// # Errors
    /// When the database fails, or has forgotten this instance.
    pub async fn exchange_seconds(
        &self,
        own: InstanceId,
        number: u64,
        second: &str,
    ) -> Result<Vec<ToldSecond>, StoreError> {
        if self.database.dialect() == Dialect::Sqlite {
            return Ok(Vec::new());
        }
        let told = query(
            "WITH told AS (
                 INSERT INTO instance_seconds (instance, number, second) VALUES ($1, $2, $3)
                 ON CONFLICT (instance) DO UPDATE SET number = EXCLUDED.number, second = EXCLUDED.second
             )
             SELECT instance, number, second FROM instance_seconds WHERE instance <> $1",
        )
        .bind(own.0)
        .bind(number.cast_signed())
        .bind(second)
        .fetch_all(&mut self.database.statement().await?)
        .await?;
        Ok(told
            .iter()
            .map(|row| ToldSecond {
                instance: InstanceId(row.get(0)),
                number: row.get::<i64>(1).cast_unsigned(),
                second: row.get(2),
            })
            .collect())
    }
}
