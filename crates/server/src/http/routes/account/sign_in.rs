//! Getting in and out.

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
    response::IntoResponse,
};
use weir_protocol::{AccessScope, CreateAccount, Credentials, Me, Problem, SignInId, UserId, UserRole};
use weir_store::{NewAccount, NewSignIn, PersonRecord, StoreError};

use super::{known_of, storage};
use crate::{
    access::{Guesses, Secret, count_link_attempt, digest, network_digest},
    app::{App, LOCAL_USER},
    http::{
        ApiError, Json,
        auth::{Accounts, Cookie, Visitor},
        extract::Body,
    },
};

/// Makes the administrator, with the secret of the link that the first start printed.
#[utoipa::path(
    post, path = "/api/auth/setup", tag = "account", operation_id = "setUp", security(()),
    request_body = CreateAccount,
    responses(
        (status = 201, description = "They are signed in", body = Me),
        (status = 403, description = "The link is not good any more", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The server is open and has no accounts", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_up(
    State(app): State<App>,
    _: Accounts,
    visitor: Visitor,
    Body(body): Body<CreateAccount>,
) -> Result<impl IntoResponse, ApiError> {
    make(&app, Link::FirstStart, visitor, body).await
}

/// Makes an account, with the secret of an invite.
#[utoipa::path(
    post, path = "/api/auth/join", tag = "account", operation_id = "join", security(()),
    request_body = CreateAccount,
    responses(
        (status = 201, description = "They are signed in", body = Me),
        (status = 403, description = "The link is not good any more", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Somebody signs in with this address already", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn join(
    State(app): State<App>,
    _: Accounts,
    visitor: Visitor,
    Body(body): Body<CreateAccount>,
) -> Result<impl IntoResponse, ApiError> {
    make(&app, Link::Invite, visitor, body).await
}

/// Signs in. What the browser was signed in with until now ends.
#[utoipa::path(
    post, path = "/api/auth/sign-in", tag = "account", operation_id = "signIn", security(()),
    request_body = Credentials,
    responses(
        (status = 200, description = "They are signed in", body = Me),
        (status = 401, description = "The address or the password is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many attempts; try again after `Retry-After`", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sign_in(
    State(app): State<App>,
    _: Accounts,
    visitor: Visitor,
    Body(body): Body<Credentials>,
) -> Result<impl IntoResponse, ApiError> {
    let guesses = Guesses::of_email(&body.email, visitor.address);
    guesses.count(&app.store, app.clock.now()).await?;
    let found = app.store.person_by_email(&body.email).await?;
    let hash = found.as_ref().and_then(|record| record.password_hash.clone());
    let right = app.access.passwords().verify(body.password, hash).await?;
    let record = found.filter(|record| right && !record.person.disabled).ok_or_else(ApiError::invalid_credentials)?;
    guesses.was_right(&app.store).await?;
    let_in(&app, StatusCode::OK, record, visitor).await
}

/// Signs out, whoever asks.
#[utoipa::path(
    post, path = "/api/auth/sign-out", tag = "account", operation_id = "signOut", security(()),
    responses(
        (status = 204, description = "They are out"),
        (status = 409, description = "The server is open and has no accounts", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sign_out(
    State(app): State<App>,
    _: Accounts,
    visitor: Visitor,
) -> Result<impl IntoResponse, ApiError> {
    if let Some(session) = visitor.session {
        app.store.sign_out(&digest(&session)).await?;
        app.access.watches().ring();
    }
    Ok((StatusCode::NO_CONTENT, Cookie::session(&app).cleared()))
}

/// What makes accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// The administrator's, printed by the first start.
    FirstStart,
    /// An administrator's, for somebody else.
    Invite,
}

/// Makes the account of a link, and signs it in.
async fn make(
    app: &App,
    link: Link,
    visitor: Visitor,
    body: CreateAccount,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let secret = digest(&body.secret);
    // Only a link that is good is worth the work of a password.
    if !app.store.link_is_good(&secret, link == Link::FirstStart, app.clock.now()).await? {
        return Err(ApiError::invalid_link());
    }
    count_link_attempt(&app.store, &secret, app.clock.now()).await?;
    if link == Link::Invite && app.store.person_by_email(&body.email).await?.is_some() {
        return Err(StoreError::EmailTaken.into());
    }
    let known = known_of(&body.name, Some(&body.email));
    let made = app.access.passwords().make(body.password, known).await;
    let password_hash = made.map_err(|error| ApiError::of_new_password(error, "password"))?;
    let new = NewAccount { id: UserId(app.clock.id()), email: body.email, name: body.name, password_hash };
    let made = match link {
        Link::FirstStart => app.store.set_up(&secret, LOCAL_USER, &new, app.clock.now()).await,
        Link::Invite => app.store.join(&secret, &new, app.clock.now()).await,
    };
    let record = made.map_err(of_link)?;
    tracing::info!(user = %record.person.id, ?link, "an account was made");
    let_in(app, StatusCode::CREATED, record, visitor).await
}

fn of_link(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound(_) => ApiError::invalid_link(),
        error => error.into(),
    }
}

/// Signs a person in under a new secret, and tells who they are.
pub(crate) async fn let_in(
    app: &App,
    status: StatusCode,
    record: PersonRecord,
    visitor: Visitor,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let PersonRecord { person, password_hash } = record;
    let session = begin(app, person.id, password_hash.clone(), visitor).await?;
    let mut scopes = vec![AccessScope::Read, AccessScope::Write];
    scopes.extend((person.role == UserRole::Administrator).then_some(AccessScope::Admin));
    let me = Me {
        id: person.id,
        name: person.name,
        email: person.email,
        role: person.role,
        auth: app.access.mode(),
        scopes,
        has_password: password_hash.is_some(),
        storage: Some(storage(app, person.id).await?),
    };
    Ok((status, session, Json(me)))
}

/// Begins a session under a new secret, and gives the header that carries it. Fails if the person's password is no longer the one with
/// this hash, if one was verified.
pub(super) async fn begin(
    app: &App,
    user: UserId,
    password_hash: Option<String>,
    visitor: Visitor,
) -> Result<[(HeaderName, HeaderValue); 1], ApiError> {
    let secret = Secret::plain()?;
    let new = NewSignIn {
        id: SignInId(app.clock.id()),
        user,
        secret: secret.hash,
        device: visitor.device,
        address: visitor.address.map(|address| address.to_string()).unwrap_or_default(),
        network: visitor.address.map(network_digest),
        replaces: visitor.session.as_deref().map(digest),
        password_hash,
    };
    app.store.sign_in(&new, app.clock.now()).await.map_err(|error| match error {
        StoreError::NotFound(_) => ApiError::invalid_credentials(),
        error => error.into(),
    })?;
    app.access.watches().ring();
    Ok(Cookie::session(app).carrying(&secret.text))
}
