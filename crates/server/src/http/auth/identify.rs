//! Finds out who asks, once for each request.

use std::net::IpAddr;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use futures_util::StreamExt as _;
use weir_protocol::AuthMode;
use weir_store::{Grant, StoreError};

use super::{Cookie, Principal, device};
use crate::{
    access::{Watch, digest},
    app::App,
    http::{ApiError, admission::in_turn, arrival::LateBody, error::Gone, host::RequestHost},
};

/// After how long it is noted that a credential was used, in milliseconds.
const NOTED_EVERY_MS: i64 = 60_000;

/// Puts the [`Principal`] into the request's extensions, where somebody asks. A stream of events ends with the credential that
/// opened it.
pub(crate) async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    if app.access.mode() == AuthMode::Open {
        request.extensions_mut().insert(Principal::local());
        return Ok(next.run(request).await);
    }
    // Whether the server is alive does not depend on who asks.
    if matches!(request.uri().path(), "/healthz" | "/readyz") {
        return Ok(next.run(request).await);
    }
    if !request.headers().contains_key(header::AUTHORIZATION) && Cookie::session(&app).is_ambiguous(request.headers()) {
        return Ok(run_without_cookie(&app, request, next).await);
    }
    if !carries_credential(&app, request.headers()) {
        return Ok(next.run(request).await);
    }
    let found = in_turn(app.limits.admission(), request.extensions(), find(&app, request.headers())).await??;
    let Some(grant) = found else { return Ok(next.run(request).await) };
    note(&app, &grant, device::address(request.extensions())).await;
    request.extensions_mut().insert(Principal::of(grant.clone()));
    let headers = request.headers().clone();
    let response = next.run(request).await;
    // The person may have been deleted during the request.
    if response.extensions().get::<Gone>().is_some() && find(&app, &headers).await?.is_none() {
        return Err(ApiError::unauthenticated());
    }
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    Ok(if is_stream { ending_with(app.access.watches().watch(&grant), response) } else { response })
}

/// Looks the credential up again where the body came later than the head: what was revoked or changed meanwhile counts.
pub(crate) async fn confirm(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let is_late = request.extensions_mut().remove::<LateBody>().is_some();
    let has_grant = request.extensions().get::<Principal>().is_some_and(|principal| principal.grant.is_some());
    if is_late && has_grant {
        let found = in_turn(app.limits.admission(), request.extensions(), find(&app, request.headers())).await??;
        request.extensions_mut().remove::<Principal>();
        if let Some(grant) = found {
            request.extensions_mut().insert(Principal::of(grant));
        }
    }
    Ok(next.run(request).await)
}

/// Answers a request whose session cookies differ as an unauthenticated one, and clears them. A sign-in in the same response sets its
/// cookie afterwards.
async fn run_without_cookie(app: &App, request: Request, next: Next) -> Response {
    let host = request.extensions().get::<RequestHost>().map(RequestHost::canonical);
    let cleared = Cookie::session(app).cleared_everywhere(host, request.uri().path());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let set: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for line in cleared.into_iter().chain(set) {
        headers.append(header::SET_COOKIE, line);
    }
    response
}

fn carries_credential(app: &App, headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || Cookie::session(app).read(headers).is_some()
}

/// The credential of a request: a token, or else a session's cookie. A token that is none is not made good by a cookie.
async fn find(app: &App, headers: &HeaderMap) -> Result<Option<Grant>, StoreError> {
    let now = app.clock.now();
    if headers.contains_key(header::AUTHORIZATION) {
        let Some(token) = bearer(headers) else { return Ok(None) };
        return app.store.token_grant(&digest(token), now).await;
    }
    let Some(secret) = Cookie::session(app).read(headers) else { return Ok(None) };
    app.store.sign_in_grant(&digest(secret), now).await
}

/// `Authorization: Bearer <token>` (RFC 6750, 2.1), once.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn note(app: &App, grant: &Grant, address: Option<IpAddr>) {
    let now = app.clock.now();
    if grant.last_used_at.is_some_and(|last| now.0 - last.0 < NOTED_EVERY_MS) {
        return;
    }
    let address = address.map(|address| address.to_string());
    if let Err(error) = app.store.note_use(grant.user, grant.credential, address.as_deref(), now).await {
        tracing::debug!(%error, "when a credential was last used could not be noted");
    }
}

fn ending_with(watch: Watch, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let ended = watch.ended().clone().cancelled_owned();
    let events = body.into_data_stream().take_until(ended).map(move |bytes| {
        // What is watched is open for as long as this stream is.
        let _open = &watch;
        bytes
    });
    Response::from_parts(parts, Body::from_stream(events))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_one_whole_bearer_token_is_read() {
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AUTHORIZATION, HeaderValue::from_str(line).unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer weir_x"]).as_deref(), Some("weir_x"));
        assert_eq!(read(&["bearer  weir_x"]).as_deref(), Some("weir_x"));
        for lines in [&["Basic d2Vpcg=="][..], &["Bearer"], &["weir_x"], &["Bearer weir_x", "Bearer weir_y"]] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }
}
