//! Accounts: people, what they are signed in with, and what makes new ones.
//!
//! The server asks for all of this on its own behalf: whose credential it is becomes known here only. Of every secret there is
//! nothing but its SHA-256.

mod access;
mod api_tokens;
mod attempts;
mod authorizations;
mod invites;
mod open_id;
mod people;
mod sign_ins;

pub use access::{Credential, Grant};
pub use api_tokens::NewApiToken;
pub use attempts::{AttemptDelays, SignInAttempts};
pub use authorizations::{NewOpenIdAuthorization, OPEN_ID_AUTHORIZATION_MS};
pub use invites::{NewAccount, NewInvite};
pub use open_id::NewOpenIdAccount;
pub use people::{PersonRecord, email_key};
pub use sign_ins::{NewSignIn, SIGN_IN_KEPT_MS};

use weir_protocol::UserRole;

use crate::StoreError;

/// SHA-256 of a secret of 256 random bits. Nobody finds the secret of a digest, so it needs no salt and no patience.
pub type SecretHash = [u8; 32];

const fn role_word(role: UserRole) -> &'static str {
    match role {
        UserRole::User => "user",
        UserRole::Administrator => "administrator",
    }
}

fn role_of(word: &str) -> Result<UserRole, StoreError> {
    match word {
        "user" => Ok(UserRole::User),
        "administrator" => Ok(UserRole::Administrator),
        _ => Err(StoreError::Corrupt("role")),
    }
}
