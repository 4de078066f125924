//! Signing in at MCP servers that ask for it (OAuth 2.1, as the protocol's revisions 2025-11-25 and 2026-07-28 profile it).
//!
//! Discovery, registration, PKCE, resource indicators and the look at `iss` are the SDK's; here are the way there and back as two
//! steps that may happen in different processes, the tokens of each request, and the guard on where requests go.

mod badge;
mod door;
mod grant;
mod journey;
mod renewal;

pub(super) use badge::Badge;
pub use grant::{Challenge, Grant, Grants, GrantsError, Hold};
pub use journey::{Back, Going, Journey, SignInError};

use std::sync::Arc;

use rmcp::transport::auth::{AuthorizationManager, OAuthHttpClient};
use url::Url;

use self::door::{Clients, Door};
use crate::Outside;

/// How people sign in at MCP servers, and what they have granted. Cheap to clone.
#[derive(Clone)]
pub struct SignIns {
    grants: Arc<dyn Grants>,
    clients: Clients,
}

impl SignIns {
    /// Grants that are kept there; authorization servers are asked through this guard.
    pub fn new(grants: Arc<dyn Grants>, outside: Outside) -> Self {
        Self { grants, clients: Clients::new(outside) }
    }

    /// The SDK's state machine for one MCP server, and the door that its requests go through.
    async fn manager(&self, server: &Url) -> Result<(AuthorizationManager, Arc<Door>), SignInError> {
        let door = Arc::new(self.clients.door(server)?);
        let http: Arc<dyn OAuthHttpClient> = door.clone();
        let manager = AuthorizationManager::new_with_oauth_http_client(server.clone(), http).await;
        Ok((manager.map_err(|error| SignInError::of(&error, &door))?, door))
    }
}

/// The text of a server that speaks first, shortened and without what cannot be seen.
fn theirs(text: &str) -> String {
    super::names::readable(text, 300)
}
