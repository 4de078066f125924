//! Which credentials let somebody in, and when that may have changed.

use std::collections::HashMap;

use uuid::Uuid;
use weir_protocol::{AccessScope, ApiTokenId, SignInId, Timestamp, UserId, UserRole};

use super::{SecretHash, role_of, sign_ins::SIGN_IN_KEPT_MS};
use crate::{
    Store, StoreError,
    db::{Connection, Scope, query},
    jobs::parsed,
};

/// Credentials that one query asks for.
const CREDENTIALS_PER_QUERY: usize = 500;

/// What somebody is let in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A browser that is signed in.
    SignIn(SignInId),
    /// A program's key.
    Token(ApiTokenId),
}

/// What a credential is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What lets them in.
    pub credential: Credential,
    /// Whose it is.
    pub user: UserId,
    /// What that person may do.
    pub role: UserRole,
    /// What a token was made for; a sign-in is good for everything.
    pub scopes: Vec<AccessScope>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From when on it is not good any more.
    pub expires_at: Option<Timestamp>,
    /// [`Store::access_changes`] at the moment when it was good.
    pub changes: i64,
}

impl Store {
    /// The sign-in with this secret, if it lets its person in.
    pub async fn sign_in_grant(&self, secret: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError> {
        let row = query(
            "SELECT s.id, s.user_id, u.role, s.last_used_at, (SELECT count FROM access_changes)
             FROM sign_ins s JOIN users u ON u.id = s.user_id
             WHERE s.secret_hash = $1 AND s.last_used_at > $2 AND u.disabled = FALSE",
        )
        .bind(&secret[..])
        .bind(now.0 - SIGN_IN_KEPT_MS)
        .fetch_optional(&mut self.database.identity().await?)
        .await?;
        let grant = |row: crate::db::Row| {
            Ok(Grant {
                credential: Credential::SignIn(SignInId(row.get(0))),
                user: UserId(row.get(1)),
                role: role_of(row.get(2))?,
                scopes: vec![AccessScope::Read, AccessScope::Write, AccessScope::Admin],
                last_used_at: Some(Timestamp(row.get(3))),
                expires_at: None,
                changes: row.get(4),
            })
        };
        row.map(grant).transpose()
    }

    /// The token with this secret, if it is good.
    pub async fn token_grant(&self, secret: &SecretHash, now: Timestamp) -> Result<Option<Grant>, StoreError> {
        let row = query(
            "SELECT t.id, t.user_id, u.role, t.scopes, t.last_used_at, t.expires_at,
                 (SELECT count FROM access_changes)
             FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.secret_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2) AND u.disabled = FALSE",
        )
        .bind(&secret[..])
        .bind(now.0)
        .fetch_optional(&mut self.database.identity().await?)
        .await?;
        let grant = |row: crate::db::Row| {
            Ok(Grant {
                credential: Credential::Token(ApiTokenId(row.get(0))),
                user: UserId(row.get(1)),
                role: role_of(row.get(2))?,
                scopes: parsed(row.get(3))?,
                last_used_at: row.get::<Option<i64>>(4).map(Timestamp),
                expires_at: row.get::<Option<i64>>(5).map(Timestamp),
                changes: row.get(6),
            })
        };
        row.map(grant).transpose()
    }

    /// Notes that a credential was used, at most once a minute, and from where.
    pub async fn note_use(
        &self,
        user: UserId,
        credential: Credential,
        address: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        /// How exact the time of the last use is.
        const MINUTE_MS: i64 = 60_000;
        let mut transaction = self.database.write(Scope::System).await?;
        let noted = match credential {
            Credential::SignIn(id) => query(
                "UPDATE sign_ins SET last_used_at = $2, address = COALESCE($3, address)
                 WHERE id = $1 AND last_used_at <= $4",
            )
            .bind(id.0)
            .bind(now.0)
            .bind(address),
            Credential::Token(id) => query(
                "UPDATE api_tokens SET last_used_at = $2
                 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
            )
            .bind(id.0)
            .bind(now.0),
        };
        if noted.bind(now.0 - MINUTE_MS).execute(&mut transaction).await? > 0 {
            query("UPDATE users SET last_used_at = $2 WHERE id = $1")
                .bind(user.0)
                .bind(now.0)
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// A number that moves whenever a credential may have become worthless, whichever process did it.
    pub async fn access_changes(&self) -> Result<i64, StoreError> {
        let row = query("SELECT count FROM access_changes").fetch_one(&mut self.database.identity().await?).await?;
        Ok(row.get(0))
    }

    /// Those of the credentials that let somebody in, and the role of each one's person.
    pub async fn still_good(
        &self,
        credentials: &[Credential],
        now: Timestamp,
    ) -> Result<HashMap<Credential, UserRole>, StoreError> {
        let (mut sign_ins, mut tokens) = (Vec::new(), Vec::new());
        for credential in credentials {
            match credential {
                Credential::SignIn(id) => sign_ins.push(id.0),
                Credential::Token(id) => tokens.push(id.0),
            }
        }
        let of_sign_in: fn(Uuid) -> Credential = |id| Credential::SignIn(SignInId(id));
        let of_token: fn(Uuid) -> Credential = |id| Credential::Token(ApiTokenId(id));
        let mut connection = self.database.identity().await?;
        let mut good = HashMap::with_capacity(credentials.len());
        for (ids, table, holds, since, known) in [
            (sign_ins, "sign_ins", "c.last_used_at > $1", now.0 - SIGN_IN_KEPT_MS, of_sign_in),
            (tokens, "api_tokens", "(c.expires_at IS NULL OR c.expires_at > $1)", now.0, of_token),
        ] {
            for ids in ids.chunks(CREDENTIALS_PER_QUERY) {
                let places = (2..=ids.len() + 1).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
                let sql = format!(
                    "SELECT c.id, u.role FROM {table} c JOIN users u ON u.id = c.user_id
                     WHERE u.disabled = FALSE AND {holds} AND c.id IN ({places})"
                );
                let query = ids.iter().fold(query(sql).bind(since), |query, id| query.bind(*id));
                for row in query.fetch_all(&mut connection).await? {
                    good.insert(known(row.get(0)), role_of(row.get(1))?);
                }
            }
        }
        Ok(good)
    }

    /// Forgets sign-ins, invites and counts of attempts whose time is over.
    pub async fn forget_old_access(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        for (sql, before) in [
            ("DELETE FROM sign_ins WHERE last_used_at <= $1", now.0 - SIGN_IN_KEPT_MS),
            ("DELETE FROM sign_in_networks WHERE last_used_at <= $1", now.0 - SIGN_IN_KEPT_MS),
            ("DELETE FROM invites WHERE expires_at <= $1", now.0),
            ("DELETE FROM sign_in_attempts WHERE ends_at <= $1", now.0),
        ] {
            query(sql).bind(before).execute(&mut transaction).await?;
        }
        transaction.commit().await
    }
}

/// Says, in the transaction that takes something away, that every process has to look.
pub(super) async fn changed(connection: &mut Connection) -> Result<(), StoreError> {
    query("UPDATE access_changes SET count = count + 1").execute(connection).await?;
    Ok(())
}
