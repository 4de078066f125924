//! Instances: the processes that serve one database. Whose beat stands still has lost its runs to whoever sees it.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use weir_protocol::{RunId, Timestamp};

use crate::{
    Store, StoreError,
    db::{Dialect, Row, query},
};

/// One process that serves the database. Each start is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub Uuid);

/// A number that moves for as long as its instance lives. It says nothing about time: no clock is compared with another.
pub type Beat = u64;

/// What a look for runs sees of one that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfinishedRun {
    /// The run.
    pub id: RunId,
    /// Whose appends count.
    pub epoch: u64,
    /// Its stop was requested.
    pub cancel_requested: bool,
}

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
            .execute(&mut self.database.heartbeat().await?)
            .await?;
        if moved == 0 { Err(StoreError::NotFound("instance")) } else { Ok(()) }
    }

    /// Every instance that is known, and its beat.
    pub async fn instances(&self) -> Result<HashMap<InstanceId, Beat>, StoreError> {
        let rows = query("SELECT id, beat FROM instances").fetch_all(&mut self.database.leases().await?).await?;
        Ok(rows.iter().map(|row| (InstanceId(row.get(0)), row.get::<i64>(1).unsigned_abs())).collect())
    }

    /// Says that the instance is about to stop: it takes over nothing from now on.
    pub async fn mark_draining(&self, id: InstanceId) -> Result<(), StoreError> {
        query("UPDATE instances SET is_draining = TRUE WHERE id = $1")
            .bind(id.0)
            .execute(&mut self.database.short_statement().await?)
            .await?;
        Ok(())
    }

    /// The instances that take over runs.
    pub async fn serving_instances(&self) -> Result<HashSet<InstanceId>, StoreError> {
        let sql = "SELECT id FROM instances WHERE NOT is_draining";
        let rows = query(sql).fetch_all(&mut self.database.leases().await?).await?;
        Ok(rows.iter().map(|row| InstanceId(row.get(0))).collect())
    }

    /// Forgets an instance: it has gone, or is thought dead. Runs that it still owned are nobody's from now on.
    pub async fn forget_instance(&self, id: InstanceId) -> Result<(), StoreError> {
        query("DELETE FROM instances WHERE id = $1").bind(id.0).execute(&mut self.database.statement().await?).await?;
        Ok(())
    }

    /// Every run without a terminal event that this instance owns, or no known one, oldest first. Instructions, which may be large,
    /// are not read.
    pub async fn runs_to_look_after(&self, owner: InstanceId) -> Result<Vec<UnfinishedRun>, StoreError> {
        let sql = "SELECT id, epoch, cancel_requested_at FROM runs WHERE state = 'running'
             AND (owner = $1 OR NOT EXISTS (SELECT 1 FROM instances i WHERE i.id = runs.owner)) ORDER BY id";
        let rows = query(sql).bind(owner.0).fetch_all(&mut self.database.leases().await?).await?;
        let run = |row: &Row| UnfinishedRun {
            id: RunId(row.get(0)),
            epoch: row.get::<i64>(1).unsigned_abs(),
            cancel_requested: row.get::<Option<i64>>(2).is_some(),
        };
        Ok(rows.iter().map(run).collect())
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
