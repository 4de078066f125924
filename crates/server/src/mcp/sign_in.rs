//! An administrator signs in for an MCP server that asks for it.

use uuid::Uuid;
use weir_protocol::UserId;
use weir_store::{McpGrantRecord, NewMcpJourney, StoreError};
use weir_tools::mcp::{Back, Going, Grant, SignInError};

use super::{
    Fleet,
    grants::{read, written},
};
use crate::access::digest;

/// Why nobody signs in, or has.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server is a program, has a header of its own, or is switched off.
    #[error("this server takes no sign-in")]
    TakesNone,
    /// It was not begun in this browser, by this person, within ten minutes; or it has ended already.
    #[error("what came back was not begun here, or too long ago")]
    NotBegun,
    /// The authorization server.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a browser is, and who sits there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser<'a> {
    pub(crate) user: UserId,
    /// What its cookie carries on the way.
    pub(crate) secret: &'a str,
}

/// What an authorization server sent a browser back with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned<'a> {
    pub(crate) state: &'a str,
    /// None: it has refused.
    pub(crate) code: Option<&'a str>,
    pub(crate) issuer: Option<&'a str>,
}

/// Who came back, and what came of it.
#[derive(Debug)]
pub(crate) struct CameBack {
    /// For which server.
    pub(crate) server: String,
    /// None: the authorization server has refused.
    pub(crate) connected: Option<Result<(), ConnectError>>,
}

impl Fleet {
    /// The page where somebody signs in for a server. `own` is where this server's pages are; `document` is where its own description
    /// is read by strangers, if they can.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub(crate) async fn begin_sign_in(
        &self,
        name: &str,
        browser: Browser<'_>,
        redirect: &str,
        document: Option<&str>,
    ) -> Result<String, ConnectError> {
        let (transport, enabled, _) = self.all().await?.remove(name).ok_or(StoreError::NotFound("MCP server"))?;
        let url = match &transport {
            weir_protocol::McpTransport::Http { url, .. } if enabled && transport.may_sign_in() => url.as_str(),
            _ => return Err(ConnectError::TakesNone),
        };
        let record = self.store().mcp_grant(name).await?;
        let grant = record.as_ref().and_then(read).filter(|grant| grant.fits(url, transport.oauth()));
        let missing = record.filter(|_| grant.is_some()).map(|record| words(&record.missing)).unwrap_or_default();
        let challenge = self.servers().challenge(name);
        let document = match document {
            Some(document) if self.sign_ins().is_read(document).await => Some(document),
            _ => None,
        };
        let going = Going {
            url,
            client: transport.oauth(),
            redirect,
            document,
            challenge: challenge.as_ref(),
            missing: &missing,
            before: grant.as_ref().map(Grant::scopes).unwrap_or_default(),
        };
        let (page, state, journey) = self.sign_ins().begin(going).await?;
        let new = NewMcpJourney {
            state: digest(&state),
            browser: digest(browser.secret),
            user: browser.user,
            server: name.to_owned(),
            journey: serde_json::to_string(&journey).map_err(|_| StoreError::Corrupt("journey"))?,
        };
        self.store().begin_mcp_journey(&new, self.clock().now()).await?;
        Ok(page)
    }

    /// Somebody came back: what they have granted is kept, and the server is started with it.
    ///
    /// # Errors
    /// [`ConnectError::NotBegun`], and when the database fails.
    pub(crate) async fn end_sign_in(
        &self,
        browser: Browser<'_>,
        returned: Returned<'_>,
    ) -> Result<CameBack, ConnectError> {
        let (state, hash) = (digest(returned.state), digest(browser.secret));
        let begun = self.store().end_mcp_journey(&state, &hash, browser.user, self.clock().now()).await?;
        let (server, journey) = begun.ok_or(ConnectError::NotBegun)?;
        let Some(code) = returned.code else { return Ok(CameBack { server, connected: None }) };
        let connected = self.connect(&server, &journey, Back { code, issuer: returned.issuer }).await;
        if let Err(error) = &connected {
            tracing::warn!(%error, server, "nobody was signed in for an MCP server");
            self.servers().note(&server, &error.to_string());
        }
        Ok(CameBack { server, connected: Some(connected) })
    }

    async fn connect(&self, server: &str, journey: &str, back: Back<'_>) -> Result<(), ConnectError> {
        let journey = serde_json::from_str(journey).map_err(|_| StoreError::Corrupt("journey"))?;
        let grant = self.sign_ins().finish(journey, back).await?;
        let (transport, ..) = self.all().await?.remove(server).ok_or(StoreError::NotFound("MCP server"))?;
        let fits =
            matches!(&transport, weir_protocol::McpTransport::Http { url, .. } if grant.fits(url, transport.oauth()));
        if !fits {
            // It was changed meanwhile: nobody has signed in for what it is now.
            self.sign_ins().revoke(&grant).await;
            return Err(ConnectError::NotBegun);
        }
        let record = McpGrantRecord {
            server: server.to_owned(),
            id: self.clock().id(),
            given: written(&grant).map_err(|_| StoreError::Corrupt("grant"))?,
            missing: String::new(),
            made_at: self.clock().now(),
        };
        self.store().put_mcp_grant(&record).await?;
        tracing::info!(server, "somebody has signed in for an MCP server");
        Ok(self.start().await?)
    }

    /// Forgets what was granted for a server, and gives it back where that goes.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn disconnect(&self, name: &str) -> Result<(), StoreError> {
        let Some(record) = self.store().forget_mcp_grant(name).await? else { return Ok(()) };
        if let Some(grant) = read(&record) {
            // Whether it is taken back there does not change that it is forgotten here.
            let sign_ins = self.sign_ins().clone();
            tokio::spawn(async move { sign_ins.revoke(&grant).await });
        }
        self.start().await
    }
}

/// The scopes of a text (RFC 6749, 3.3).
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What stands for a grant where servers are compared.
pub(super) fn mark(id: Uuid) -> String {
    id.to_string()
}
