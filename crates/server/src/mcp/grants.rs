//! What was granted at MCP servers, in the database: every instance uses it, and one at a time renews it.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};
use uuid::Uuid;
use weir_protocol::Timestamp;
use weir_store::{Backoff, Clock, McpGrantRecord, Store, StoreError};
use weir_tools::mcp::{Grant, Grants, GrantsError, Hold};

/// Between two looks at a grant that somebody else holds.
const LOOK: Duration = Duration::from_millis(100);
/// Whoever holds a grant for so long has died: everything that is asked meanwhile has an earlier end.
const DEAD: Duration = Duration::from_mins(2);

/// For how long a renewed grant is tried to be stored while the database fails. Less than [`DEAD`].
const KEEP: Duration = Duration::from_secs(75);

/// The grants of a store.
pub(super) struct StoredGrants {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl StoredGrants {
    /// The grants of this store. Its queries run on the caller's runtime, whichever runtime asks.
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { database: Database { store, runtime: Handle::current() }, clock }
    }
}

/// The store, asked on the server's own runtime: a database connection that was opened on the thread of the MCP servers would be as
/// slow as they make that thread.
#[derive(Clone)]
struct Database {
    store: Store,
    runtime: Handle,
}

impl Database {
    async fn ask<T, F>(&self, query: impl FnOnce(Store) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let asked = self.runtime.spawn(query(self.store.clone())).await;
        // The runtime shuts down, or the query panicked, which its task has logged.
        asked.unwrap_or(Err(StoreError::Corrupt("query")))
    }
}

#[async_trait]
impl Grants for StoredGrants {
    async fn load(&self, server: &str) -> Result<Option<Grant>, GrantsError> {
        let name = server.to_owned();
        let record = self.database.ask(|store| async move { store.mcp_grant(&name).await }).await.map_err(failed)?;
        Ok(record.and_then(|record| read(&record)))
    }

    async fn hold(&self, server: &str) -> Result<Option<Box<dyn Hold>>, GrantsError> {
        let me = self.clock.id();
        let mut seen: Option<(Uuid, Instant)> = None;
        loop {
            let name = server.to_owned();
            let record =
                self.database.ask(|store| async move { store.mcp_grant(&name).await }).await.map_err(failed)?;
            let Some(record) = record else { return Ok(None) };
            // No clock is compared with another one: who is seen for too long is passed over.
            let dead = seen.filter(|(_, since)| since.elapsed() >= DEAD).map(|(holder, _)| holder);
            let (name, id) = (server.to_owned(), record.id);
            let query = self.database.ask(move |store| async move { store.hold_mcp_grant(&name, id, me, dead).await });
            let held = match query.await {
                // It was given anew between the two.
                Err(StoreError::NotFound(_)) => continue,
                held => held.map_err(failed)?,
            };
            let Some(other) = held else { break };
            if seen.is_none_or(|(holder, _)| holder != other) {
                seen = Some((other, Instant::now()));
            }
            sleep(LOOK).await;
        }
        // As it is now that nobody else renews it.
        let grant = self.load(server).await?;
        let hold = |grant| Held { database: self.database.clone(), server: server.to_owned(), me, grant };
        Ok(grant.map(|grant| Box::new(hold(grant)) as Box<dyn Hold>))
    }

    async fn note_missing(&self, server: &str, scopes: &str) -> Result<(), GrantsError> {
        let (name, scopes) = (server.to_owned(), scopes.to_owned());
        let noted = self.database.ask(|store| async move { store.note_missing_of_mcp_grant(&name, &scopes).await });
        noted.await.map_err(failed)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A grant that this process renews.
struct Held {
    database: Database,
    server: String,
    me: Uuid,
    grant: Grant,
}

#[async_trait]
impl Hold for Held {
    fn grant(&self) -> &Grant {
        &self.grant
    }

    async fn keep(self: Box<Self>, grant: &Grant) -> Result<(), GrantsError> {
        let given = written(grant)?;
        let (begun, mut backoff) = (Instant::now(), Backoff::of_database());
        let kept = loop {
            let (name, me, given) = (self.server.clone(), self.me, given.clone());
            let kept = self.database.ask(move |store| async move { store.renew_mcp_grant(&name, me, &given).await });
            match kept.await {
                // A refresh token that was used up is of no use any more: only its successor is.
                Err(StoreError::Database(error)) if begun.elapsed() < KEEP => {
                    tracing::warn!(%error, server = self.server, "a renewed grant cannot be stored; trying again");
                    backoff.wait().await;
                }
                kept => break kept.map_err(failed)?,
            }
        };
        if kept {
            self.let_go().await;
            return Ok(());
        }
        Err(GrantsError("somebody has signed in anew, or disconnected it".to_owned()))
    }

    async fn let_go(self: Box<Self>) {
        let (name, me) = (self.server.clone(), self.me);
        let release = self.database.ask(move |store| async move { store.let_go_of_mcp_grant(&name, me).await });
        if let Err(error) = release.await {
            tracing::warn!(%error, server = self.server, "the grant of an MCP server is held on to");
        }
    }
}

/// The grant of a record; none where this version cannot read it.
pub(super) fn read(record: &McpGrantRecord) -> Option<Grant> {
    let grant = serde_json::from_str(&record.given);
    grant.inspect_err(|error| tracing::warn!(%error, server = record.server, "a grant cannot be read")).ok()
}

/// What is stored of a grant.
pub(super) fn written(grant: &Grant) -> Result<String, GrantsError> {
    serde_json::to_string(grant).map_err(|error| GrantsError(error.to_string()))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: StoreError) -> GrantsError {
    GrantsError(error.to_string())
}
