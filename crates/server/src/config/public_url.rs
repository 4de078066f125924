//! Where people reach this server.

use std::str::FromStr;

use axum::http::Uri;

/// Where people reach this server, for instance `https://weir.example.org`: a scheme, a name and perhaps a port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
    secure: bool,
}

/// The text is no such URL.
#[derive(Debug)]
pub struct NoPublicUrl;

impl PublicUrl {
    /// The origin that browsers send (RFC 6454, 6.1): no slash at its end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The name, without the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is reached over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

impl FromStr for PublicUrl {
    type Err = NoPublicUrl;

    fn from_str(text: &str) -> Result<Self, NoPublicUrl> {
        let url: Uri = text.parse().map_err(|_| NoPublicUrl)?;
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(NoPublicUrl),
        };
        let authority = url.authority().filter(|it| !it.as_str().contains('@')).ok_or(NoPublicUrl)?;
        if url.path() != "/" || url.query().is_some() || authority.host().is_empty() {
            return Err(NoPublicUrl);
        }
        // A browser leaves the scheme's own port out of an origin.
        let own_port = if secure { 443 } else { 80 };
        let host = authority.host().to_ascii_lowercase();
        let port = authority.port_u16().filter(|port| *port != own_port);
        let scheme = if secure { "https" } else { "http" };
        let origin = port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"));
        Ok(Self { origin, host, secure })
    }
}
