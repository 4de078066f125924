//! Which pages may use this server: those of its own origin, and programs that send no cookie.
//!
//! Browsers let every page send requests and open sockets to every server, with the user's cookies (RFC 6455, 10.2). An origin is a
//! scheme, a host and a port (RFC 6454): a page on another port of the same machine is another program's page.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{Extensions, HeaderMap, HeaderName, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use url::{Host, Origin, Url};

use super::{ApiError, asset, host::RequestHost};
use crate::{app::App, config::PublicUrl, connections::Peer};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The names of the session cookie, over TLS and without.
const SESSION_COOKIES: [&str; 2] = ["__Host-weir_session", "weir_session"];

/// Refuses what another site's page asks for in the user's browser.
pub(crate) async fn same_origin(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    let headers = request.headers();
    let own = || OwnOrigins::of(&app, headers, request.extensions());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && !headers.contains_key(header::UPGRADE);
    let accepted = if !is_read {
        may_change(headers, own)
    } else if asset::belongs_to_programs(request.uri().path()) {
        may_read(headers, own)
    } else {
        // The files of the web app are the same for everyone.
        true
    };
    if accepted { Ok(next.run(request).await) } else { Err(ApiError::foreign_origin(refusal(headers, &own()))) }
}

/// Whether a request that changes something, or opens a socket, comes from an own page, or from no page at all. Browsers name the
/// page in `Origin`; where they leave it out, `Sec-Fetch-Site` says how near it is (Fetch Metadata, 2.4). A client that sends neither
/// is not a current browser, and is accepted unless it sends a session cookie.
fn may_change(headers: &HeaderMap, own: impl Fn() -> OwnOrigins) -> bool {
    match (headers.get(header::ORIGIN), headers.get(FETCH_SITE)) {
        (Some(_), _) => page(headers).is_some_and(|page| own().contains(&page)),
        (None, Some(site)) => site == "same-origin" || site == "none",
        (None, None) => !carries_session(headers),
    }
}

/// Whether a request that only reads may be answered. A link on another site may lead here, which shows that site nothing; every
/// other request of its pages is refused.
fn may_read(headers: &HeaderMap, own: impl Fn() -> OwnOrigins) -> bool {
    if headers.contains_key(header::ORIGIN) {
        return page(headers).is_some_and(|page| own().contains(&page));
    }
    let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|found| found == value);
    let is_followed_link = is(&FETCH_MODE, "navigate") && is(&FETCH_DEST, "document");
    !headers.contains_key(FETCH_SITE) || is(&FETCH_SITE, "same-origin") || is(&FETCH_SITE, "none") || is_followed_link
}

/// The page that a request comes from; none when the browser does not name it, or names one without a host (`null`).
fn page(headers: &HeaderMap) -> Option<Origin> {
    let mut lines = headers.get_all(header::ORIGIN).iter();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let text = line.to_str().ok()?;
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    // An origin and nothing more: no user, no path, no query.
    let is_bare = url.as_str().strip_suffix('/') == Some(&*url.origin().ascii_serialization()) && !text.ends_with('/');
    (is_web && is_bare).then(|| url.origin())
}

/// The origins whose pages may use this server.
struct OwnOrigins {
    /// The server as the request names it, if it does.
    named: Option<Origin>,
    /// The public URL and the development servers, as the operator has set them.
    configured: Vec<Origin>,
}

impl OwnOrigins {
    fn of(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let configured = app.access.public_url().into_iter().chain(app.access.dev_origins());
        Self {
            named: named(app, headers, extensions),
            configured: configured.map(|url| url.web_origin().clone()).collect(),
        }
    }

    fn contains(&self, origin: &Origin) -> bool {
        self.named.as_ref() == Some(origin) || self.configured.contains(origin)
    }
}

/// The origin that a request names by its host.
fn named(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Option<Origin> {
    let host = extensions.get::<RequestHost>()?;
    let is_trusted = extensions
        .get::<Peer>()
        .is_some_and(|Peer(peer)| app.limits.options().trusted_proxies.iter().any(|proxy| proxy.contains(peer.ip())));
    let forwarded = if is_trusted { forwarded_scheme(headers) } else { None };
    // Behind a proxy that terminates TLS. A browser on the machine itself can still come without the proxy.
    let is_public = || app.access.is_secure() && !host.canonical().is_loopback();
    host.origin(forwarded.unwrap_or_else(is_public))
}

/// Whether a trusted proxy says that the client came over TLS. With several proxies the first value is that of the client.
fn forwarded_scheme(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get(FORWARDED_PROTO)?.to_str().ok()?.split(',').next()?.trim();
    if value.eq_ignore_ascii_case("https") {
        return Some(true);
    }
    value.eq_ignore_ascii_case("http").then_some(false)
}

fn carries_session(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let cookies = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    cookies.map(<[u8]>::trim_ascii).any(|cookie| {
        let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default();
        SESSION_COOKIES.iter().any(|session| session.as_bytes() == name.trim_ascii())
    })
}

/// Why a request is refused, with the setting that would accept its page. No other site's page can read it.
fn refusal(headers: &HeaderMap, own: &OwnOrigins) -> String {
    let Some(page) = page(headers) else {
        return "Another site's page sent this request, or a program that sends a cookie and no Origin. Open the app at its own \
                address. Programs send an API token as Authorization: Bearer."
            .to_owned();
    };
    let text = page.ascii_serialization();
    let known = own.named.iter().chain(&own.configured).map(Origin::ascii_serialization);
    let known = known.collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "not known".to_owned() } else { known };
    let is_behind_tls = own.named.as_ref().is_some_and(|named| is_same_host_over_tls(&page, named));
    let fix = if is_behind_tls {
        format!(
            "If a proxy terminates TLS for this server, set WEIR_PUBLIC_URL={text}, or name the proxy in WEIR_TRUSTED_PROXIES and \
             let it send X-Forwarded-Proto."
        )
    } else if is_loopback(&page) {
        format!("If it is a development server in front of this one, set WEIR_DEV_ORIGIN={text}.")
    } else {
        "If people reach this server there, set WEIR_PUBLIC_URL to that address.".to_owned()
    };
    format!("A page of {text} sent this request. This server's own origin is {known}. {fix}")
}

fn is_same_host_over_tls(page: &Origin, named: &Origin) -> bool {
    match (page, named) {
        (Origin::Tuple(page_scheme, page, _), Origin::Tuple(scheme, host, _)) => {
            page_scheme == "https" && scheme == "http" && page == host
        }
        _ => false,
    }
}

fn is_loopback(page: &Origin) -> bool {
    match page {
        Origin::Tuple(_, Host::Domain(name), _) => name == "localhost",
        Origin::Tuple(_, Host::Ipv4(address), _) => address.is_loopback(),
        Origin::Tuple(_, Host::Ipv6(address), _) => address.is_loopback(),
        Origin::Opaque(_) => false,
    }
}

/// Where this server's pages are, as text: the public URL, else the origin that the request names.
pub(crate) struct ServerOrigin(pub(crate) String);

impl FromRequestParts<App> for ServerOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let public = app.access.public_url().map(PublicUrl::web_origin).cloned();
        let origin = public.or_else(|| named(app, &parts.headers, &parts.extensions));
        Ok(Self(origin.map_or_else(|| "http://localhost".to_owned(), |origin| origin.ascii_serialization())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURED: [&str; 2] = ["https://chat.example", "http://localhost:3000"];

    fn origin(text: &str) -> Origin {
        Url::parse(text).unwrap().origin()
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn own(named: &str) -> OwnOrigins {
        OwnOrigins { named: Some(origin(named)), configured: CONFIGURED.map(origin).to_vec() }
    }

    #[test]
    fn edge_2_a_request_with_a_cookie_says_that_it_comes_from_an_own_page() {
        let may = |lines: &[(&'static str, &str)]| may_change(&headers(lines), || own("https://weir.example"));
        let cookie = ("cookie", "theme=dark; weir_session=secret");
        assert!(may(&[cookie, ("origin", "https://weir.example")]));
        assert!(may(&[cookie, ("origin", "https://chat.example")]), "behind a proxy that passes on another name");
        assert!(may(&[cookie, ("origin", "http://localhost:3000")]), "a development server that was set");
        assert!(may(&[cookie, ("sec-fetch-site", "same-origin")]));
        for lines in [
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
            assert!(!may(lines), "{lines:?}");
        }
    }

    #[test]
    fn edge_2_a_program_without_a_cookie_is_no_page() {
        let may = |lines: &[(&'static str, &str)]| may_change(&headers(lines), || own("http://weir.example"));
        assert!(may(&[]));
        assert!(may(&[("cookie", "not_weir_session=x; weir_sessions=y")]));
    }

    #[test]
    fn edge_16_an_origin_is_a_scheme_a_host_and_a_port() {
        let accepted = |named: &str, page: &'static str| {
            let own = || OwnOrigins { named: Some(origin(named)), configured: Vec::new() };
            let lines = headers(&[("origin", page)]);
            assert_eq!(may_change(&lines, own), may_read(&lines, own));
            may_change(&lines, own)
        };
        for (named, page) in [
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:3000", "HTTP://LOCALHOST:3000"),
            ("http://weir.example", "http://weir.example:80"),
            ("https://weir.example:443", "https://weir.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert!(accepted(named, page), "{page} at {named}");
        }
        for (named, page) in [
            ("http://localhost:3000", "http://localhost:7795"),
            ("http://localhost:3000", "http://localhost"),
            ("http://localhost:3000", "http://127.0.0.1:3000"),
            ("http://127.0.0.1:3000", "http://localhost:3000"),
            ("http://127.0.0.1:3000", "http://[::1]:3000"),
            ("http://localhost:3000", "https://localhost:3000"),
            ("http://localhost:3000", "http://localhost.:3000"),
            ("http://localhost:3000", "http://app.localhost:3000"),
            ("http://localhost:3000", "http://localhost:3000/"),
            ("http://localhost:3000", "http://localhost:3000/page"),
            ("http://localhost:3000", "http://localhost:3000?"),
            ("http://localhost:3000", "http://user@localhost:3000"),
            ("http://localhost:3000", "http://localhost:3000, http://evil.example"),
            ("http://localhost:3000", "//localhost:3000"),
            ("http://localhost:3000", "localhost:3000"),
            ("http://weir.example", "https://weir.example"),
            ("https://weir.example", "http://weir.example"),
            ("https://weir.example", "https://weir.example:8443"),
            ("https://weir.example", "https://sub.weir.example"),
            ("http://localhost:3000", "file://"),
            ("http://localhost:3000", "chrome-extension://abcdefgh"),
        ] {
            assert!(!accepted(named, page), "{page} at {named}");
        }
        let mut twice = headers(&[("origin", "http://localhost:3000")]);
        twice.append(header::ORIGIN, "http://evil.example".parse().unwrap());
        assert!(!may_change(&twice, || own("http://localhost:3000")));
    }

    #[test]
    fn edge_17_another_sites_page_reads_nothing_but_links_lead_here() {
        let may = |lines: &[(&'static str, &str)]| may_read(&headers(lines), || own("http://localhost:3000"));
        let link = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        for site in ["cross-site", "same-site"] {
            assert!(may(&[&[("sec-fetch-site", site)][..], &link].concat()), "a link of a {site} page");
            for (mode, dest) in [("no-cors", "script"), ("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")]
            {
                let lines = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
                assert!(!may(&lines), "{lines:?}");
            }
            assert!(!may(&[("sec-fetch-site", site)]));
        }
        assert!(may(&[]), "a program");
        assert!(may(&[("cookie", "weir_session=x")]), "an old browser");
        assert!(may(&[("sec-fetch-site", "same-origin")]) && may(&[("sec-fetch-site", "none")]));
        assert!(!may(&[("origin", "http://localhost:7795")]));
    }

    #[test]
    fn edge_16_a_refusal_names_the_setting_that_accepts_the_page() {
        let own = |named: &str| OwnOrigins { named: Some(origin(named)), configured: Vec::new() };
        let words = |named: &str, page: &str| {
            let words = refusal(&headers(&[("origin", page)]), &own(named));
            assert!(words.contains(named) && words.contains(page), "{words}");
            words
        };
        assert!(words("http://weir.example", "https://weir.example").contains("WEIR_PUBLIC_URL=https://weir.example,"));
        assert!(words("http://weir.example", "https://weir.example").contains("WEIR_TRUSTED_PROXIES"));
        assert!(
            words("http://127.0.0.1:3001", "http://localhost:3000").contains("WEIR_DEV_ORIGIN=http://localhost:3000")
        );
        assert!(words("http://10.0.0.7:3000", "https://chat.example").contains("WEIR_PUBLIC_URL"));
    }

    #[test]
    fn edge_16_the_scheme_that_a_proxy_names_is_the_clients() {
        let scheme = |value: &str| forwarded_scheme(&headers(&[("x-forwarded-proto", value)]));
        assert_eq!([scheme("https"), scheme("HTTP"), scheme("https, http")], [Some(true), Some(false), Some(true)]);
        assert_eq!([scheme(""), scheme("wss"), forwarded_scheme(&HeaderMap::new())], [None; 3]);
    }
}
