//! What every response carries, and what every request must satisfy.

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tracing::Instrument as _;
use weir_protocol::{PROTOCOL_VERSION, Problem};

use super::ApiError;
use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROTOCOL: HeaderName = HeaderName::from_static("weir-protocol");

/// Gives every response its request id and the protocol's version, and writes the body of a problem.
pub(crate) async fn envelope(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers()).unwrap_or_else(|| app.clock.id().to_string());
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = with_body(response, Problem { request_id: id.clone(), ..problem });
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    let headers = response.headers_mut();
    headers.insert(PROTOCOL, HeaderValue::from_static(PROTOCOL_VERSION));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn with_body(response: Response, problem: Problem) -> Response {
    let (mut parts, _) = response.into_parts();
    let (body_parts, body) = Json(problem).into_response().into_parts();
    if let Some(length) = body_parts.headers.get(header::CONTENT_LENGTH) {
        parts.headers.insert(header::CONTENT_LENGTH, length.clone());
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, body)
}

/// The caller's id, if it is one that can be written into a log as it is.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (1..=128).contains(&id.len()).then_some(id).filter(|id| id.bytes().all(sane)).map(str::to_owned)
}

/// Refuses requests to a name that is not this server's. A foreign page can make its own name resolve to this machine, and
/// its scripts would then be of the same origin as an open server (DNS rebinding). Such a name always has a dot.
pub(crate) async fn known_host(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    let header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("."));
    let authority = header.map_or_else(|| request.uri().authority().cloned(), |host| host.parse().ok());
    let named = header.is_some() || authority.is_some();
    let known = authority.is_some_and(|authority| {
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
            || !host.contains('.')
            || app.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    });
    if named && !known { Err(ApiError::unknown_host()) } else { Ok(next.run(request).await) }
}

/// Refuses changes and sockets that another site's page asks for in the person's browser.
pub(crate) async fn same_origin(request: Request, next: Next) -> Result<Response, ApiError> {
    // Browsers let any page open a socket to anywhere, with the person's cookies (RFC 6455, 10.2).
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && !request.headers().contains_key(header::UPGRADE);
    if !safe && let Some(origin) = request.headers().get(header::ORIGIN) {
        let host = request.headers().get(header::HOST);
        let allowed = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()).is_some_and(|origin| {
            let own = host.is_some_and(|host| origin.authority().is_some_and(|a| host == a.as_str()));
            own || origin.host().is_some_and(is_loopback)
        });
        if !allowed {
            return Err(ApiError::foreign_origin());
        }
    }
    Ok(next.run(request).await)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses what would begin something while the server is about to stop.
pub(crate) async fn refuse_while_draining(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if *request.method() == Method::POST && app.draining.is_cancelled() {
        return Err(ApiError::draining());
    }
    Ok(next.run(request).await)
}
