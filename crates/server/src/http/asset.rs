//! Serving the embedded web app: packed, validated, cached for as long as it is true.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::ApiError;
use crate::web::{self, Encoding, WebFile};

/// What is shown instead of an app that was not built.
const NOT_BUILT: &str = "The web app is not inside this binary. `cargo xtask build` makes one that has it.\n";

/// Paths that belong to programs: there a missing thing is a problem, never a page.
const PROGRAMS: [&str; 6] = ["/api", "/v1", "/mcp", "/healthz", "/readyz", "/metrics"];
/// Those of them that anybody may look at, as often as they like: they cost next to nothing.
const PUBLIC: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/api/openapi.json"];

/// Whether a path belongs to programs.
pub(crate) fn belongs_to_programs(path: &str) -> bool {
    PROGRAMS.iter().any(|root| path == *root || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')))
}

/// Whether a path costs next to nothing.
pub(crate) fn is_public(path: &str) -> bool {
    PUBLIC.contains(&path)
}

/// A file or a page of the web app.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if belongs_to_programs(path) {
        return ApiError::not_found("path").into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let mut response = ApiError::method_not_allowed().into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if !web::is_built() {
        return (StatusCode::NOT_FOUND, NOT_BUILT).into_response();
    }
    match web::find(path) {
        Some(file) => respond(&file, StatusCode::OK, &headers),
        None => web::not_found().map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |page| respond(&page, StatusCode::NOT_FOUND, &headers),
        ),
    }
}

fn respond(file: &WebFile, status: StatusCode, request: &HeaderMap) -> Response {
    let (encoding, bytes) = chosen(file, request);
    let etag = file.etag(encoding);
    let caching = if file.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, file.mime())
        .header(header::CACHE_CONTROL, caching)
        .header(header::VARY, "accept-encoding")
        .header(header::ETAG, &etag);
    if let Some(policy) = file.policy {
        response = response.header(header::CONTENT_SECURITY_POLICY, policy);
    }
    if status == StatusCode::OK && is_known(request, &etag) {
        response = response.status(StatusCode::NOT_MODIFIED);
        return response.body(Body::empty()).unwrap_or_default();
    }
    if let Some(name) = encoding.name() {
        response = response.header(header::CONTENT_ENCODING, name);
    }
    response.body(Body::from(bytes)).unwrap_or_default()
}

/// The best encoding that the browser takes and the app has.
fn chosen(file: &WebFile, request: &HeaderMap) -> (Encoding, std::borrow::Cow<'static, [u8]>) {
    let packed = [Encoding::Brotli, Encoding::Gzip].into_iter().filter(|encoding| accepts(request, *encoding));
    for encoding in packed {
        if let Some(bytes) = file.bytes(encoding) {
            return (encoding, bytes);
        }
    }
    (Encoding::Identity, file.bytes(Encoding::Identity).unwrap_or_default())
}

/// Whether `Accept-Encoding` names the encoding with a weight above zero (RFC 9110, 12.5.3).
fn accepts(request: &HeaderMap, encoding: Encoding) -> bool {
    let Some(name) = encoding.name() else { return true };
    let values = request.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|word| word.eq_ignore_ascii_case(name));
        let refused = parts.any(|weight| weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
        named && !refused
    })
}

/// Whether the browser has this version already (RFC 9110, 13.1.2).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let Some(known) = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else { return false };
    known.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
