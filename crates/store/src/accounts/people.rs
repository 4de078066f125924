//! Everyone who has an account.

use weir_protocol::{Person, Timestamp, UpdatePerson, UserId, UserRole};

use super::{access::changed, role_of, role_word};
use crate::{
    Store, StoreError,
    db::{Connection, Row, Scope, query},
    deletion::note_deletion,
};

/// A person, and what nobody is shown.
#[derive(Clone, Debug)]
pub struct PersonRecord {
    /// What an administrator sees.
    pub person: Person,
    /// argon2id of their password, if they have one.
    pub password_hash: Option<String>,
}

pub(super) const COLUMNS: &str =
    "SELECT id, name, email, role, disabled, created_at, last_used_at, password_hash FROM users";

/// What an address is found by: letters count the same in either case.
pub fn email_key(email: &str) -> String {
    email.to_lowercase()
}

impl Store {
    /// A person, with or without an account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn person(&self, user: UserId) -> Result<PersonRecord, StoreError> {
        get(&mut self.database.identity().await?, user).await
    }

    /// Whoever signs in with this address, shut out or not.
    pub async fn person_by_email(&self, email: &str) -> Result<Option<PersonRecord>, StoreError> {
        // No address has one, and PostgreSQL takes none in a text.
        if email.contains('\0') {
            return Ok(None);
        }
        let row = query(format!("{COLUMNS} WHERE email_key = $1"))
            .bind(email_key(email).as_str())
            .fetch_optional(&mut self.database.identity().await?)
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// Everyone who has an account, by name.
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        let sql =
            format!("{COLUMNS} WHERE email_key IS NOT NULL OR open_id_subject IS NOT NULL ORDER BY LOWER(name), id");
        let rows = query(sql).fetch_all(&mut self.database.read(Scope::System).await?).await?;
        rows.iter().map(|row| Ok(record(row)?.person)).collect()
    }

    /// Gives a person another name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn rename_person(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        let renamed = query("UPDATE users SET name = $2 WHERE id = $1")
            .bind(user.0)
            .bind(name.trim())
            .execute(&mut self.database.statement().await?)
            .await?;
        if renamed == 0 { Err(StoreError::NotFound("person")) } else { Ok(()) }
    }

    /// Changes the role of a person, and whether they are disabled. Disabling revokes their sessions and API tokens for good.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::LastAdministrator`] when nobody could let others in afterwards.
    pub async fn update_person(&self, user: UserId, change: &UpdatePerson) -> Result<Person, StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let administrators = administrators(&mut transaction).await?;
        query("UPDATE users SET role = COALESCE($2, role), disabled = COALESCE($3, disabled) WHERE id = $1")
            .bind(user.0)
            .bind(change.role.map(role_word))
            .bind(change.disabled)
            .execute(&mut transaction)
            .await?;
        let person = account(&mut transaction, user).await?.person;
        let is_administrator = person.role == UserRole::Administrator && !person.disabled;
        if !is_administrator && administrators == [user] {
            return Err(StoreError::LastAdministrator);
        }
        if change.disabled == Some(true) {
            for revoke in ["DELETE FROM sign_ins WHERE user_id = $1", "DELETE FROM api_tokens WHERE user_id = $1"] {
                query(revoke).bind(user.0).execute(&mut transaction).await?;
            }
        }
        changed(&mut transaction).await?;
        transaction.commit().await?;
        Ok(person)
    }

    /// Deletes a person with everything that is theirs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::LastAdministrator`] when nobody could let others in afterwards.
    pub async fn delete_person(&self, user: UserId) -> Result<(), StoreError> {
        if self.is_last_administrator(user).await? {
            return Err(StoreError::LastAdministrator);
        }
        account(&mut self.database.identity().await?, user).await?;
        self.delete_content_of(user).await?;
        let mut transaction = self.database.write(Scope::System).await?;
        let administrators = administrators(&mut transaction).await?;
        account(&mut transaction, user).await?;
        if administrators == [user] {
            return Err(StoreError::LastAdministrator);
        }
        query("DELETE FROM users WHERE id = $1").bind(user.0).execute(&mut transaction).await?;
        note_deletion(&mut transaction).await?;
        changed(&mut transaction).await?;
        transaction.commit().await
    }

    /// Whether this person is the only one who can let others in.
    pub async fn is_last_administrator(&self, user: UserId) -> Result<bool, StoreError> {
        let rows = query("SELECT id FROM users WHERE role = 'administrator' AND disabled = FALSE")
            .fetch_all(&mut self.database.identity().await?)
            .await?;
        Ok(rows.iter().map(|row| UserId(row.get(0))).eq([user]))
    }
}

pub(super) async fn get(connection: &mut Connection, user: UserId) -> Result<PersonRecord, StoreError> {
    let row = query(format!("{COLUMNS} WHERE id = $1")).bind(user.0).fetch_optional(connection).await?;
    record(&row.ok_or(StoreError::NotFound("person"))?)
}

/// Somebody who has an account.
async fn account(connection: &mut Connection, user: UserId) -> Result<PersonRecord, StoreError> {
    let sql = format!("{COLUMNS} WHERE id = $1 AND (email_key IS NOT NULL OR open_id_subject IS NOT NULL)");
    let row = query(sql).bind(user.0).fetch_optional(connection).await?;
    record(&row.ok_or(StoreError::NotFound("person"))?)
}

/// Who can let others in; nobody else changes that until the transaction ends.
async fn administrators(connection: &mut Connection) -> Result<Vec<UserId>, StoreError> {
    let lock = connection.dialect().for_update();
    let sql = format!("SELECT id FROM users WHERE role = 'administrator' AND disabled = FALSE ORDER BY id{lock}");
    let rows = query(sql).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| UserId(row.get(0))).collect())
}

/// Two that take one address at the same moment: the database lets one have it.
pub(super) fn taken(error: StoreError) -> StoreError {
    match error {
        StoreError::Database(sqlx::Error::Database(error)) if error.is_unique_violation() => StoreError::EmailTaken,
        error => error,
    }
}

pub(super) fn record(row: &Row) -> Result<PersonRecord, StoreError> {
    let person = Person {
        id: UserId(row.get(0)),
        name: row.get(1),
        email: row.get(2),
        role: role_of(row.get(3))?,
        disabled: row.get(4),
        created_at: Timestamp(row.get(5)),
        last_used_at: row.get::<Option<i64>>(6).map(Timestamp),
    };
    Ok(PersonRecord { person, password_hash: row.get(7) })
}
