//! Getting in through a provider of `OpenID` Connect.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_protocol::{Problem, UserId};
use weir_store::{NewOpenIdAccount, NewOpenIdAuthorization, StoreError};

use super::sign_in::begin;
use crate::{
    access::{Known, OpenId, OpenIdCallback, PendingSignIn, Secret, digest},
    app::App,
    http::{
        ApiError,
        auth::{Accounts, Cookie, Visitor},
        extract::Query,
        next_page::{HOME, next_page},
    },
};

/// Goes to the provider, which sends the browser back to `/api/auth/open-id/callback`.
#[utoipa::path(
    get, path = "/api/auth/open-id", tag = "account", operation_id = "openId", security(()),
    params(("next" = Option<String>, Query, description = "The path of this app to be at afterwards")),
    responses(
        (status = 302, description = "To the provider; or, where it cannot be used, to `/sign-in?error=…`"),
        (status = 404, description = "No provider is set", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The server is open and has no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many sign-ins wait for the provider; try again after `Retry-After`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn go(State(app): State<App>, _: Accounts, query: Query) -> Result<Response, ApiError> {
    let provider = provider(&app)?;
    let _waiting = provider.try_wait().ok_or_else(ApiError::provider_busy)?;
    let next = query.text("next").and_then(next_page).unwrap_or_else(|| HOME.to_owned());
    let (url, state, pending) = match provider.begin(next).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "the OpenID Connect provider cannot be used");
            return Ok(to("/sign-in?error=open_id_unavailable").into_response());
        }
    };
    let secret = Secret::plain()?;
    let pending = serde_json::to_string(&pending).map_err(|_| ApiError::internal())?;
    let new = NewOpenIdAuthorization { state: digest(&state), browser: secret.hash, pending };
    app.store.begin_open_id_authorization(&new, app.clock.now()).await?;
    Ok((Cookie::open_id(&app).carrying(&secret.text), to(&url)).into_response())
}

/// The way back from the provider.
#[utoipa::path(
    get, path = "/api/auth/open-id/callback", tag = "account", operation_id = "openIdCallback", security(()),
    params(
        ("state" = Option<String>, Query, description = "What was begun"),
        ("code" = Option<String>, Query, description = "What the provider says who it is with"),
        ("iss" = Option<String>, Query, description = "The provider that answers (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why it says nothing"),
    ),
    responses(
        (status = 302, description = "Into the app, signed in; or to `/sign-in?error=…`"),
        (status = 404, description = "No provider is set", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The server is open and has no accounts", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many sign-ins wait for the provider; try again after `Retry-After`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn come_back(
    State(app): State<App>,
    _: Accounts,
    visitor: Visitor,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, ApiError> {
    let provider = provider(&app)?;
    // Before the callback counts: the browser can load it again.
    let _waiting = provider.try_wait().ok_or_else(ApiError::provider_busy)?;
    let cookie = Cookie::open_id(&app);
    let refused = |code: &str| (cookie.cleared(), to(&format!("/sign-in?error={code}"))).into_response();
    // A callback counts once, also one that carries an error.
    let pending = match (query.text("state"), cookie.read(&headers)) {
        (Some(state), Some(browser)) => {
            app.store.take_open_id_authorization(&digest(state), &digest(browser), app.clock.now()).await?
        }
        _ => None,
    };
    if query.text("error").is_some() {
        return Ok(refused("open_id_denied"));
    }
    let pending = pending.and_then(|pending| serde_json::from_str::<PendingSignIn>(&pending).ok());
    let (Some(pending), Some(code)) = (pending, query.text("code")) else {
        return Ok(refused("open_id_failed"));
    };
    let next = pending.next.clone();
    let known = match provider.finish(pending, OpenIdCallback { code, issuer: query.text("iss") }).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, "somebody could not sign in through the OpenID Connect provider");
            return Ok(refused("open_id_failed"));
        }
    };
    let found = app.store.person_by_open_id(&known.issuer, &known.subject).await?;
    let person = match found {
        Some(record) if record.person.disabled => return Ok(refused("account_disabled")),
        Some(record) => record,
        // The first administrator is made with the link of the first start, by nobody else.
        None if !provider.signs_up() || app.store.needs_setup().await? => return Ok(refused("no_account")),
        None => sign_up(&app, known).await?,
    };
    let session = begin(&app, person.person.id, None, visitor).await?;
    let cookies = cookie.cleared().into_iter().chain(session);
    let mut response = to(&next).into_response();
    for (name, value) in cookies {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

async fn sign_up(app: &App, known: Known) -> Result<weir_store::PersonRecord, StoreError> {
    let Known { issuer, subject, name, email } = known;
    let id = UserId(app.clock.id());
    let person =
        app.store.join_by_open_id(&NewOpenIdAccount { id, issuer, subject, name, email }, app.clock.now()).await?;
    tracing::info!(user = %person.person.id, "somebody came in through the OpenID Connect provider for the first time");
    Ok(person)
}

fn provider(app: &App) -> Result<&OpenId, ApiError> {
    app.access.open_id().ok_or_else(|| ApiError::not_found("provider"))
}

fn to(location: &str) -> impl IntoResponse + use<> {
    (StatusCode::FOUND, [(header::LOCATION, location.to_owned()), (header::CACHE_CONTROL, "no-store".to_owned())])
}
