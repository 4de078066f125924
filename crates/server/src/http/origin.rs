//! Whose page asks: changes and sockets are for this server's own pages, and for programs that carry no cookie.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, Uri, header},
    middleware::Next,
    response::Response,
};

use super::ApiError;
use crate::{app::App, config::PublicUrl};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What the cookie of a sign-in is called, over TLS and without.
const SESSION_COOKIES: [&str; 2] = ["__Host-weir_session", "weir_session"];

/// Refuses changes and sockets that another site's page asks for in the person's browser.
pub(crate) async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    // Browsers let any page open a socket to anywhere, with the person's cookies (RFC 6455, 10.2).
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && !request.headers().contains_key(header::UPGRADE);
    let public = app.access.public_url().map(PublicUrl::origin);
    if safe || is_own(request.headers(), public) {
        Ok(next.run(request).await)
    } else {
        Err(ApiError::foreign_origin())
    }
}

/// Whether a request comes from one of this server's own pages, or from no page at all. Browsers name the page in `Origin`; where
/// they leave it out, `Sec-Fetch-Site` says how near it is (Fetch Metadata, 2.4). Who says neither is no browser of these days, and
/// is believed unless it carries a cookie.
fn is_own(headers: &HeaderMap, public: Option<&str>) -> bool {
    match (headers.get(header::ORIGIN), headers.get(FETCH_SITE)) {
        (Some(origin), _) => origin
            .to_str()
            .ok()
            .and_then(|origin| origin.parse().ok())
            .is_some_and(|origin| is_of(&origin, headers, public)),
        (None, Some(site)) => site == "same-origin" || site == "none",
        (None, None) => !carries_session(headers),
    }
}

/// Whether an origin is that of the server as the request names it, or where people reach it behind a proxy that passes on another
/// name. On one machine the ports do not matter: a development server
/// stands before this one there. Browsers always name the host.
fn is_of(origin: &Uri, headers: &HeaderMap, public: Option<&str>) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let same = origin.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host));
    let both_here = || {
        let named = host.parse::<Uri>().ok();
        origin.host().is_some_and(is_loopback) && named.is_some_and(|host| host.host().is_some_and(is_loopback))
    };
    let is_public =
        || public.is_some_and(|public| origin.to_string().trim_end_matches('/').eq_ignore_ascii_case(public));
    same || is_public() || both_here()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn carries_session(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let cookies = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    cookies.map(<[u8]>::trim_ascii).any(|cookie| {
        let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default();
        SESSION_COOKIES.iter().any(|session| session.as_bytes() == name.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        is_own(&headers.collect(), Some("https://chat.example"))
    }

    #[test]
    fn edge_2_a_request_with_a_cookie_says_that_it_comes_from_an_own_page() {
        let cookie = ("cookie", "theme=dark; weir_session=secret");
        assert!(own(&[("host", "weir.example"), cookie, ("origin", "https://weir.example")]));
        assert!(own(&[("host", "10.0.0.7:3000"), cookie, ("origin", "https://chat.example")]), "behind a proxy");
        assert!(own(&[("host", "weir.example"), cookie, ("sec-fetch-site", "same-origin")]));
        for headers in [
            &[cookie][..],
            &[("cookie", "a=b"), ("cookie", "__Host-weir_session=x")],
            &[cookie, ("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[cookie, ("origin", "null")],
            &[cookie, ("origin", "http://chat.example")],
            &[cookie, ("origin", "")],
            &[cookie, ("sec-fetch-site", "same-site")],
            &[cookie, ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "cross-site")],
            &[cookie, ("origin", "http://localhost:8000")],
        ] {
            assert!(!own(&[&[("host", "weir.example")], headers].concat()), "{headers:?}");
        }
    }

    #[test]
    fn edge_2_a_program_without_a_cookie_is_no_page() {
        assert!(own(&[("host", "weir.example")]));
        assert!(own(&[("host", "weir.example"), ("cookie", "not_weir_session=x; weir_sessions=y")]));
        assert!(own(&[("host", "127.0.0.1:3000"), ("origin", "http://localhost:3001")]), "a development server");
    }
}
