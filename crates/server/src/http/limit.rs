//! What each request takes from the buckets of its user and its address.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{Method, header::HeaderName},
    middleware::Next,
    response::Response,
};

use super::{ApiError, asset, auth::Principal};
use crate::{
    app::App,
    connections::Peer,
    limits::{Exhausted, Kind, client},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const OPENAPI: &str = "/api/openapi.json";

/// Where a request comes from: in its extensions, from the outermost layers on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Finds out where a request comes from, and turns it away before anything is asked of the database when its address has
/// nothing left.
pub(crate) async fn locate(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    // Only a request that came over no connection, as in a test, has none.
    if let Some(Peer(peer)) = request.extensions().get::<Peer>() {
        let lines = request.headers().get_all(FORWARDED_FOR).into_iter();
        let named = lines.map(|line| line.to_str().unwrap_or_default());
        let address = client(peer.ip(), named, &app.limits.options().trusted_proxies);
        app.limits.look(address, kind(&request)).map_err(refused)?;
        request.extensions_mut().insert(ClientAddress(address));
    }
    Ok(next.run(request).await)
}

/// Takes what the request costs, once it is known who asks.
pub(crate) async fn take(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    let user = request.extensions().get::<Principal>().map(|principal| principal.user);
    let address = request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| *address);
    app.limits.take(user, address, kind(&request)).await.map_err(refused)?;
    Ok(next.run(request).await)
}

fn refused(Exhausted(wait): Exhausted) -> ApiError {
    ApiError::rate_limited(wait)
}

/// What a request asks for.
fn kind(request: &Request) -> Kind {
    let path = request.uri().path();
    let is = |method: Method| request.method() == method;
    if path == OPENAPI {
        // Public, and more than 100 KB.
        return Kind::Read;
    }
    if !asset::belongs_to_programs(path) || asset::is_public(path) {
        return Kind::Free;
    }
    if path == "/api/auth/open-id" {
        // It stores an authorization for everyone who asks.
        return Kind::SignIn;
    }
    if request.method().is_safe() {
        return Kind::Read;
    }
    match path.strip_prefix("/api/") {
        Some("realtime") if is(Method::POST) => Kind::Start,
        Some(rest) if rest.starts_with("auth/") => Kind::SignIn,
        Some(rest) if rest.starts_with("tools/") && is(Method::POST) => Kind::Call,
        None if path.starts_with("/mcp") => Kind::Call,
        _ => Kind::Write,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn lim_2_each_kind_of_request_has_its_price() {
        for (method, path, expected) in [
            ("GET", "/chat", Kind::Free),
            ("GET", "/_next/static/a.js", Kind::Free),
            ("GET", "/healthz", Kind::Free),
            ("GET", "/readyz", Kind::Free),
            ("GET", "/metrics", Kind::Free),
            ("GET", "/api/openapi.json", Kind::Read),
            ("GET", "/api/me", Kind::Read),
            ("HEAD", "/api/conversations", Kind::Read),
            ("GET", "/api/ws", Kind::Read),
            ("GET", "/api/nothing", Kind::Read),
            ("GET", "/api/auth/open-id", Kind::SignIn),
            ("GET", "/api/auth/open-id/callback", Kind::Read),
            ("POST", "/api/conversations", Kind::Write),
            ("DELETE", "/api/realtime/x", Kind::Write),
            ("PUT", "/api/tools/x/permission", Kind::Write),
            ("POST", "/api/tools/x", Kind::Call),
            ("POST", "/mcp", Kind::Call),
            ("POST", "/api/realtime", Kind::Start),
            ("POST", "/api/auth/sign-in", Kind::SignIn),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            assert_eq!(kind(&request), expected, "{method} {path}");
        }
    }
}
