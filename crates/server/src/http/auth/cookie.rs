//! The cookies: one carries a session's secret, two are there for the way to a provider and back.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::app::App;

/// The longest that browsers keep a cookie, in seconds (RFC 6265bis, 5.5). When a session ends is the server's to say.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// How long somebody may take at a provider, in seconds.
const JOURNEY_AGE: u32 = 10 * 60;

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

    /// What a request carries in it, as base64url.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name).map(|(_, value)| value)
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
