//! What a user has set for each tool.

use std::collections::HashMap;

use weir_protocol::{ArgumentRule, Permission, UserId};

use crate::{
    Store, StoreError,
    db::{Row, Scope, query},
    jobs::{json, parsed},
};

/// Whether a tool may run, and what holds for some of its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolPermission {
    /// Where no rule says otherwise.
    pub permission: Permission,
    /// The first that fits counts.
    pub rules: Vec<ArgumentRule>,
}

/// Tools that a user may set permissions for, also tools that are gone.
const MAX_PERMISSIONS: u32 = 1000;

impl Store {
    /// What the user has set, by tool.
    pub async fn tool_permissions(&self, user: UserId) -> Result<HashMap<String, ToolPermission>, StoreError> {
        let rows = query("SELECT permission, rules, tool FROM tool_permissions WHERE user_id = $1")
            .bind(user.0)
            .fetch_all(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        rows.iter().map(|row| Ok((row.get(2), permission(row)?))).collect()
    }

    /// What the user has set for one tool.
    pub async fn tool_permission(&self, user: UserId, tool: &str) -> Result<Option<ToolPermission>, StoreError> {
        let row = query("SELECT permission, rules FROM tool_permissions WHERE user_id = $1 AND tool = $2")
            .bind(user.0)
            .bind(tool)
            .fetch_optional(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        row.as_ref().map(permission).transpose()
    }

    /// Sets it.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`] when the user has set too many tools.
    pub async fn set_tool_permission(&self, user: UserId, tool: &str, set: &ToolPermission) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        let others = query("SELECT COUNT(*) FROM tool_permissions WHERE user_id = $1 AND tool <> $2")
            .bind(user.0)
            .bind(tool)
            .fetch_one(&mut transaction)
            .await?;
        if others.get::<i64>(0) >= i64::from(MAX_PERMISSIONS) {
            return Err(StoreError::LimitReached { items: "tool permissions", limit: MAX_PERMISSIONS });
        }
        let word = match set.permission {
            Permission::Allow => "allow",
            Permission::Ask => "ask",
            Permission::Deny => "deny",
        };
        query(
            "INSERT INTO tool_permissions (user_id, tool, permission, rules) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, tool) DO UPDATE SET permission = excluded.permission, rules = excluded.rules",
        )
        .bind(user.0)
        .bind(tool)
        .bind(word)
        .bind(json(&set.rules)?.as_str())
        .execute(&mut transaction)
        .await?;
        transaction.commit().await
    }
}

fn permission(row: &Row) -> Result<ToolPermission, StoreError> {
    Ok(ToolPermission { permission: parsed(&format!("\"{}\"", row.get::<&str>(0)))?, rules: parsed(row.get(1))? })
}
