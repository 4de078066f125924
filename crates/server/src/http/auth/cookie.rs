//! The cookie that carries a session's secret.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::app::App;

/// The longest that browsers keep a cookie, in seconds (RFC 6265bis, 5.5). When a session ends is the server's to say.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

/// How the session's cookie is written: no script reads it, no other site's form sends it.
#[derive(Clone, Copy)]
pub(crate) struct SessionCookie {
    secure: bool,
}

impl SessionCookie {
    /// That of this server.
    pub(crate) fn of(app: &App) -> Self {
        Self { secure: app.access.is_secure() }
    }

    /// Browsers take the prefix `__Host-` only from the very host, over TLS (RFC 6265bis, 4.1.3.2).
    const fn name(self) -> &'static str {
        if self.secure { "__Host-weir_session" } else { "weir_session" }
    }

    /// The secret that a request carries.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name()).map(|(_, secret)| secret)
    }

    /// The header that gives a browser this secret.
    pub(crate) fn carrying(self, secret: &str) -> [(HeaderName, HeaderValue); 1] {
        [(header::SET_COOKIE, self.line(secret, MAX_AGE))]
    }

    /// The header that takes it from the browser.
    pub(crate) fn cleared(self) -> [(HeaderName, HeaderValue); 1] {
        [(header::SET_COOKIE, self.line("", 0))]
    }

    fn line(self, secret: &str, max_age: u32) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name();
        let line = format!("{name}={secret}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        // Secrets are base64url: every character of the line is visible ASCII.
        let mut line = HeaderValue::from_str(&line).unwrap_or(HeaderValue::from_static(""));
        line.set_sensitive(true);
        line
    }
}
