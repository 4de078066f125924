//! What somebody has granted, and who keeps it.

use std::fmt;

use async_trait::async_trait;
use oauth2::TokenResponse as _;
use rmcp::transport::auth::{OAuthTokenResponse, StoredCredentials};
use serde::{Deserialize, Serialize};
use url::Url;
use weir_protocol::{McpOAuthClient, Timestamp};

/// Before its end a token is renewed: so long, or half of its life where that is shorter; in milliseconds.
const EARLY_MS: i64 = 60_000;

/// What a server said it wants: the header `WWW-Authenticate` (RFC 6750, 3) of a 401 or 403; empty where there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge(pub String);

/// What somebody has granted for one MCP server, and what is needed to renew it. A secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The address of the server that it is for. It is shown to no other one.
    pub url: String,
    /// The client that it was given to.
    pub(super) client: McpOAuthClient,
    /// Tokens, scopes and issuer, as the SDK keeps them. No tokens: it has ended.
    pub(super) credentials: StoredCredentials,
    /// When the access token ends, where that is known.
    pub(super) expires_at: Option<Timestamp>,
    /// When it was given.
    pub(super) received_at: Timestamp,
    /// Where tokens are given back (RFC 7009).
    pub(super) revocation: Option<String>,
    /// Why it has ended, in a sentence.
    pub(super) ended: Option<String>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("url", &self.url).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Grant {
    /// What the authorization server has just given.
    pub(super) fn new(
        url: &Url,
        client: McpOAuthClient,
        credentials: StoredCredentials,
        revocation: Option<String>,
        now: Timestamp,
    ) -> Self {
        let expires_at = expiry(credentials.token_response.as_ref(), now);
        Self { url: url.to_string(), client, credentials, expires_at, received_at: now, revocation, ended: None }
    }

    /// The same with other tokens.
    pub(super) fn renewed(&self, credentials: StoredCredentials, now: Timestamp) -> Self {
        let expires_at = expiry(credentials.token_response.as_ref(), now);
        Self { credentials, expires_at, received_at: now, ..self.clone() }
    }

    /// The same without tokens.
    pub(super) fn ended(&self, why: String) -> Self {
        let mut ended = self.clone();
        ended.credentials.token_response = None;
        ended.ended = Some(why);
        ended
    }

    /// Whether it is for a server at this address, given to this client.
    pub fn fits(&self, url: &str, client: Option<&McpOAuthClient>) -> bool {
        let same = Url::parse(url).is_ok_and(|url| url.as_str() == self.url);
        same && client.is_none_or(|client| client.client_id == self.client.client_id)
    }

    /// Who gave it: an issuer identifier.
    pub fn issuer(&self) -> Option<&str> {
        self.credentials.issuer.as_deref()
    }

    /// What it is good for.
    pub fn scopes(&self) -> &[String] {
        &self.credentials.granted_scopes
    }

    /// Whether there is anything to send.
    pub fn is_good(&self) -> bool {
        self.credentials.token_response.is_some()
    }

    /// What is sent.
    pub(super) fn access_token(&self) -> Option<&str> {
        self.credentials.token_response.as_ref().map(|tokens| tokens.access_token().secret().as_str())
    }

    /// Whether it is time for another token.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        let Some(Timestamp(end)) = self.expires_at else { return false };
        let early = EARLY_MS.min((end - self.received_at.0) / 2);
        now.0 >= end - early
    }

    /// Whether its token is good for nothing any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now.0 >= end.0)
    }
}

fn expiry(tokens: Option<&OAuthTokenResponse>, now: Timestamp) -> Option<Timestamp> {
    let lifetime = tokens?.expires_in()?;
    Some(Timestamp(now.0.saturating_add(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX))))
}

/// What is kept cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("what was granted cannot be read: {0}")]
pub struct GrantsError(pub String);

/// Whoever keeps what was granted, for every process that uses it.
#[async_trait]
pub trait Grants: Send + Sync + 'static {
    /// What is kept for a server.
    async fn load(&self, server: &str) -> Result<Option<Grant>, GrantsError>;

    /// Holds what is kept for a server, once nobody else does in whatever process: refresh tokens may be good for one use only. None:
    /// nothing is kept for it.
    async fn hold(&self, server: &str) -> Result<Option<Box<dyn Hold>>, GrantsError>;

    /// Notes scopes that a server has asked for and that are not granted.
    async fn note_missing(&self, server: &str, scopes: &str) -> Result<(), GrantsError>;

    /// The time.
    fn now(&self) -> Timestamp;
}

/// A grant that nobody else renews meanwhile.
#[async_trait]
pub trait Hold: Send + Sync {
    /// What is kept now.
    fn grant(&self) -> &Grant;

    /// Keeps it as it is from now on, unless somebody has signed in anew or disconnected meanwhile, and lets go.
    async fn keep(self: Box<Self>, grant: &Grant) -> Result<(), GrantsError>;

    /// Lets go.
    async fn let_go(self: Box<Self>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_minute_or_half_its_life_before_its_end() {
        let grant = |lifetime: u64| {
            let tokens = serde_json::json!({ "access_token": "a", "token_type": "bearer", "expires_in": lifetime });
            let tokens = serde_json::from_value(tokens).unwrap();
            let credentials = StoredCredentials::new("weir".to_owned(), Some(tokens), Vec::new(), None);
            let url = Url::parse("https://example.org/mcp").unwrap();
            Grant::new(&url, McpOAuthClient::default(), credentials, None, Timestamp(1_000_000))
        };
        let old = |lifetime, after: i64| grant(lifetime).is_old(Timestamp(1_000_000 + after));
        assert_eq!([old(3600, 0), old(3600, 3_539_999), old(3600, 3_540_000)], [false, false, true]);
        assert_eq!([old(10, 4999), old(10, 5000)], [false, true]);
        assert!(!format!("{:?}", grant(10)).contains("access_token"));
    }

    #[test]
    fn a_grant_is_for_one_address_and_one_client() {
        let url = Url::parse("https://example.org").unwrap();
        let client = |id: &str| McpOAuthClient { client_id: id.to_owned(), ..McpOAuthClient::default() };
        let credentials = StoredCredentials::new("weir".to_owned(), None, Vec::new(), None);
        let grant = Grant::new(&url, client("weir"), credentials, None, Timestamp(0));
        assert!(grant.fits("https://example.org/", None) && grant.fits("https://EXAMPLE.org", Some(&client("weir"))));
        assert!(!grant.fits("https://example.org/mcp", None) && !grant.fits("http://example.org", None));
        assert!(!grant.fits("https://example.org/", Some(&client("other"))));
    }
}
