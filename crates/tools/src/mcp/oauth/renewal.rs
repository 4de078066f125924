//! Tokens are renewed, and given back.

use oauth2::{TokenResponse as _, http};
use rmcp::transport::auth::AuthError;
use url::{Url, form_urlencoded};
use weir_protocol::McpOAuthClient;

use super::{
    Challenge, Grant, GrantsError, SignIns,
    door::words,
    journey::{Caught, SignInError, configure},
    theirs,
};

/// Why there is no other token.
#[derive(Debug, thiserror::Error)]
pub(super) enum RenewalError {
    /// Somebody has to sign in again; a sentence.
    #[error("{0}")]
    Ended(String),
    /// Not just now; a sentence.
    #[error("{0}")]
    Later(String),
}

impl From<GrantsError> for RenewalError {
    fn from(error: GrantsError) -> Self {
        Self::Later(format!("{error}."))
    }
}

impl SignIns {
    /// The grant with another token than `refused`. Whoever waits may go away meanwhile: a refresh token that was used and whose
    /// successor nobody has kept is a sign-in lost.
    pub(super) async fn renew(&self, server: &str, refused: &str) -> Result<Grant, RenewalError> {
        let (all, server, refused) = (self.clone(), server.to_owned(), refused.to_owned());
        let renewing = tokio::spawn(async move { all.renew_alone(&server, &refused).await });
        renewing.await.map_err(|error| RenewalError::Later(format!("The token was not renewed: {error}.")))?
    }

    async fn renew_alone(&self, server: &str, refused: &str) -> Result<Grant, RenewalError> {
        let Some(hold) = self.grants.hold(server).await? else {
            return Err(RenewalError::Ended("It was disconnected.".to_owned()));
        };
        let known = hold.grant().clone();
        match known.access_token() {
            // Somebody else has renewed it meanwhile.
            Some(token) if token != refused => {
                hold.let_go().await;
                return Ok(known);
            }
            Some(_) => {}
            None => {
                hold.let_go().await;
                return Err(RenewalError::Ended(known.ended.unwrap_or_default()));
            }
        }
        match self.ask_for_another(&known).await {
            Ok(renewed) => {
                hold.keep(&renewed).await?;
                Ok(renewed)
            }
            Err(RenewalError::Ended(why)) => {
                hold.keep(&known.ended(why.clone())).await?;
                Err(RenewalError::Ended(why))
            }
            Err(later) => {
                hold.let_go().await;
                Err(later)
            }
        }
    }

    async fn ask_for_another(&self, grant: &Grant) -> Result<Grant, RenewalError> {
        let later = |error: SignInError| RenewalError::Later(format!("The token cannot be renewed just now. {error}"));
        let url = Url::parse(&grant.url).map_err(|error| RenewalError::Ended(format!("{error}.")))?;
        let (mut manager, door) = self.manager(&url).await.map_err(later)?;
        let caught = Caught::holding(grant.credentials.clone());
        manager.set_credential_store(caught.clone());
        super::journey::discover(&mut manager, &door, None::<&Challenge>).await.map_err(later)?;
        match manager.initialize_from_store().await {
            Ok(true) => {}
            Ok(false) => {
                let why = "The server names another authorization server than before. Connect it again.";
                return Err(RenewalError::Ended(why.to_owned()));
            }
            Err(error) => return Err(later(SignInError::of(&error, &door))),
        }
        let configured = configure(&mut manager, &grant.client, &grant.url);
        configured.map_err(|error| later(SignInError::of(&error, &door)))?;
        match manager.refresh_token().await {
            Ok(_) => match caught.take() {
                Some(credentials) => Ok(grant.renewed(credentials, self.grants.now())),
                None => Err(RenewalError::Later("The token cannot be renewed just now.".to_owned())),
            },
            Err(AuthError::AuthorizationRequired) => {
                let why = "The sign-in has ended, and nothing was given to renew it with. Connect it again.";
                Err(RenewalError::Ended(why.to_owned()))
            }
            Err(AuthError::TokenRefreshRejected(_)) => {
                let why = door.refusal().unwrap_or_else(|| "invalid_grant".to_owned());
                let why = format!(
                    "The sign-in has ended: the authorization server did not renew it, {why}. Connect it again."
                );
                Err(RenewalError::Ended(why))
            }
            Err(error) => {
                let why = door.refusal().unwrap_or_else(|| words(&error));
                Err(RenewalError::Later(format!("The token cannot be renewed just now: {}.", theirs(&why))))
            }
        }
    }

    /// Gives the tokens of a grant back where its authorization server takes them (RFC 7009), as well as that goes.
    pub async fn revoke(&self, grant: &Grant) {
        let (Some(endpoint), Some(tokens)) = (&grant.revocation, &grant.credentials.token_response) else { return };
        let refresh = tokens.refresh_token().map(|token| (token.secret().as_str(), "refresh_token"));
        let access = (tokens.access_token().secret().as_str(), "access_token");
        for (token, kind) in refresh.into_iter().chain([access]) {
            if let Err(error) = self.give_back(grant, endpoint, token, kind).await {
                tracing::debug!(error, "a token of an MCP server was not taken back");
            }
        }
    }

    async fn give_back(&self, grant: &Grant, endpoint: &str, token: &str, kind: &str) -> Result<(), String> {
        let url = Url::parse(&grant.url).map_err(|error| error.to_string())?;
        let (_, door) = self.manager(&url).await.map_err(|error| error.to_string())?;
        let client = &grant.client;
        let request = http::Request::post(endpoint)
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form(client, token, kind).into_bytes())
            .map_err(|error| error.to_string())?;
        let answer = door.ask(request).await.map_err(|error| words(&*error))?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    }
}

/// A token that is given back (RFC 7009, 2.1), by a client that proves itself in the form.
fn form(client: &McpOAuthClient, token: &str, kind: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token).append_pair("token_type_hint", kind);
    form.append_pair("client_id", &client.client_id);
    if let Some(secret) = client.client_secret.as_deref().filter(|secret| !secret.is_empty()) {
        form.append_pair("client_secret", secret);
    }
    form.finish()
}
