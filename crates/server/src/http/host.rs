//! The host that a request names, and whether this server goes by it.

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::Response,
};
use url::{Origin, Url};
use weir_tools::CanonicalHost;

use super::ApiError;
use crate::app::App;

/// The host and the port that a request names (RFC 9110, 7.2). In the request's extensions from [`known_host`] on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestHost {
    /// As the client wrote it, with the port: `weir.example:8080`.
    authority: String,
    canonical: CanonicalHost,
}

impl RequestHost {
    /// The host of a request; none when the request names none, as HTTP/1.0 allows. Two hosts that differ, and one that carries
    /// anything but a name and a port, are refused: another program on the way may read them differently.
    fn of(request: &Request) -> Result<Option<Self>, ApiError> {
        let lines = request.headers().get_all(header::HOST).iter().map(|line| line.to_str().ok());
        let target = request.uri().authority().map(|authority| Some(authority.as_str()));
        let mut named = None;
        for text in lines.chain(target) {
            let host = text.and_then(Self::parse).ok_or_else(ApiError::unknown_host)?;
            if named.as_ref().is_some_and(|named| *named != host) {
                return Err(ApiError::unknown_host());
            }
            named = Some(host);
        }
        let is_repeated = request.headers().get_all(header::HOST).iter().count() > 1;
        if is_repeated { Err(ApiError::unknown_host()) } else { Ok(named) }
    }

    fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if !text.bytes().all(is_plain) {
            return None;
        }
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        Some(Self { authority: text.to_ascii_lowercase(), canonical: CanonicalHost::of(&url)? })
    }

    /// The origin of pages at this host.
    pub(crate) fn origin(&self, over_tls: bool) -> Option<Origin> {
        let scheme = if over_tls { "https" } else { "http" };
        Url::parse(&format!("{scheme}://{}/", self.authority)).ok().map(|url| url.origin())
    }

    /// The host without the port.
    pub(crate) fn canonical(&self) -> &CanonicalHost {
        &self.canonical
    }
}

/// Refuses requests to a name that is not this server's. A foreign page can make its own name resolve to this machine, and
/// its scripts would then be of the same origin as an open server (DNS rebinding). Such a name always has a dot.
pub(crate) async fn known_host(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    if let Some(host) = RequestHost::of(&request)? {
        if !is_known(&host.canonical, &app.hosts) {
            return Err(ApiError::unknown_host());
        }
        request.extensions_mut().insert(host);
    }
    Ok(next.run(request).await)
}

fn is_known(host: &CanonicalHost, own: &[String]) -> bool {
    match host {
        CanonicalHost::Address(_) => true,
        CanonicalHost::Name(name) => {
            !name.contains('.') || own.iter().any(|own| CanonicalHost::parse(own).as_ref() == Some(host))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn named(target: &str, hosts: &[&str]) -> Result<Option<String>, ()> {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let host = RequestHost::of(&request.body(Body::empty()).unwrap()).map_err(drop)?;
        Ok(host.map(|host| host.origin(false).unwrap().ascii_serialization()))
    }

    #[test]
    fn edge_15_a_request_names_one_host_and_a_port_and_nothing_else() {
        for (host, origin) in [
            ("weir.example", "http://weir.example"),
            ("WEIR.Example:80", "http://weir.example"),
            ("weir.example:443", "http://weir.example:443"),
            ("weir.example.:3000", "http://weir.example.:3000"),
            ("weir:", "http://weir"),
            ("my_weir:3000", "http://my_weir:3000"),
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("[0:0::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(named("/", &[host]), Ok(Some(origin.to_owned())), "{host}");
        }
        for host in [
            "",
            ":3000",
            "user@weir.example",
            "user:password@weir.example",
            "weir.example/path",
            "weir.example?a",
            "weir.example#a",
            "weir.example\\a",
            "weir.example, evil.example",
            "weir.example:port",
            "weir.example:65536",
            "::1",
            "[::1",
            "[fe80::1%25eth0]:3000",
            "we%69r.example",
            "%%",
        ] {
            assert_eq!(named("/", &[host]), Err(()), "{host}");
        }
        assert_eq!(named("/", &[]), Ok(None));
        assert_eq!(named("/", &["weir.example", "weir.example"]), Err(()), "two lines (RFC 9112, 3.2)");
        assert_eq!(named("http://weir.example/", &["weir.example"]), Ok(Some("http://weir.example".to_owned())));
        assert_eq!(named("http://weir.example/", &["evil.example"]), Err(()));
        assert_eq!(named("http://evil.example/", &["weir.example"]), Err(()));
    }

    #[test]
    fn edge_15_a_name_is_known_in_every_spelling_and_an_address_always() {
        let own = ["weir.example.org".to_owned(), "B\u{fc}cher.example".to_owned()];
        let known = |host: &str| RequestHost::parse(host).is_some_and(|host| is_known(&host.canonical, &own));
        for host in [
            "weir.example.org",
            "WEIR.example.ORG.:80",
            "xn--bcher-kva.example",
            "localhost.",
            "weir",
            "127.0.0.1.",
            "[::1]",
        ] {
            assert!(known(host), "{host}");
        }
        for host in
            ["example.org", "weir.example.org.evil.example", "a.localhost", "127.0.0.1.evil.example", "evil.example."]
        {
            assert!(!known(host), "{host}");
        }
    }
}
