//! The cookies: one carries a session's secret, two are there for the way to a provider and back.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use weir_tools::CanonicalHost;

use crate::app::App;

/// The longest that browsers keep a cookie, in seconds (RFC 6265bis, 5.5). When a session ends is the server's to say.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// How long somebody may take at a provider, in seconds.
const JOURNEY_AGE: u32 = 10 * 60;

/// Paths, and domains, for which cookies are cleared at most.
const MAX_CLEARED: usize = 4;

/// A cookie that no script reads and no other site's form sends.
#[derive(Clone, Copy)]
pub(crate) struct Cookie {
    name: &'static str,
    /// How long browsers keep it, in seconds.
    max_age: u32,
    secure: bool,
}

impl Cookie {
    /// The one that carries a session's secret.
    pub(crate) fn session(app: &App) -> Self {
        Self::named(app, ["weir_session", "__Host-weir_session"], MAX_AGE)
    }

    /// That of somebody on the way to a provider and back: the way back counts only in the browser that went.
    pub(crate) fn open_id(app: &App) -> Self {
        Self::named(app, ["weir_open_id", "__Host-weir_open_id"], JOURNEY_AGE)
    }

    /// That of a browser that goes to the authorization server of an MCP server: what it brings back counts only there.
    pub(crate) fn mcp_sign_in(app: &App) -> Self {
        Self::named(app, ["weir_mcp", "__Host-weir_mcp"], JOURNEY_AGE)
    }

    /// Browsers take the prefix `__Host-` only from the very host, over TLS (RFC 6265bis, 4.1.3.2).
    fn named(app: &App, [plain, secure]: [&'static str; 2], max_age: u32) -> Self {
        let over_tls = app.access.is_secure();
        Self { name: if over_tls { secure } else { plain }, max_age, secure: over_tls }
    }

    /// Returns the value in a request, as base64url. None where values differ: one of them was planted, and which one is unknown.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let mut values = self.values(headers);
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }

    /// Whether a request carries values that differ.
    pub(crate) fn is_ambiguous(self, headers: &HeaderMap) -> bool {
        let mut values = self.values(headers);
        let first = values.next();
        values.any(|other| Some(other) != first)
    }

    fn values(self, headers: &HeaderMap) -> impl Iterator<Item = &str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(name, _)| name.trim_end() == self.name).map(|(_, value)| value.trim_start())
    }

    /// The headers that clear the cookies of this name that a browser sends to a path of a host. Each combination of path and domain is
    /// a separate cookie (RFC 6265, 5.3).
    pub(crate) fn cleared_everywhere(self, host: Option<&CanonicalHost>, path: &str) -> Vec<HeaderValue> {
        // A semicolon would begin another attribute.
        let path = path.split(';').next().unwrap_or_default();
        let ends = path.match_indices('/').map(|(at, _)| at.max(1)).chain([path.len()]).take(MAX_CLEARED);
        let name = match host {
            Some(CanonicalHost::Name(name)) => name.as_str(),
            _ => "",
        };
        let parents = name.match_indices('.').map(|(at, _)| &name[at + 1..]).filter(|parent| parent.contains('.'));
        let domains = [name].into_iter().chain(parents).filter(|domain| !domain.is_empty()).take(MAX_CLEARED);
        let domains: Vec<_> =
            [String::new()].into_iter().chain(domains.map(|domain| format!("; Domain={domain}"))).collect();
        let secure = if self.secure { "; Secure" } else { "" };
        let line = move |path: &str, domain: &str| format!("{}=; Path={path}{domain}; Max-Age=0{secure}", self.name);
        let lines = ends.flat_map(|end| domains.iter().map(move |domain| line(&path[..end], domain)));
        lines.filter_map(|line| HeaderValue::from_str(&line).ok()).collect()
    }

    /// The header that lets a browser keep this, in base64url.
    pub(crate) fn carrying(self, value: &str) -> [(HeaderName, HeaderValue); 1] {
        self.line(value, self.max_age)
    }

    /// The header that takes it from the browser.
    pub(crate) fn cleared(self) -> [(HeaderName, HeaderValue); 1] {
        self.line("", 0)
    }

    fn line(self, value: &str, max_age: u32) -> [(HeaderName, HeaderValue); 1] {
        let secure = if self.secure { "; Secure" } else { "" };
        let line = format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", self.name);
        // Values are base64url: every character of the line is visible ASCII.
        let mut line = HeaderValue::from_str(&line).unwrap_or(HeaderValue::from_static(""));
        line.set_sensitive(true);
        [(header::SET_COOKIE, line)]
    }
}
