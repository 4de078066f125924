//! The browsers that people are signed in on.

use weir_protocol::{Device, SignInId, Timestamp, UserId};

use super::{SecretHash, access::changed};
use crate::{
    Store, StoreError,
    db::{Connection, Scope, query},
};

/// A sign-in ends when it was not used for so long: 30 days, in milliseconds.
pub const SIGN_IN_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Browsers that a person may be signed in on.
const MAX_SIGN_INS: i64 = 200;
/// Networks that are remembered of a person.
const MAX_NETWORKS: i64 = 200;

/// A browser that signs in.
#[derive(Clone, Debug)]
pub struct NewSignIn {
    /// The sign-in.
    pub id: SignInId,
    /// Whose it is.
    pub user: UserId,
    /// Digest of what its cookie carries.
    pub secret: SecretHash,
    /// The browser and the system, in words.
    pub device: String,
    /// Where it comes from.
    pub address: String,
    /// Digest of the network that it comes from, which is remembered for [`SIGN_IN_KEPT_MS`].
    pub network: Option<SecretHash>,
    /// What the browser was signed in with until now: that ends.
    pub replaces: Option<SecretHash>,
    /// The stored hash of the password that was verified; none where a person signs in otherwise.
    pub password_hash: Option<String>,
}

impl Store {
    /// Signs a browser in. Where a person has too many sign-ins, the one that was unused for longest ends.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the person was deleted or disabled, or has another password, since they were verified.
    pub async fn sign_in(&self, new: &NewSignIn, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        // First, so that a change of the password is either seen here or ends this sign-in.
        let found = query(
            "UPDATE users SET last_used_at = $2
             WHERE id = $1 AND disabled = FALSE AND ($3 IS NULL OR password_hash = $3)",
        )
        .bind(new.user.0)
        .bind(now.0)
        .bind(new.password_hash.as_deref())
        .execute(&mut transaction)
        .await?;
        if found == 0 {
            return Err(StoreError::NotFound("person"));
        }
        if let Some(old) = &new.replaces {
            end(&mut transaction, old).await?;
        }
        query(
            "INSERT INTO sign_ins (id, user_id, secret_hash, device, address, created_at, last_used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)",
        )
        .bind(new.id.0)
        .bind(new.user.0)
        .bind(&new.secret[..])
        .bind(new.device.as_str())
        .bind(new.address.as_str())
        .bind(now.0)
        .execute(&mut transaction)
        .await?;
        let ended = query(
            "DELETE FROM sign_ins WHERE user_id = $1 AND id <> $2 AND id NOT IN (
                 SELECT id FROM sign_ins WHERE user_id = $1 ORDER BY last_used_at DESC, id DESC LIMIT $3)",
        )
        .bind(new.user.0)
        .bind(new.id.0)
        .bind(MAX_SIGN_INS)
        .execute(&mut transaction)
        .await?;
        if ended > 0 {
            changed(&mut transaction).await?;
        }
        if let Some(network) = &new.network {
            remember(&mut transaction, new.user, network, now).await?;
        }
        transaction.commit().await
    }

    /// Ends the sign-in with this secret, if there is one.
    pub async fn sign_out(&self, secret: &SecretHash) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        end(&mut transaction, secret).await?;
        transaction.commit().await
    }

    /// Where a person is signed in, the last used first; `current` is the browser that asks.
    pub async fn devices(&self, user: UserId, current: SignInId, now: Timestamp) -> Result<Vec<Device>, StoreError> {
        let rows = query(
            "SELECT id, device, address, created_at, last_used_at FROM sign_ins
             WHERE user_id = $1 AND last_used_at > $2 ORDER BY last_used_at DESC, id DESC",
        )
        .bind(user.0)
        .bind(now.0 - SIGN_IN_KEPT_MS)
        .fetch_all(&mut self.database.read(Scope::User(user)).await?)
        .await?;
        let device = |row: &crate::db::Row| {
            let id = SignInId(row.get(0));
            Device {
                id,
                device: row.get(1),
                address: row.get(2),
                created_at: Timestamp(row.get(3)),
                last_used_at: Timestamp(row.get(4)),
                current: id == current,
            }
        };
        Ok(rows.iter().map(device).collect())
    }

    /// Signs one of a person's browsers out.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn end_sign_in(&self, user: UserId, id: SignInId) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let ended = query("DELETE FROM sign_ins WHERE id = $1 AND user_id = $2")
            .bind(id.0)
            .bind(user.0)
            .execute(&mut transaction)
            .await?;
        if ended == 0 {
            return Err(StoreError::NotFound("device"));
        }
        changed(&mut transaction).await?;
        transaction.commit().await
    }

    /// Signs all of a person's browsers out but one.
    pub async fn end_other_sign_ins(&self, user: UserId, but: SignInId) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        end_others(&mut transaction, user, but).await?;
        transaction.commit().await
    }

    /// Sets a new password: every other browser is signed out, and this one continues under a new secret. With
    /// `revoke_tokens` the person's API tokens end as well.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the browser was signed out meanwhile.
    pub async fn change_password(
        &self,
        user: UserId,
        sign_in: SignInId,
        secret: &SecretHash,
        password_hash: &str,
        revoke_tokens: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let rotated = query("UPDATE sign_ins SET secret_hash = $3 WHERE id = $1 AND user_id = $2")
            .bind(sign_in.0)
            .bind(user.0)
            .bind(&secret[..])
            .execute(&mut transaction)
            .await?;
        if rotated == 0 {
            return Err(StoreError::NotFound("device"));
        }
        query("UPDATE users SET password_hash = $2 WHERE id = $1")
            .bind(user.0)
            .bind(password_hash)
            .execute(&mut transaction)
            .await?;
        end_others(&mut transaction, user, sign_in).await?;
        if revoke_tokens {
            query("DELETE FROM api_tokens WHERE user_id = $1").bind(user.0).execute(&mut transaction).await?;
            changed(&mut transaction).await?;
        }
        transaction.commit().await
    }
}

async fn end(connection: &mut Connection, secret: &SecretHash) -> Result<(), StoreError> {
    let ended = query("DELETE FROM sign_ins WHERE secret_hash = $1").bind(&secret[..]).execute(connection).await?;
    if ended > 0 { changed(connection).await } else { Ok(()) }
}

async fn end_others(connection: &mut Connection, user: UserId, but: SignInId) -> Result<(), StoreError> {
    let ended = query("DELETE FROM sign_ins WHERE user_id = $1 AND id <> $2")
        .bind(user.0)
        .bind(but.0)
        .execute(connection)
        .await?;
    if ended > 0 { changed(connection).await } else { Ok(()) }
}

/// Remembers a network that a person signs in from; beyond the maximum, the one that was unused for longest is forgotten.
async fn remember(
    connection: &mut Connection,
    user: UserId,
    network: &SecretHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO sign_in_networks (user_id, network, last_used_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, network) DO UPDATE SET last_used_at = $3",
    )
    .bind(user.0)
    .bind(&network[..])
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    query(
        "DELETE FROM sign_in_networks WHERE user_id = $1 AND network NOT IN (
             SELECT network FROM sign_in_networks WHERE user_id = $1 ORDER BY last_used_at DESC, network LIMIT $2)",
    )
    .bind(user.0)
    .bind(MAX_NETWORKS)
    .execute(connection)
    .await?;
    Ok(())
}
