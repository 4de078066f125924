//! Accounts of people whom a provider of `OpenID` Connect knows.

use weir_protocol::{Timestamp, UserId};

use super::people::{self, COLUMNS, PersonRecord, record};
use crate::{
    Store, StoreError,
    db::{Scope, query},
};

/// An account that a provider's word makes.
#[derive(Clone, Debug)]
pub struct NewOpenIdAccount {
    /// The person.
    pub id: UserId,
    /// The provider.
    pub issuer: String,
    /// What the provider calls them, for ever.
    pub subject: String,
    /// Their name.
    pub name: String,
    /// The address that the provider has made sure of. It is shown, and lets nobody in.
    pub email: Option<String>,
}

impl Store {
    /// Whoever a provider knows under this subject, shut out or not. An address proves nothing: it may have belonged to somebody
    /// else before.
    pub async fn person_by_open_id(&self, issuer: &str, subject: &str) -> Result<Option<PersonRecord>, StoreError> {
        let row = query(format!("{COLUMNS} WHERE open_id_issuer = $1 AND open_id_subject = $2"))
            .bind(issuer)
            .bind(subject)
            .fetch_optional(&mut self.database.identity().await?)
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// Makes the account of somebody who comes through a provider for the first time, or gives the one that another request
    /// has made meanwhile.
    pub async fn join_by_open_id(&self, new: &NewOpenIdAccount, now: Timestamp) -> Result<PersonRecord, StoreError> {
        let mut transaction = self.database.write(Scope::System).await?;
        let row = query(
            "INSERT INTO users (id, name, created_at, email, open_id_issuer, open_id_subject, role)
             VALUES ($1, $2, $3, $4, $5, $6, 'user')
             ON CONFLICT (open_id_issuer, open_id_subject) DO UPDATE SET email = excluded.email RETURNING id",
        )
        .bind(new.id.0)
        .bind(new.name.trim())
        .bind(now.0)
        .bind(new.email.as_deref())
        .bind(new.issuer.as_str())
        .bind(new.subject.as_str())
        .fetch_one(&mut transaction)
        .await?;
        let person = people::get(&mut transaction, UserId(row.get(0))).await?;
        transaction.commit().await?;
        Ok(person)
    }
}
