//! The cookies: one carries a session's secret, two are there for the way to a provider and back.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::app::App;

/// The longest that browsers keep a cookie, in seconds (RFC 6265bis, 5.5). When a session ends is the server's to say.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// How long somebody may take at a provider, in seconds.
const JOURNEY_AGE: u32 = 10 * 60;

/// A cookie that no script reads and no other site's form sends.
#[derive(Clone, Copy)]
struct Cookie {
    name: &'static str,
    secure: bool,
}

impl Cookie {
    /// Browsers take the prefix `__Host-` only from the very host, over TLS (RFC 6265bis, 4.1.3.2).
    fn of(app: &App, [plain, secure]: [&'static str; 2]) -> Self {
        let over_tls = app.access.is_secure();
        Self { name: if over_tls { secure } else { plain }, secure: over_tls }
    }

    fn read(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name).map(|(_, value)| value)
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

/// The cookie of a session.
#[derive(Clone, Copy)]
pub(crate) struct SessionCookie(Cookie);

impl SessionCookie {
    /// That of this server.
    pub(crate) fn of(app: &App) -> Self {
        Self(Cookie::of(app, ["weir_session", "__Host-weir_session"]))
    }

    /// The secret that a request carries.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        self.0.read(headers)
    }

    /// The header that gives a browser this secret.
    pub(crate) fn carrying(self, secret: &str) -> [(HeaderName, HeaderValue); 1] {
        self.0.line(secret, MAX_AGE)
    }

    /// The header that takes it from the browser.
    pub(crate) fn cleared(self) -> [(HeaderName, HeaderValue); 1] {
        self.0.line("", 0)
    }
}

/// The cookie of somebody on the way to a provider and back: the way back counts only in the browser that went.
#[derive(Clone, Copy)]
pub(crate) struct JourneyCookie(Cookie);

impl JourneyCookie {
    /// That of this server.
    pub(crate) fn of(app: &App) -> Self {
        Self(Cookie::of(app, ["weir_open_id", "__Host-weir_open_id"]))
    }

    /// What a browser has kept, as base64url.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        self.0.read(headers)
    }

    /// The header that lets a browser keep it.
    pub(crate) fn carrying(self, journey: &str) -> [(HeaderName, HeaderValue); 1] {
        self.0.line(journey, JOURNEY_AGE)
    }

    /// The header that takes it from the browser.
    pub(crate) fn cleared(self) -> [(HeaderName, HeaderValue); 1] {
        self.0.line("", 0)
    }
}

/// The cookie of a browser that goes to the authorization server of an MCP server: what it brings back counts only there.
#[derive(Clone, Copy)]
pub(crate) struct McpCookie(Cookie);

impl McpCookie {
    /// That of this server.
    pub(crate) fn of(app: &App) -> Self {
        Self(Cookie::of(app, ["weir_mcp", "__Host-weir_mcp"]))
    }

    /// The secret that a request carries.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        self.0.read(headers)
    }

    /// The header that gives a browser this secret.
    pub(crate) fn carrying(self, secret: &str) -> [(HeaderName, HeaderValue); 1] {
        self.0.line(secret, JOURNEY_AGE)
    }
}
