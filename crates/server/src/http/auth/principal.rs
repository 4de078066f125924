//! Who asks, and what their credential is good for.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use weir_protocol::{AccessScope, UserId, UserRole};

use crate::{
    app::{App, LOCAL_USER},
    http::ApiError,
};

/// Who asks. As an extractor: somebody does (else 401), and their credential is good for reading, or for writing where the
/// method changes something (else 403).
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) user: UserId,
    pub(crate) role: UserRole,
    pub(crate) scopes: Vec<AccessScope>,
}

impl Principal {
    /// The one user of an open server.
    fn local() -> Self {
        let scopes = vec![AccessScope::Read, AccessScope::Write, AccessScope::Admin];
        Self { user: LOCAL_USER, role: UserRole::Administrator, scopes }
    }

    /// Whether the credential is good for this.
    pub(crate) fn may(&self, scope: AccessScope) -> bool {
        self.scopes.contains(&scope) && (scope != AccessScope::Admin || self.role == UserRole::Administrator)
    }

    fn needs(self, scope: AccessScope) -> Result<Self, ApiError> {
        if self.may(scope) { Ok(self) } else { Err(ApiError::forbidden(scope)) }
    }
}

/// Finds out who asks, once for each request.
pub(crate) async fn identify(State(_): State<App>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Principal::local());
    next.run(request).await
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let principal = parts.extensions.get::<Self>().cloned().ok_or_else(ApiError::unauthenticated)?;
        principal.needs(if parts.method.is_safe() { AccessScope::Read } else { AccessScope::Write })
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
