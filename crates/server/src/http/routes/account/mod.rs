//! The person who asks, and what lets people in.

pub(crate) mod devices;
pub(crate) mod invites;
pub(crate) mod open_id;
pub(crate) mod people;
pub(crate) mod sign_in;
pub(crate) mod tokens;

use std::net::IpAddr;

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use weir_protocol::{AuthMode, AuthState, ChangePassword, DeleteAccount, Me, Problem, Storage, UpdateMe, UserId};
use weir_store::{PersonRecord, StorageUse};

use crate::{
    access::{Guesses, Secret},
    app::App,
    http::{
        ApiError, Json,
        auth::{Cookie, Principal, SignedIn, Visitor},
        extract::Body,
    },
};

/// Whether people sign in here. Needs no credential.
#[utoipa::path(
    get, path = "/api/auth", tag = "account", operation_id = "authState", security(()),
    responses((status = 200, body = AuthState))
)]
pub(crate) async fn auth_state(State(app): State<App>) -> Result<Json<AuthState>, ApiError> {
    let mode = app.access.mode();
    let needs_setup = mode == AuthMode::Required && app.store.needs_setup().await?;
    Ok(Json(AuthState { mode, needs_setup, open_id: app.access.open_id().map(|provider| provider.name().to_owned()) }))
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
    Ok(Json(told(&app, principal).await?))
}

/// Changes one's own account. The local user of an open server has a name as well.
#[utoipa::path(
    patch, path = "/api/me", tag = "account", operation_id = "updateMe",
    request_body = UpdateMe,
    responses(
        (status = 200, body = Me),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn update(
    State(app): State<App>,
    principal: Principal,
    Body(body): Body<UpdateMe>,
) -> Result<Json<Me>, ApiError> {
    if let Some(name) = &body.name {
        app.store.rename_person(principal.user, name).await?;
    }
    Ok(Json(told(&app, principal).await?))
}

/// Deletes one's own account with everything in it; answers that are still being written are stopped first.
#[utoipa::path(
    delete, path = "/api/me", tag = "account", operation_id = "deleteMe", security(("session" = [])),
    request_body = DeleteAccount,
    responses(
        (status = 204, description = "It is gone, and everybody who was signed in to it is out"),
        (status = 403, description = "The password is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The last administrator, or an open server", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    SignedIn { principal, .. }: SignedIn,
    visitor: Visitor,
    Body(body): Body<DeleteAccount>,
) -> Result<impl IntoResponse, ApiError> {
    let record = app.store.person(principal.user).await?;
    if record.password_hash.is_some() {
        check_password(&app, record, body.password.unwrap_or_default(), visitor.address).await?;
    }
    remove(&app, principal.user).await?;
    Ok((StatusCode::NO_CONTENT, Cookie::session(&app).cleared()))
}

/// Changes the password: every other browser is signed out, and this one gets a new cookie. API tokens end as well where the
/// request says so; `GET /api/me/tokens` lists them.
#[utoipa::path(
    put, path = "/api/me/password", tag = "account", operation_id = "changePassword", security(("session" = [])),
    request_body = ChangePassword,
    responses(
        (status = 204, description = "From now on it is the new one"),
        (status = 403, description = "The current one is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong ones; try again after `Retry-After`", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    SignedIn { principal, sign_in }: SignedIn,
    visitor: Visitor,
    Body(body): Body<ChangePassword>,
) -> Result<impl IntoResponse, ApiError> {
    let record = app.store.person(principal.user).await?;
    let known = known_of(&record.person.name, record.person.email.as_deref());
    check_password(&app, record, body.current, visitor.address).await?;
    let made = app.access.passwords().make(body.new, known).await;
    let hash = made.map_err(|error| ApiError::of_new_password(error, "new"))?;
    let secret = Secret::plain()?;
    let revoke_tokens = body.revoke_tokens == Some(true);
    let changed = app.store.change_password(principal.user, sign_in, &secret.hash, &hash, revoke_tokens).await;
    // A browser that was signed out meanwhile is nobody's.
    changed.map_err(|error| match error {
        weir_store::StoreError::NotFound(_) => ApiError::unauthenticated(),
        error => error.into(),
    })?;
    app.access.watches().ring();
    Ok((StatusCode::NO_CONTENT, Cookie::session(&app).carrying(&secret.text)))
}

/// Stops what a person has running, and deletes them with everything that is theirs.
pub(crate) async fn remove(app: &App, user: UserId) -> Result<(), ApiError> {
    // Whoever may not go loses no answer over it.
    if app.store.is_last_administrator(user).await? {
        return Err(weir_store::StoreError::LastAdministrator.into());
    }
    app.runs.cancel_all_of(user).await?;
    app.store.delete_person(user).await?;
    app.access.watches().ring();
    let store = app.store.clone();
    // Takes long where there is much text; the next sweep does it if the process ends first.
    tokio::spawn(async move {
        if let Err(error) = store.purge().await {
            tracing::warn!(%error, "what a deleted account left in the files could not be removed; trying again later");
        }
    });
    Ok(())
}

/// The password again, before something that cannot be taken back.
///
/// It counts as an attempt to sign in: a stolen session guesses no more often than a stranger, and locks the person out of no other network.
async fn check_password(
    app: &App,
    record: PersonRecord,
    password: String,
    address: Option<IpAddr>,
) -> Result<(), ApiError> {
    let Some(email) = record.person.email else { return Err(ApiError::wrong_password()) };
    let guesses = Guesses::of_email(&email, address);
    guesses.count(&app.store, app.clock.now()).await?;
    if !app.access.passwords().verify(password, record.password_hash).await? {
        return Err(ApiError::wrong_password());
    }
    Ok(guesses.was_right(&app.store).await?)
}

/// What others know of a person, and try as their password.
fn known_of(name: &str, email: Option<&str>) -> Vec<String> {
    let parts = name.split_whitespace().chain(email.into_iter().flat_map(|email| email.split(['@', '.', '+'])));
    parts.chain([name]).chain(email).filter(|part| part.len() > 2).map(str::to_owned).collect()
}

async fn told(app: &App, principal: Principal) -> Result<Me, ApiError> {
    let PersonRecord { person, password_hash } = app.store.person(principal.user).await?;
    Ok(Me {
        id: person.id,
        name: person.name,
        email: person.email.filter(|_| principal.grant.is_some()),
        role: principal.role,
        auth: app.access.mode(),
        scopes: principal.scopes,
        has_password: principal.grant.is_some() && password_hash.is_some(),
        storage: Some(storage(app, person.id).await?),
    })
}

/// How much a person has stored.
async fn storage(app: &App, user: UserId) -> Result<Storage, ApiError> {
    let StorageUse { used, limit } = app.store.storage(user).await?;
    Ok(Storage { used, limit })
}
