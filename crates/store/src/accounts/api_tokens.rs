//! Keys for programs.

use weir_protocol::{ApiToken, ApiTokenId, Timestamp, UserId};

use super::{SecretHash, access::changed};
use crate::{
    Store, StoreError,
    db::{Row, Scope, query},
    jobs::{json, parsed},
};

/// A token that is made.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// Whose it is.
    pub user: UserId,
    /// Digest of what stands after `Bearer`.
    pub secret: SecretHash,
    /// The token as it is shown.
    pub token: ApiToken,
}

/// Tokens that a person may have, also those that have expired.
const MAX_TOKENS: u32 = 200;

impl Store {
    /// Makes a token.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`].
    pub async fn add_api_token(&self, new: &NewApiToken) -> Result<(), StoreError> {
        let added = query(
            "INSERT INTO api_tokens (id, user_id, secret_hash, name, scopes, created_at, expires_at)
             SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT COUNT(*) FROM api_tokens WHERE user_id = $2) < $8",
        )
        .bind(new.token.id.0)
        .bind(new.user.0)
        .bind(&new.secret[..])
        .bind(new.token.name.as_str())
        .bind(json(&new.token.scopes)?.as_str())
        .bind(new.token.created_at.0)
        .bind(new.token.expires_at.map(|at| at.0))
        .bind(i64::from(MAX_TOKENS))
        .execute(&mut self.database.statement().await?)
        .await?;
        if added == 0 { Err(StoreError::LimitReached { items: "API tokens", limit: MAX_TOKENS }) } else { Ok(()) }
    }

    /// A person's tokens, the newest first, also those whose time is over.
    pub async fn api_tokens(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        let rows = query(
            "SELECT id, name, scopes, created_at, last_used_at, expires_at FROM api_tokens
             WHERE user_id = $1 ORDER BY created_at DESC, id DESC",
        )
        .bind(user.0)
        .fetch_all(&mut self.database.read(Scope::User(user)).await?)
        .await?;
        rows.iter().map(token).collect()
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_api_token(&self, user: UserId, id: ApiTokenId) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let revoked = query("DELETE FROM api_tokens WHERE id = $1 AND user_id = $2")
            .bind(id.0)
            .bind(user.0)
            .execute(&mut transaction)
            .await?;
        if revoked == 0 {
            return Err(StoreError::NotFound("token"));
        }
        changed(&mut transaction).await?;
        transaction.commit().await
    }
}

fn token(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: ApiTokenId(row.get(0)),
        name: row.get(1),
        scopes: parsed(row.get(2))?,
        created_at: Timestamp(row.get(3)),
        last_used_at: row.get::<Option<i64>>(4).map(Timestamp),
        expires_at: row.get::<Option<i64>>(5).map(Timestamp),
    })
}
