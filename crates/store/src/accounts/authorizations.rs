//! Sign-ins through `OpenID` Connect that wait for their callback: for one browser, once, for ten minutes.

use weir_protocol::Timestamp;

use super::SecretHash;
use crate::{
    Store, StoreError,
    db::{Scope, query},
};

/// How long a person may take at the provider: 10 minutes, in milliseconds.
pub const OPEN_ID_AUTHORIZATION_MS: i64 = 10 * 60 * 1000;

/// A browser that is sent to the provider.
#[derive(Clone, Debug)]
pub struct NewOpenIdAuthorization {
    /// Digest of the state that the callback carries.
    pub state: SecretHash,
    /// Digest of the secret in the browser's cookie.
    pub browser: SecretHash,
    /// What the callback needs, as JSON. A secret.
    pub pending: String,
}

impl Store {
    /// Stores an authorization that waits for its callback, and forgets those whose time is over.
    pub async fn begin_open_id_authorization(
        &self,
        new: &NewOpenIdAuthorization,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        query("DELETE FROM open_id_authorizations WHERE expires_at <= $1")
            .bind(now.0)
            .execute(&mut transaction)
            .await?;
        query("INSERT INTO open_id_authorizations (state, browser, pending, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(&new.state[..])
            .bind(&new.browser[..])
            .bind(new.pending.as_str())
            .bind(now.0 + OPEN_ID_AUTHORIZATION_MS)
            .execute(&mut transaction)
            .await?;
        transaction.commit().await
    }

    /// Takes an authorization for its callback. Of several callbacks with the same state, at any instance, one gets it; a callback
    /// of another browser takes nothing.
    pub async fn take_open_id_authorization(
        &self,
        state: &SecretHash,
        browser: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let row =
            query("DELETE FROM open_id_authorizations WHERE state = $1 AND browser = $2 RETURNING pending, expires_at")
                .bind(&state[..])
                .bind(&browser[..])
                .fetch_optional(&mut self.database.statement().await?)
                .await?;
        Ok(row.filter(|row| row.get::<i64>(1) > now.0).map(|row| row.get(0)))
    }
}
