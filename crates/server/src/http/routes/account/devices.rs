//! The browsers that one is signed in on.

use axum::{extract::State, http::StatusCode};
use weir_protocol::{DeviceList, Problem, SignInId};

use crate::{
    app::App,
    http::{ApiError, Json, auth::SignedIn, extract::PathId},
};

/// The browsers that one is signed in on, the last used first.
#[utoipa::path(
    get, path = "/api/me/devices", tag = "account", operation_id = "listDevices", security(("session" = [])),
    responses(
        (status = 200, body = DeviceList),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    SignedIn { principal, sign_in }: SignedIn,
) -> Result<Json<DeviceList>, ApiError> {
    Ok(Json(DeviceList { items: app.store.devices(principal.user, sign_in, app.clock.now()).await? }))
}

/// Signs every other browser out; what is open there ends within a second.
#[utoipa::path(
    delete, path = "/api/me/devices", tag = "account", operation_id = "signOutOtherDevices", security(("session" = [])),
    responses(
        (status = 204, description = "They are out"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_others(
    State(app): State<App>,
    SignedIn { principal, sign_in }: SignedIn,
) -> Result<StatusCode, ApiError> {
    app.store.end_other_sign_ins(principal.user, sign_in).await?;
    app.access.watches().ring();
    Ok(StatusCode::NO_CONTENT)
}

/// Signs one browser out; what is open there ends within a second.
#[utoipa::path(
    delete, path = "/api/me/devices/{id}", tag = "account", operation_id = "signOutDevice", security(("session" = [])),
    params(("id" = SignInId, Path, description = "The sign-in")),
    responses(
        (status = 204, description = "It is out"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    SignedIn { principal, .. }: SignedIn,
    PathId(id): PathId<SignInId>,
) -> Result<StatusCode, ApiError> {
    app.store.end_sign_in(principal.user, id).await?;
    app.access.watches().ring();
    Ok(StatusCode::NO_CONTENT)
}
