//! Links that make one account each.

use weir_protocol::{Invite, InviteId, Timestamp, UserId, UserRole};

use super::{SecretHash, people, role_of, role_word};
use crate::{
    PersonRecord, Store, StoreError,
    db::{Connection, Row, Scope, query},
    email_key,
};

/// An invite that is made.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// Who makes it. It is good only for as long as they may invite.
    pub inviter: UserId,
    /// Digest of what the link carries.
    pub secret: SecretHash,
    /// The invite as it is shown.
    pub invite: Invite,
}

/// An account that a link makes.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The person.
    pub id: UserId,
    /// What they sign in with.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their password's hash.
    pub password_hash: String,
}

/// Invites that may be open at once, of all administrators together.
const MAX_INVITES: u32 = 1000;

/// A link by its secret `$1`, whether it is the first start's `$2`, and the time `$3`: its time is not over, and whoever made
/// it may still invite.
const GOOD: &str =
    "secret_hash = $1 AND setup = $2 AND expires_at > $3 AND (setup = TRUE OR EXISTS (SELECT 1 FROM users u
    WHERE u.id = inviter_id AND u.role = 'administrator' AND u.disabled = FALSE))";

impl Store {
    /// Whether nobody may let others in yet.
    pub async fn needs_setup(&self) -> Result<bool, StoreError> {
        let row = query("SELECT COUNT(*) FROM users WHERE role = 'administrator' AND disabled = FALSE")
            .fetch_one(&mut self.database.identity().await?)
            .await?;
        Ok(row.get::<i64>(0) == 0)
    }

    /// Makes the link that makes the administrator; an older one is dead from now on.
    pub async fn replace_setup_link(
        &self,
        id: InviteId,
        secret: &SecretHash,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        query("DELETE FROM invites WHERE setup = TRUE").execute(&mut transaction).await?;
        query(
            "INSERT INTO invites (id, secret_hash, setup, role, created_at, expires_at)
             VALUES ($1, $2, TRUE, 'administrator', $3, $4)",
        )
        .bind(id.0)
        .bind(&secret[..])
        .bind(now.0)
        // It ends with the next start.
        .bind(i64::MAX)
        .execute(&mut transaction)
        .await?;
        transaction.commit().await
    }

    /// Whether a link would make an account now: the one of the first start, or an invite.
    pub async fn link_is_good(&self, secret: &SecretHash, setup: bool, now: Timestamp) -> Result<bool, StoreError> {
        let row = query(format!("SELECT 1 FROM invites WHERE {GOOD}"))
            .bind(&secret[..])
            .bind(setup)
            .bind(now.0)
            .fetch_optional(&mut self.database.identity().await?)
            .await?;
        Ok(row.is_some())
    }

    /// Makes the administrator, once. They take over what the `local` user of an open server has, if there is one without an
    /// account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the link is not the last start's or was used, [`StoreError::EmailTaken`].
    pub async fn set_up(
        &self,
        secret: &SecretHash,
        local: UserId,
        new: &NewAccount,
        now: Timestamp,
    ) -> Result<PersonRecord, StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let used = query(format!("DELETE FROM invites WHERE {GOOD}"))
            .bind(&secret[..])
            .bind(true)
            .bind(now.0)
            .execute(&mut transaction)
            .await?;
        if used == 0 {
            return Err(StoreError::NotFound("link"));
        }
        let free =
            query("SELECT 1 FROM users WHERE id = $1 AND (email_key IS NOT NULL OR open_id_subject IS NOT NULL)")
                .bind(local.0)
                .fetch_optional(&mut transaction)
                .await?
                .is_none();
        let id = if free { local } else { new.id };
        let person = make(&mut transaction, &NewAccount { id, ..new.clone() }, UserRole::Administrator, now).await?;
        transaction.commit().await?;
        Ok(person)
    }

    /// Makes the account of somebody who was invited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the invite is used, over, or its inviter may not invite any more;
    /// [`StoreError::EmailTaken`], and then the invite stays.
    pub async fn join(
        &self,
        secret: &SecretHash,
        new: &NewAccount,
        now: Timestamp,
    ) -> Result<PersonRecord, StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let row = query(format!("DELETE FROM invites WHERE {GOOD} RETURNING role"))
            .bind(&secret[..])
            .bind(false)
            .bind(now.0)
            .fetch_optional(&mut transaction)
            .await?;
        let role = role_of(row.ok_or(StoreError::NotFound("invite"))?.get(0))?;
        let person = make(&mut transaction, new, role, now).await?;
        transaction.commit().await?;
        Ok(person)
    }

    /// Makes an invite.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`].
    pub async fn add_invite(&self, new: &NewInvite) -> Result<(), StoreError> {
        let added = query(
            "INSERT INTO invites (id, secret_hash, setup, inviter_id, role, note, created_at, expires_at)
             SELECT $1, $2, FALSE, $3, $4, $5, $6, $7 WHERE (SELECT COUNT(*) FROM invites WHERE expires_at > $6) < $8",
        )
        .bind(new.invite.id.0)
        .bind(&new.secret[..])
        .bind(new.inviter.0)
        .bind(role_word(new.invite.role))
        .bind(new.invite.note.as_deref())
        .bind(new.invite.created_at.0)
        .bind(new.invite.expires_at.0)
        .bind(i64::from(MAX_INVITES))
        .execute(&mut self.database.statement().await?)
        .await?;
        if added == 0 { Err(StoreError::LimitReached { items: "open invites", limit: MAX_INVITES }) } else { Ok(()) }
    }

    /// The invites that are still good, the newest first.
    pub async fn invites(&self, now: Timestamp) -> Result<Vec<Invite>, StoreError> {
        let rows = query(
            "SELECT id, role, note, created_at, expires_at FROM invites
             WHERE setup = FALSE AND expires_at > $1 ORDER BY created_at DESC, id DESC",
        )
        .bind(now.0)
        .fetch_all(&mut self.database.identity().await?)
        .await?;
        rows.iter().map(invite).collect()
    }

    /// Takes an invite back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn revoke_invite(&self, id: InviteId) -> Result<(), StoreError> {
        let revoked = query("DELETE FROM invites WHERE id = $1 AND setup = FALSE")
            .bind(id.0)
            .execute(&mut self.database.statement().await?)
            .await?;
        if revoked == 0 { Err(StoreError::NotFound("invite")) } else { Ok(()) }
    }
}

/// Makes the account; a user of this id who has none gets it.
async fn make(
    connection: &mut Connection,
    new: &NewAccount,
    role: UserRole,
    now: Timestamp,
) -> Result<PersonRecord, StoreError> {
    let key = email_key(&new.email);
    let taken = query("SELECT 1 FROM users WHERE email_key = $1").bind(key.as_str()).fetch_optional(connection).await?;
    if taken.is_some() {
        return Err(StoreError::EmailTaken);
    }
    query(
        "INSERT INTO users (id, name, created_at, email, email_key, password_hash, role)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, email_key = excluded.email_key,
             password_hash = excluded.password_hash, role = excluded.role",
    )
    .bind(new.id.0)
    .bind(new.name.trim())
    .bind(now.0)
    .bind(new.email.as_str())
    .bind(key.as_str())
    .bind(new.password_hash.as_str())
    .bind(role_word(role))
    .execute(connection)
    .await
    .map_err(people::taken)?;
    people::get(connection, new.id).await
}

fn invite(row: &Row) -> Result<Invite, StoreError> {
    Ok(Invite {
        id: InviteId(row.get(0)),
        role: role_of(row.get(1))?,
        note: row.get(2),
        created_at: Timestamp(row.get(3)),
        expires_at: Timestamp(row.get(4)),
    })
}
