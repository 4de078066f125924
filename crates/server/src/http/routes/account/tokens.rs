//! Keys for programs.

use axum::{extract::State, http::StatusCode};
use weir_protocol::{
    AccessScope, ApiToken, ApiTokenId, ApiTokenList, CreateApiToken, CreatedApiToken, FieldError, Problem, Timestamp,
};
use weir_store::NewApiToken;

use crate::{
    access::Secret,
    app::App,
    http::{
        ApiError, Json,
        auth::SignedIn,
        extract::{Body, PathId},
    },
};

/// A day in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// One's tokens, the newest first.
#[utoipa::path(
    get, path = "/api/me/tokens", tag = "account", operation_id = "listApiTokens", security(("session" = [])),
    responses(
        (status = 200, body = ApiTokenList),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    SignedIn { principal, .. }: SignedIn,
) -> Result<Json<ApiTokenList>, ApiError> {
    Ok(Json(ApiTokenList { items: app.store.api_tokens(principal.user).await? }))
}

/// Makes a token. Its secret is told once, so the same request made again makes another one.
#[utoipa::path(
    post, path = "/api/me/tokens", tag = "account", operation_id = "createApiToken", security(("session" = [])),
    request_body = CreateApiToken,
    responses(
        (status = 201, body = CreatedApiToken),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    SignedIn { principal, .. }: SignedIn,
    Body(mut body): Body<CreateApiToken>,
) -> Result<(StatusCode, Json<CreatedApiToken>), ApiError> {
    if body.scopes.contains(&AccessScope::Admin) && !principal.may(AccessScope::Admin) {
        let fault = FieldError::new("scopes", "must not name admin: only administrators have that");
        return Err(ApiError::invalid(vec![fault]));
    }
    body.scopes.sort_unstable();
    body.scopes.dedup();
    let (secret, now) = (Secret::token()?, app.clock.now());
    let item = ApiToken {
        id: ApiTokenId(app.clock.id()),
        name: body.name.trim().to_owned(),
        scopes: body.scopes,
        created_at: now,
        last_used_at: None,
        expires_at: body.expires_in_days.map(|days| Timestamp(now.0 + i64::from(days) * DAY_MS)),
    };
    let new = NewApiToken { user: principal.user, secret: secret.hash, token: item.clone() };
    app.store.add_api_token(&new).await?;
    Ok((StatusCode::CREATED, Json(CreatedApiToken { secret: secret.text, item })))
}

/// Takes a token back; what is open in its name ends within a second.
#[utoipa::path(
    delete, path = "/api/me/tokens/{id}", tag = "account", operation_id = "revokeApiToken", security(("session" = [])),
    params(("id" = ApiTokenId, Path, description = "The token")),
    responses(
        (status = 204, description = "It lets nobody in any more"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    SignedIn { principal, .. }: SignedIn,
    PathId(id): PathId<ApiTokenId>,
) -> Result<StatusCode, ApiError> {
    app.store.revoke_api_token(principal.user, id).await?;
    app.access.watches().ring();
    Ok(StatusCode::NO_CONTENT)
}
