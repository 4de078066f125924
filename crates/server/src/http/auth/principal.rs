//! Who asks, and what their credential is good for.

use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use weir_protocol::{AccessScope, AuthMode, SignInId, UserId, UserRole};
use weir_store::{Credential, Grant};

use crate::{
    app::{App, LOCAL_USER},
    http::ApiError,
    metrics::Viewer,
};

/// Who asks. As an extractor: somebody does (else 401), and their credential is good for reading, or for writing where the
/// method changes something (else 403).
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) user: UserId,
    pub(crate) role: UserRole,
    /// What the credential is good for; `Admin` only where the person is one.
    pub(crate) scopes: Vec<AccessScope>,
    /// What lets them in; an open server needs nothing.
    pub(crate) grant: Option<Grant>,
}

impl Principal {
    /// The one user of an open server.
    pub(crate) fn local() -> Self {
        let scopes = vec![AccessScope::Read, AccessScope::Write, AccessScope::Admin];
        Self { user: LOCAL_USER, role: UserRole::Administrator, scopes, grant: None }
    }

    /// Whoever holds this credential.
    pub(super) fn of(grant: Grant) -> Self {
        let is_administrator = grant.role == UserRole::Administrator;
        let mut scopes = grant.scopes.clone();
        scopes.retain(|scope| *scope != AccessScope::Admin || is_administrator);
        Self { user: grant.user, role: grant.role, scopes, grant: Some(grant) }
    }

    /// Whether the credential is good for this.
    pub(crate) fn may(&self, scope: AccessScope) -> bool {
        self.scopes.contains(&scope)
    }

    /// What they may see of what is measured.
    pub(crate) fn viewer(&self) -> Viewer {
        Viewer { user: self.user, administrator: self.may(AccessScope::Admin) }
    }

    /// Somebody asks, and their credential is good for reading, whatever the method.
    pub(crate) fn reader(extensions: &Extensions) -> Result<Self, ApiError> {
        extensions.get::<Self>().cloned().ok_or_else(ApiError::unauthenticated)?.needs(AccessScope::Read)
    }

    fn needs(self, scope: AccessScope) -> Result<Self, ApiError> {
        if self.may(scope) { Ok(self) } else { Err(ApiError::forbidden(scope)) }
    }

    fn asks(parts: &Parts) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(ApiError::unauthenticated)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::asks(parts)?.needs(if parts.method.is_safe() { AccessScope::Read } else { AccessScope::Write })
    }
}

/// An administrator asks (else 403).
pub(crate) struct Administrator;

impl<S: Send + Sync> FromRequestParts<S> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Principal::from_request_parts(parts, state).await?.needs(AccessScope::Admin).map(|_| Self)
    }
}

/// People sign in here (else 409): an open server has no accounts.
pub(crate) struct Accounts;

impl FromRequestParts<App> for Accounts {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match app.access.mode() {
            AuthMode::Required => Ok(Self),
            AuthMode::Open => Err(ApiError::open_server()),
        }
    }
}

/// The user decides on tool calls (else 403): in a browser that is signed in, or with a token that has the scope `admin`. A program
/// with another token must not approve its own calls.
pub(crate) struct Decider(pub(crate) Principal);

impl<S: Send + Sync> FromRequestParts<S> for Decider {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let is_token = principal.grant.as_ref().is_some_and(|grant| matches!(grant.credential, Credential::Token(_)));
        if is_token && !principal.may(AccessScope::Admin) {
            return Err(ApiError::decision_not_allowed());
        }
        Ok(Self(principal))
    }
}

/// A browser that is signed in asks: a token may not change what lets its person in (403).
pub(crate) struct SignedIn {
    pub(crate) principal: Principal,
    pub(crate) sign_in: SignInId,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Accounts::from_request_parts(parts, app).await?;
        let principal = Principal::asks(parts)?;
        match principal.grant.as_ref().map(|grant| grant.credential) {
            Some(Credential::SignIn(sign_in)) => Ok(Self { principal, sign_in }),
            _ => Err(ApiError::sign_in_needed()),
        }
    }
}
