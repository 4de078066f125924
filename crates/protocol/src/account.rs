//! Who may come in: people, the devices they are signed in on, API tokens and invites.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiTokenId, FieldError, InviteId, SignInId, Timestamp, UserId};

/// The fewest characters of a password. NIST SP 800-63B-4 (3.1.1.2) asks for 15 where a password stands alone; here those that
/// are common or easily guessed are refused whatever their length.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// The most bytes of a password: long enough for any sentence, short enough to hash.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// The longest name of a person or a token, in characters.
const MAX_NAME_CHARS: usize = 100;
/// The longest address (RFC 5321, 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;
/// The longest life of a token or an invite, in days.
const MAX_DAYS: u32 = 3650;

/// Whether people sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// One local user, on this machine only.
    #[default]
    Open,
    /// Nobody is let in without a sign-in or a token.
    Required,
}

/// What a person may do beside their own things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Their own things, nothing else.
    User,
    /// Also people, invites, MCP servers and the metrics of everyone.
    Administrator,
}

/// What a credential is good for. A sign-in has every scope that its person's role has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessScope {
    /// To see one's own things and follow answers.
    Read,
    /// To ask, to change and to run tools.
    Write,
    /// What an administrator may do.
    Admin,
}

/// What a page must know before anyone has signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthState {
    /// Whether people sign in.
    pub mode: AuthMode,
    /// There is no administrator yet: the link that the server printed at its start makes one.
    pub needs_setup: bool,
    /// The name of the `OpenID` Connect provider that lets people in, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub open_id: Option<String>,
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The person.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with; the local user of an open server has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<String>,
    /// What they may do.
    pub role: UserRole,
    /// Whether people sign in here.
    pub auth: AuthMode,
    /// What the credential of this request is good for.
    pub scopes: Vec<AccessScope>,
    /// Whether they sign in with a password; without one, through the `OpenID` Connect provider.
    pub has_password: bool,
    /// How much they have stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub storage: Option<Storage>,
}

/// How much a user has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Bytes of conversations, messages, and of arguments and outputs of tools.
    pub used: u64,
    /// The quota in bytes; absent: there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<u64>,
}

/// Signs in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The address the account was made with; letters count the same in either case.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Makes an account: the first administrator's with the link of the first start, anyone else's with an invite.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccount {
    /// The secret of the link.
    pub secret: String,
    /// What the person will sign in with.
    pub email: String,
    /// The person's name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// At least 12 characters, and none of those that everybody tries.
    #[schema(min_length = 12)]
    pub password: String,
}

impl CreateAccount {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        check_email(&mut faults, &self.email);
        check_name(&mut faults, &self.name);
        check_password(&mut faults, "password", &self.password);
        faults
    }
}

/// Changes one's own account; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMe {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    pub name: Option<String>,
}

impl UpdateMe {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if let Some(name) = &self.name {
            check_name(&mut faults, name);
        }
        faults
    }
}

/// Changes the password. Every other device is signed out.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePassword {
    /// The one until now.
    pub current: String,
    /// The one from now on.
    #[schema(min_length = 12)]
    pub new: String,
    /// Whether the person's API tokens are revoked as well; absent: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoke_tokens: Option<bool>,
}

impl ChangePassword {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        check_password(&mut faults, "new", &self.new);
        faults
    }
}

/// Deletes one's own account with everything in it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeleteAccount {
    /// The password again, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub password: Option<String>,
}

/// A browser that a person is signed in on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The sign-in.
    pub id: SignInId,
    /// The browser and the system, as far as they say so, for instance `Firefox on Linux`.
    pub device: String,
    /// The address it was last used from.
    pub address: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it last asked for something, to the minute.
    pub last_used_at: Timestamp,
    /// Whether this is the browser that asks.
    pub current: bool,
}

/// The devices a person is signed in on, the last used first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceList {
    /// All of them.
    pub items: Vec<Device>,
}

/// A key for programs. Its secret is told once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// The token.
    pub id: ApiTokenId,
    /// What it is for.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<AccessScope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_at: Option<Timestamp>,
    /// From when on it is not good any more; absent: it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Timestamp>,
}

/// A person's tokens, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiTokenList {
    /// All of them.
    pub items: Vec<ApiToken>,
}

/// Makes a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateApiToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it is good for; `admin` only for administrators.
    #[schema(min_items = 1)]
    pub scopes: Vec<AccessScope>,
    /// After how many days it ends; absent: it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
}

impl CreateApiToken {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        check_name(&mut faults, &self.name);
        if self.scopes.is_empty() {
            faults.push(FieldError::new("scopes", "must name at least one of read, write and admin"));
        }
        check_days(&mut faults, self.expires_in_days);
        faults
    }
}

/// A token that was just made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiToken {
    /// What stands after `Authorization: Bearer`. It is told only now.
    pub secret: String,
    /// The token.
    pub item: ApiToken,
}

/// A person, as an administrator sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The person.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<String>,
    /// What they may do.
    pub role: UserRole,
    /// Shut out: their devices and tokens let nobody in.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When they last asked for something, to the minute; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_at: Option<Timestamp>,
}

/// Everyone who has an account, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonList {
    /// All of them.
    pub items: Vec<Person>,
}

/// Changes what a person may do; what is absent stays as it is. The last administrator stays one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePerson {
    /// A new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<UserRole>,
    /// Shut out, or let in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled: Option<bool>,
}

/// A link that makes one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    /// The invite.
    pub id: InviteId,
    /// What the account will be allowed.
    pub role: UserRole,
    /// For whom it was made, in the administrator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is not good any more.
    pub expires_at: Timestamp,
}

/// The invites that are still good, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InviteList {
    /// All of them.
    pub items: Vec<Invite>,
}

/// Makes an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateInvite {
    /// What the account will be allowed.
    pub role: UserRole,
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    pub note: Option<String>,
    /// After how many days it ends; absent: 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
}

impl CreateInvite {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if let Some(note) = &self.note {
            check_label(&mut faults, "note", note);
        }
        check_days(&mut faults, self.expires_in_days);
        faults
    }
}

/// An invite that was just made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedInvite {
    /// What stands after `/join#` in the link. It is told only now.
    pub secret: String,
    /// The invite.
    pub item: Invite,
}

/// An address is whatever a person writes before and after one `@`: only a letter sent there would prove more.
fn check_email(faults: &mut Vec<FieldError>, email: &str) {
    let parts = email.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !parts || email.len() > MAX_EMAIL_BYTES || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
        faults.push(FieldError::new("email", "must be an address such as ada@example.org"));
    }
}

fn check_name(faults: &mut Vec<FieldError>, name: &str) {
    check_label(faults, "name", name);
}

fn check_label(faults: &mut Vec<FieldError>, path: &str, label: &str) {
    if label.trim().is_empty() || label.chars().count() > MAX_NAME_CHARS || label.chars().any(char::is_control) {
        faults.push(FieldError::new(path, format!("must be a text of 1 to {MAX_NAME_CHARS} characters")));
    }
}

fn check_password(faults: &mut Vec<FieldError>, path: &str, password: &str) {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        faults.push(FieldError::new(path, format!("must have at least {MIN_PASSWORD_CHARS} characters")));
    } else if password.len() > MAX_PASSWORD_BYTES {
        faults.push(FieldError::new(path, format!("must have at most {MAX_PASSWORD_BYTES} bytes")));
    }
}

fn check_days(faults: &mut Vec<FieldError>, days: Option<u32>) {
    if days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        faults.push(FieldError::new("expiresInDays", format!("must be a whole number from 1 to {MAX_DAYS}")));
    }
}
