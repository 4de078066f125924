//! The person who asks.

use axum::{Json, extract::State};
use weir_protocol::{AuthMode, AuthState, Me, Problem};

use crate::{
    app::App,
    http::{ApiError, auth::Principal},
};

/// Whether people sign in here. Needs no credential.
#[utoipa::path(
    get, path = "/api/auth", tag = "account", operation_id = "authState",
    responses((status = 200, body = AuthState))
)]
pub(crate) async fn auth_state() -> Json<AuthState> {
    Json(AuthState { mode: AuthMode::Open, needs_setup: false, open_id: None })
}

/// Who asks, and what they may do.
#[utoipa::path(
    get, path = "/api/me", tag = "account", operation_id = "me",
    responses(
        (status = 200, body = Me),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn me(State(app): State<App>, principal: Principal) -> Result<Json<Me>, ApiError> {
    let name = app.store.user_name(principal.user).await?;
    let Principal { user: id, role, scopes } = principal;
    Ok(Json(Me { id, name, email: None, role, auth: AuthMode::Open, scopes, has_password: false }))
}
