//! The way to an authorization server and back.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationMetadata, AuthorizationMetadataSource, CredentialStore,
    OAuthClientConfig, StateStore, StoredAuthorizationState, StoredCredentials,
};
use serde::{Deserialize, Serialize};
use url::Url;
use weir_protocol::McpOAuthClient;

use super::{
    Challenge, Grant, SignIns,
    door::{Door, words},
    theirs,
};

/// What this server is called where it registers itself.
const NAME: &str = "Weir";

/// Why nobody can sign in, or has not; each a sentence with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The server does not say where.
    #[error("The server does not say where people sign in for it, so it cannot be connected. Set a header instead.")]
    NoPlace,
    /// Nobody can register there by themselves.
    #[error(
        "{0} does not let Weir register itself. Register a client there by hand, with the redirect address {1}, and set its client ID."
    )]
    NoRegistration(String, String),
    /// It cannot be asked, or answers what it may not.
    #[error("{0}")]
    Unavailable(String),
    /// What came back is not what was begun.
    #[error("What came back cannot be trusted: {0}")]
    Untrusted(String),
    /// The authorization server gave no token.
    #[error("The authorization server gave no token: {0}")]
    Refused(String),
}

impl SignInError {
    pub(super) fn of(error: &AuthError, door: &Door) -> Self {
        match error {
            AuthError::NoAuthorizationSupport => Self::NoPlace,
            AuthError::AuthorizationServerMismatch { .. }
            | AuthError::AuthorizationServerMissingIssuer { .. }
            | AuthError::AuthorizationFailed(_)
            | AuthError::ProtectedResourceMetadataInvalid { .. } => Self::Untrusted(sentence(&words(error))),
            AuthError::TokenExchangeFailed(_) => {
                Self::Refused(sentence(&door.refusal().unwrap_or_else(|| words(error))))
            }
            AuthError::RegistrationFailed(_) => {
                let why = door.refusal().unwrap_or_else(|| words(error));
                Self::Unavailable(format!(
                    "Weir could not register itself with the authorization server: {} Set the client ID of a client that was registered by hand.",
                    sentence(&why)
                ))
            }
            AuthError::PkceUnsupported => {
                Self::Unavailable("The authorization server knows no PKCE with S256, which is needed.".to_owned())
            }
            error => Self::Unavailable(format!("The authorization server cannot be used: {}", sentence(&words(error)))),
        }
    }
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches(['.', ' ']))
}

/// Somebody who wants to sign in for a server.
#[derive(Clone, Copy, Debug)]
pub struct Going<'a> {
    /// The server's address.
    pub url: &'a str,
    /// The client that was registered by hand, if one was.
    pub client: Option<&'a McpOAuthClient>,
    /// Where the browser is sent back to.
    pub redirect: &'a str,
    /// Where authorization servers read what this client is (Client ID Metadata Document); none: they cannot.
    pub document: Option<&'a str>,
    /// What the server has said it wants.
    pub challenge: Option<&'a Challenge>,
    /// Scopes to ask for beside all others.
    pub missing: &'a [String],
    /// What was granted before.
    pub before: &'a [String],
}

/// What is needed on the way back. A secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Journey {
    url: String,
    client: McpOAuthClient,
    redirect: String,
    challenge: Option<String>,
    state: StoredAuthorizationState,
    /// Where the code goes: what the server says on the way back must be the same.
    issuer: Option<String>,
    token_endpoint: String,
}

/// What the browser brings back (RFC 6749, 4.1.2; RFC 9207).
#[derive(Clone, Copy, Debug)]
pub struct Back<'a> {
    /// What the token is given for.
    pub code: &'a str,
    /// Who says so.
    pub issuer: Option<&'a str>,
}

impl SignIns {
    /// Where the browser goes, the state that it brings back, and what to keep meanwhile.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn begin(&self, going: Going<'_>) -> Result<(String, String, Journey), SignInError> {
        let url = address(going.url)?;
        let (mut manager, door) = self.manager(&url).await?;
        let metadata = discover(&mut manager, &door, going.challenge).await?;
        let reads = metadata.additional_fields.get("client_id_metadata_document_supported");
        let by_document =
            going.client.is_none() && going.document.is_some() && reads == Some(&serde_json::Value::Bool(true));
        if going.client.is_none() && metadata.registration_endpoint.is_none() && !by_document {
            let place = metadata.issuer.as_deref().unwrap_or("The authorization server");
            return Err(SignInError::NoRegistration(theirs(place), going.redirect.to_owned()));
        }
        let once = Once::default();
        manager.set_state_store(once.clone());
        let scopes = scopes(&going, &manager, &metadata).await;
        let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        let client = client(&mut manager, &going, &scopes, by_document).await;
        let client = client.map_err(|error| SignInError::of(&error, &door))?;
        let page = manager.get_authorization_url(&scopes).await.map_err(|error| SignInError::of(&error, &door))?;
        let page: Url = page.parse().map_err(|_| SignInError::NoPlace)?;
        if !door.is_page(&page) {
            let words =
                format!("It names {} as the page to sign in, which is no page over TLS.", theirs(page.as_str()));
            return Err(SignInError::Unavailable(words));
        }
        let state = once.take().ok_or(SignInError::NoPlace)?;
        let csrf = state.csrf_token.clone();
        let journey = Journey {
            url: url.to_string(),
            client,
            redirect: going.redirect.to_owned(),
            challenge: going.challenge.map(|challenge| challenge.0.clone()),
            state,
            issuer: metadata.issuer,
            token_endpoint: metadata.token_endpoint,
        };
        Ok((page.into(), csrf, journey))
    }

    /// Whether an authorization server can read a document that is there: one inside is read by nobody outside.
    pub async fn is_read(&self, document: &str) -> bool {
        match Url::parse(document) {
            Ok(url) => self.clients.outside().is_reached(&url).await,
            Err(_) => false,
        }
    }

    /// What was granted to whoever came back.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn finish(&self, journey: Journey, back: Back<'_>) -> Result<Grant, SignInError> {
        let url = address(&journey.url)?;
        let (mut manager, door) = self.manager(&url).await?;
        let challenge = journey.challenge.map(Challenge);
        let metadata = discover(&mut manager, &door, challenge.as_ref()).await?;
        // Else the server could have the code of one authorization server sent to another one.
        if metadata.issuer != journey.issuer || metadata.token_endpoint != journey.token_endpoint {
            return Err(SignInError::Untrusted("the server names another authorization server by now.".to_owned()));
        }
        configure(&mut manager, &journey.client, &journey.redirect).map_err(|error| SignInError::of(&error, &door))?;
        let (csrf, once, caught) = (journey.state.csrf_token.clone(), Once::default(), Caught::default());
        once.put(journey.state);
        manager.set_state_store(once);
        manager.set_credential_store(caught.clone());
        let given = manager.exchange_code_for_token_with_issuer(back.code, &csrf, back.issuer).await;
        given.map_err(|error| SignInError::of(&error, &door))?;
        let credentials = caught.take().ok_or_else(|| SignInError::Refused("It gave none.".to_owned()))?;
        let revocation = metadata.additional_fields.get("revocation_endpoint");
        let revocation = revocation.and_then(|endpoint| endpoint.as_str()).map(str::to_owned);
        Ok(Grant::new(&url, journey.client, credentials, revocation, self.grants.now()))
    }
}

fn address(url: &str) -> Result<Url, SignInError> {
    Url::parse(url).map_err(|_| SignInError::NoPlace)
}

/// Where people sign in for the server, as it says now.
pub(super) async fn discover(
    manager: &mut AuthorizationManager,
    door: &Door,
    challenge: Option<&Challenge>,
) -> Result<AuthorizationMetadata, SignInError> {
    let challenge = challenge.map(|challenge| challenge.0.as_str()).filter(|challenge| !challenge.is_empty());
    let found = manager.resolve_metadata_from_challenge(challenge).await;
    let found = found.map_err(|error| SignInError::of(&error, door))?;
    // Neither revision lets a client make up addresses that nobody has published.
    if found.source == AuthorizationMetadataSource::LegacyEndpointFallback {
        return Err(SignInError::NoPlace);
    }
    manager.set_metadata(found.metadata.clone());
    Ok(found.metadata)
}

/// What to ask for: what an administrator has set, or what the server says; and beside it what was granted and what a tool has
/// missed, where it has.
async fn scopes(going: &Going<'_>, manager: &AuthorizationManager, metadata: &AuthorizationMetadata) -> Vec<String> {
    let set = going.client.map(|client| client.scopes.clone()).filter(|scopes| !scopes.is_empty());
    let mut scopes = match set {
        Some(scopes) => scopes,
        None => manager.select_initial_scopes(&[]).await,
    };
    let before = if going.missing.is_empty() { &[][..] } else { going.before };
    scopes.extend(before.iter().chain(going.missing).cloned());
    // Without it many servers give nothing to renew a token with.
    let offline = metadata.scopes_supported.iter().flatten().find(|scope| *scope == "offline_access");
    if !scopes.is_empty() {
        scopes.extend(offline.cloned());
    }
    let mut seen = std::collections::BTreeSet::new();
    scopes.retain(|scope| seen.insert(scope.clone()));
    scopes
}

/// What this server is at the authorization server: what an administrator has registered, else the address of its document where both
/// can have that, else it registers itself.
async fn client(
    manager: &mut AuthorizationManager,
    going: &Going<'_>,
    scopes: &[&str],
    by_document: bool,
) -> Result<McpOAuthClient, AuthError> {
    let mut client = going.client.cloned().unwrap_or_default();
    if going.client.is_none() {
        client.client_id = going.document.filter(|_| by_document).unwrap_or_default().to_owned();
    }
    configure(manager, &client, going.redirect)?;
    if client.client_id.is_empty() {
        let registered = manager.register_client(NAME, going.redirect, scopes).await?;
        client.client_id = registered.client_id;
        client.client_secret = registered.client_secret;
    }
    Ok(client)
}

/// Tells the SDK what this server is.
pub(super) fn configure(
    manager: &mut AuthorizationManager,
    client: &McpOAuthClient,
    redirect: &str,
) -> Result<(), AuthError> {
    // A client is native where its redirect address is on the person's own machine (OpenID Connect Registration 1.0, 2).
    let own = Url::parse(redirect).is_ok_and(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")));
    let mut config = OAuthClientConfig::new(client.client_id.as_str(), redirect).with_application_type(if own {
        "native"
    } else {
        "web"
    });
    config.client_secret = client.client_secret.clone().filter(|secret| !secret.is_empty());
    manager.configure_client(config)
}

/// One state, on its way out of the SDK or into it.
#[derive(Clone, Default)]
struct Once(Arc<Mutex<Option<StoredAuthorizationState>>>);

impl Once {
    fn put(&self, state: StoredAuthorizationState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }

    fn take(&self) -> Option<StoredAuthorizationState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl StateStore for Once {
    async fn save(&self, _: &str, state: StoredAuthorizationState) -> Result<(), AuthError> {
        self.put(state);
        Ok(())
    }

    async fn load(&self, _: &str) -> Result<Option<StoredAuthorizationState>, AuthError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn delete(&self, _: &str) -> Result<(), AuthError> {
        self.take();
        Ok(())
    }
}

/// Credentials, on their way out of the SDK or into it.
#[derive(Clone, Default)]
pub(super) struct Caught(Arc<Mutex<Option<StoredCredentials>>>);

impl Caught {
    /// With these to begin with.
    pub(super) fn holding(credentials: StoredCredentials) -> Self {
        Self(Arc::new(Mutex::new(Some(credentials))))
    }

    /// What it holds.
    pub(super) fn take(&self) -> Option<StoredCredentials> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl CredentialStore for Caught {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
        Ok(())
    }

    async fn clear(&self) -> Result<(), AuthError> {
        self.take();
        Ok(())
    }
}
