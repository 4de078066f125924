//! Links that make one account each, for administrators.

use axum::{extract::State, http::StatusCode};
use weir_protocol::{CreateInvite, CreatedInvite, Invite, InviteId, InviteList, Problem, Timestamp};
use weir_store::NewInvite;

use super::tokens::DAY_MS;
use crate::{
    access::Secret,
    app::App,
    http::{
        ApiError, Json,
        auth::{Accounts, Administrator, Principal},
        extract::{Body, PathId},
    },
};

/// How long an invite is good when nothing is said, in days.
const DAYS: u32 = 7;

/// The invites that are still good, the newest first.
#[utoipa::path(
    get, path = "/api/invites", tag = "account", operation_id = "listInvites",
    responses(
        (status = 200, body = InviteList),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, _: Accounts, _: Administrator) -> Result<Json<InviteList>, ApiError> {
    Ok(Json(InviteList { items: app.store.invites(app.clock.now()).await? }))
}

/// Makes an invite. Its secret is told once, so the same request made again makes another one.
#[utoipa::path(
    post, path = "/api/invites", tag = "account", operation_id = "createInvite",
    request_body = CreateInvite,
    responses(
        (status = 201, body = CreatedInvite),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    _: Accounts,
    _: Administrator,
    principal: Principal,
    Body(body): Body<CreateInvite>,
) -> Result<(StatusCode, Json<CreatedInvite>), ApiError> {
    let (secret, now) = (Secret::plain()?, app.clock.now());
    let days = i64::from(body.expires_in_days.unwrap_or(DAYS));
    let item = Invite {
        id: InviteId(app.clock.id()),
        role: body.role,
        note: body.note.map(|note| note.trim().to_owned()),
        created_at: now,
        expires_at: Timestamp(now.0 + days * DAY_MS),
    };
    let new = NewInvite { inviter: principal.user, secret: secret.hash, invite: item.clone() };
    app.store.add_invite(&new).await?;
    Ok((StatusCode::CREATED, Json(CreatedInvite { secret: secret.text, item })))
}

/// Takes an invite back.
#[utoipa::path(
    delete, path = "/api/invites/{id}", tag = "account", operation_id = "revokeInvite",
    params(("id" = InviteId, Path, description = "The invite")),
    responses(
        (status = 204, description = "It makes no account any more"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    _: Accounts,
    _: Administrator,
    PathId(id): PathId<InviteId>,
) -> Result<StatusCode, ApiError> {
    app.store.revoke_invite(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
