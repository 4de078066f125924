//! Instances: the processes that serve one database. Whose beat stands still has lost its runs to whoever sees it.

use std::collections::HashMap;

use uuid::Uuid;
use weir_protocol::{RunId, Timestamp};

use crate::{
    RunRecord, Store, StoreError,
    db::{Dialect, Scope, query},
    runs,
};

/// One process that serves the database. Each start is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub Uuid);

/// A number that moves for as long as its instance lives. It says nothing about time: no clock is compared with another.
pub type Beat = u64;

impl Store {
    /// Makes the instance known, with its first beat.
    pub async fn register_instance(&self, id: InstanceId, now: Timestamp) -> Result<(), StoreError> {
        query("INSERT INTO instances (id, beat, started_at) VALUES ($1, 1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(id.0)
            .bind(now.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// Moves the instance's beat.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the others thought it dead and have forgotten it.
    pub async fn beat(&self, id: InstanceId) -> Result<(), StoreError> {
        let moved = query("UPDATE instances SET beat = beat + 1 WHERE id = $1")
            .bind(id.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        if moved == 0 { Err(StoreError::NotFound("instance")) } else { Ok(()) }
    }

    /// Every instance that is known, and its beat.
    pub async fn instances(&self) -> Result<HashMap<InstanceId, Beat>, StoreError> {
        let rows =
            query("SELECT id, beat FROM instances").fetch_all(&mut self.database.read(Scope::System).await?).await?;
        Ok(rows.iter().map(|row| (InstanceId(row.get(0)), row.get::<i64>(1).unsigned_abs())).collect())
    }

    /// Forgets an instance: it has gone, or is thought dead. Runs that it still owned are nobody's from now on.
    pub async fn forget_instance(&self, id: InstanceId) -> Result<(), StoreError> {
        query("DELETE FROM instances WHERE id = $1").bind(id.0).execute(&mut self.database.statement().await?).await?;
        Ok(())
    }

    /// Every run without a terminal event that this instance owns, or no known one, oldest first.
    pub async fn runs_to_look_after(&self, owner: InstanceId) -> Result<Vec<RunRecord>, StoreError> {
        let sql = format!(
            "{} WHERE r.state = 'running'
             AND (r.owner = $1 OR NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = r.owner)) ORDER BY r.id",
            runs::COLUMNS
        );
        let rows = query(sql).bind(owner.0).fetch_all(&mut self.database.read(Scope::System).await?).await?;
        rows.iter().map(runs::record).collect()
    }

    /// Gives a run up: whoever is first takes it over. Only its owner can.
    pub async fn release(&self, run: RunId, owner: InstanceId) -> Result<(), StoreError> {
        query("UPDATE runs SET owner = NULL WHERE id = $1 AND owner = $2 AND state = 'running'")
            .bind(run.0)
            .bind(owner.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// Whether other processes may serve this database at the same time.
    pub fn is_shared(&self) -> bool {
        self.database.dialect() == Dialect::Postgres
    }
}
