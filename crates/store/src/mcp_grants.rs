//! What people have granted at MCP servers (OAuth), and who is on the way to grant something. All of it is the server's own, like
//! the MCP servers, and the same for every instance.

use uuid::Uuid;
use weir_protocol::{Timestamp, UserId};

use crate::{
    SecretHash, Store, StoreError,
    db::{Row, Scope, query},
};

/// How long somebody may take at an authorization server: 10 minutes, in milliseconds.
pub const MCP_JOURNEY_MS: i64 = 10 * 60 * 1000;

/// What was granted for one MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpGrantRecord {
    /// The server.
    pub server: String,
    /// Another one with each sign-in.
    pub id: Uuid,
    /// The grant with its tokens, as JSON. A secret.
    pub given: String,
    /// Scopes that were asked for since and are not granted, with spaces between them.
    pub missing: String,
    /// When somebody signed in.
    pub made_at: Timestamp,
}

/// Somebody goes to an authorization server.
#[derive(Clone, Debug)]
pub struct NewMcpJourney {
    /// Digest of the state that comes back.
    pub state: SecretHash,
    /// Digest of what the browser carries meanwhile.
    pub browser: SecretHash,
    /// Who goes.
    pub user: UserId,
    /// For which MCP server.
    pub server: String,
    /// What is needed on the way back, as JSON. A secret.
    pub journey: String,
}

const COLUMNS: &str = "SELECT server, id, given, missing, made_at FROM mcp_grants";

fn record(row: &Row) -> McpGrantRecord {
    McpGrantRecord {
        server: row.get(0),
        id: row.get(1),
        given: row.get(2),
        missing: row.get(3),
        made_at: Timestamp(row.get(4)),
    }
}

impl Store {
    /// Everything that was granted, by server.
    pub async fn mcp_grants(&self) -> Result<Vec<McpGrantRecord>, StoreError> {
        let rows = query(format!("{COLUMNS} ORDER BY server"))
            .fetch_all(&mut self.database.read(Scope::System).await?)
            .await?;
        Ok(rows.iter().map(record).collect())
    }

    /// What was granted for one server.
    pub async fn mcp_grant(&self, server: &str) -> Result<Option<McpGrantRecord>, StoreError> {
        let row = query(format!("{COLUMNS} WHERE server = $1"))
            .bind(server)
            .fetch_optional(&mut self.database.read(Scope::System).await?)
            .await?;
        Ok(row.as_ref().map(record))
    }

    /// Keeps what somebody has just granted, in place of what was granted before.
    pub async fn put_mcp_grant(&self, new: &McpGrantRecord) -> Result<(), StoreError> {
        query(
            "INSERT INTO mcp_grants (server, id, given, missing, made_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (server) DO UPDATE SET id = excluded.id, given = excluded.given, missing = excluded.missing,
                 made_at = excluded.made_at, holder = NULL",
        )
        .bind(new.server.as_str())
        .bind(new.id)
        .bind(new.given.as_str())
        .bind(new.missing.as_str())
        .bind(new.made_at.0)
        .execute(&mut self.database.statement().await?)
        .await?;
        Ok(())
    }

    /// Holds a grant for whoever renews it, unless somebody else does. `passed_over` is a holder that was seen for so long that it must
    /// have died. None: held, by `me`; else whoever holds it. [`StoreError::NotFound`]: there is no such grant any more.
    pub async fn hold_mcp_grant(
        &self,
        server: &str,
        id: Uuid,
        me: Uuid,
        passed_over: Option<Uuid>,
    ) -> Result<Option<Uuid>, StoreError> {
        let held = query(
            "UPDATE mcp_grants SET holder = $3 WHERE server = $1 AND id = $2 AND (holder IS NULL OR holder = $4)",
        )
        .bind(server)
        .bind(id)
        .bind(me)
        .bind(passed_over)
        .execute(&mut self.database.statement().await?)
        .await?;
        if held > 0 {
            return Ok(None);
        }
        let row = query("SELECT holder FROM mcp_grants WHERE server = $1 AND id = $2")
            .bind(server)
            .bind(id)
            .fetch_optional(&mut self.database.read(Scope::System).await?)
            .await?;
        let row = row.ok_or(StoreError::NotFound("grant"))?;
        // Let go between the two: the next try holds it.
        Ok(Some(row.get::<Option<Uuid>>(0).unwrap_or_default()))
    }

    /// Lets go of what `me` holds.
    pub async fn let_go_of_mcp_grant(&self, server: &str, me: Uuid) -> Result<(), StoreError> {
        query("UPDATE mcp_grants SET holder = NULL WHERE server = $1 AND holder = $2")
            .bind(server)
            .bind(me)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// Keeps a grant as it was renewed, if `me` still holds it. False: it was given anew or forgotten meanwhile.
    pub async fn renew_mcp_grant(&self, server: &str, me: Uuid, given: &str) -> Result<bool, StoreError> {
        let renewed = query("UPDATE mcp_grants SET given = $3 WHERE server = $1 AND holder = $2")
            .bind(server)
            .bind(me)
            .bind(given)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(renewed > 0)
    }

    /// Notes what is asked for and not granted.
    pub async fn note_missing_of_mcp_grant(&self, server: &str, missing: &str) -> Result<(), StoreError> {
        query("UPDATE mcp_grants SET missing = $2 WHERE server = $1 AND missing <> $2")
            .bind(server)
            .bind(missing)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }

    /// Forgets what was granted for a server; what that was.
    pub async fn forget_mcp_grant(&self, server: &str) -> Result<Option<McpGrantRecord>, StoreError> {
        let row = query("DELETE FROM mcp_grants WHERE server = $1 RETURNING server, id, given, missing, made_at")
            .bind(server)
            .fetch_optional(&mut self.database.statement().await?)
            .await?;
        Ok(row.as_ref().map(record))
    }

    /// Somebody goes.
    pub async fn begin_mcp_journey(&self, new: &NewMcpJourney, now: Timestamp) -> Result<(), StoreError> {
        query(
            "INSERT INTO mcp_journeys (state, browser, user_id, server, journey, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&new.state[..])
        .bind(&new.browser[..])
        .bind(new.user.0)
        .bind(new.server.as_str())
        .bind(new.journey.as_str())
        .bind(now.0 + MCP_JOURNEY_MS)
        .execute(&mut self.database.statement().await?)
        .await?;
        Ok(())
    }

    /// Somebody comes back: the server and the journey, once, to the very person and browser, in time.
    pub async fn end_mcp_journey(
        &self,
        state: &SecretHash,
        browser: &SecretHash,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<(String, String)>, StoreError> {
        let row = query(
            "DELETE FROM mcp_journeys WHERE state = $1 AND browser = $2 AND user_id = $3
             RETURNING server, journey, expires_at",
        )
        .bind(&state[..])
        .bind(&browser[..])
        .bind(user.0)
        .fetch_optional(&mut self.database.statement().await?)
        .await?;
        Ok(row.filter(|row| row.get::<i64>(2) > now.0).map(|row| (row.get(0), row.get(1))))
    }

    /// Forgets whoever did not come back.
    pub async fn forget_old_mcp_journeys(&self, now: Timestamp) -> Result<(), StoreError> {
        query("DELETE FROM mcp_journeys WHERE expires_at <= $1")
            .bind(now.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        Ok(())
    }
}
