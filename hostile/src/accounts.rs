//! The accounts of a play: an administrator, an attacker and a victim.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::person::Person;

/// The password of every account.
pub(crate) const PASSWORD: &str = "seventeen quiet herons";

/// A person who has just signed in: a session cookie and an API token with every scope of the role.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The session cookie, as a request sends it.
    pub(crate) cookie: String,
    /// The API token.
    pub(crate) token: String,
    /// The user id.
    pub(crate) id: String,
}

/// Creates the administrator with the secret of the setup link.
///
/// # Errors
/// When the server refuses.
pub(crate) async fn set_up(stranger: &Person, secret: &str) -> Result<Account> {
    create(stranger, "/api/auth/setup", secret, "ada", &["read", "write", "admin"]).await
}

/// Creates a user whom the administrator invites.
///
/// # Errors
/// When the server refuses.
pub(crate) async fn invite(stranger: &Person, administrator: &Person, name: &str) -> Result<Account> {
    let answer = administrator.post("/api/invites", &json!({ "role": "user" })).await?;
    let secret = text(&answer.json(), "/secret")?;
    create(stranger, "/api/auth/join", &secret, name, &["read", "write"]).await
}

/// Creates a further API token for the person of a session.
///
/// # Errors
/// When the server refuses.
pub(crate) async fn token(stranger: &Person, cookie: &str, scopes: &[&str]) -> Result<String> {
    let body = json!({ "name": "hostile", "scopes": scopes }).to_string().into_bytes();
    let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
    let answer = stranger.send(Method::POST, "/api/me/tokens", &headers, Some(body)).await?;
    text(&answer.json(), "/secret")
}

async fn create(stranger: &Person, path: &str, secret: &str, name: &str, scopes: &[&str]) -> Result<Account> {
    let body = json!({ "secret": secret, "email": format!("{name}@example.org"), "name": name, "password": PASSWORD });
    let answer = stranger.post(path, &body).await?;
    ensure!(answer.status == 201, "{path} was answered with {}: {}", answer.status, answer.text());
    let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let token = token(stranger, &cookie, scopes).await?;
    Ok(Account { cookie, token, id: text(&answer.json(), "/id")? })
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer} in {value}"))?.to_owned())
}
