//! The MCP servers that were set in the app. They are the server's own: no user's, and the same for every instance.

use weir_protocol::McpTransport;

use crate::{
    Store, StoreError,
    db::{Scope, query},
    jobs::{json, parsed},
};

/// An MCP server that was set in the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMcpServer {
    /// Its name.
    pub name: String,
    /// How it is reached, with every secret.
    pub transport: McpTransport,
    /// Whether it is to run.
    pub enabled: bool,
}

/// MCP servers that may be set in the app.
const MAX_SERVERS: u32 = 200;

impl Store {
    /// Every MCP server that was set in the app, by name.
    pub async fn mcp_servers(&self) -> Result<Vec<StoredMcpServer>, StoreError> {
        let rows = query("SELECT name, transport, enabled FROM mcp_servers ORDER BY name")
            .fetch_all(&mut self.database.read(Scope::System).await?)
            .await?;
        rows.iter()
            .map(|row| Ok(StoredMcpServer { name: row.get(0), transport: parsed(row.get(1))?, enabled: row.get(2) }))
            .collect()
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] and [`StoreError::LimitReached`].
    pub async fn add_mcp_server(&self, server: &StoredMcpServer) -> Result<(), StoreError> {
        let all =
            query("SELECT COUNT(*) FROM mcp_servers").fetch_one(&mut self.database.read(Scope::System).await?).await?;
        if all.get::<i64>(0) >= i64::from(MAX_SERVERS) {
            return Err(StoreError::LimitReached { items: "MCP servers", limit: MAX_SERVERS });
        }
        let added = query(
            "INSERT INTO mcp_servers (name, transport, enabled) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        )
        .bind(server.name.as_str())
        .bind(json(&server.transport)?.as_str())
        .bind(server.enabled)
        .execute(&mut self.database.statement().await?)
        .await?;
        if added == 0 { Err(StoreError::NameTaken) } else { Ok(()) }
    }

    /// Sets how one is reached and whether it is to run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_mcp_server(&self, server: &StoredMcpServer) -> Result<(), StoreError> {
        let changed = query("UPDATE mcp_servers SET transport = $2, enabled = $3 WHERE name = $1")
            .bind(server.name.as_str())
            .bind(json(&server.transport)?.as_str())
            .bind(server.enabled)
            .execute(&mut self.database.statement().await?)
            .await?;
        if changed == 0 { Err(StoreError::NotFound("MCP server")) } else { Ok(()) }
    }

    /// Forgets one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn forget_mcp_server(&self, name: &str) -> Result<(), StoreError> {
        let forgotten = query("DELETE FROM mcp_servers WHERE name = $1")
            .bind(name)
            .execute(&mut self.database.statement().await?)
            .await?;
        if forgotten == 0 { Err(StoreError::NotFound("MCP server")) } else { Ok(()) }
    }
}
