//! Where people reach this server.

use std::str::FromStr;

use url::{Origin, Url};
use weir_tools::CanonicalHost;

/// Where people reach this server, for instance `https://weir.example.org`: a scheme, a name and perhaps a port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: Origin,
    text: String,
    host: CanonicalHost,
    secure: bool,
}

/// The text is no such URL.
#[derive(Debug)]
pub struct NoPublicUrl;

impl PublicUrl {
    /// The origin that browsers send (RFC 6454, 6.1): no slash at its end.
    pub fn origin(&self) -> &str {
        &self.text
    }

    /// The same for comparisons.
    pub(crate) fn web_origin(&self) -> &Origin {
        &self.origin
    }

    /// The name, without the port.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// Whether it is reached over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether only this machine reaches it.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }
}

impl FromStr for PublicUrl {
    type Err = NoPublicUrl;

    fn from_str(text: &str) -> Result<Self, NoPublicUrl> {
        let url = Url::parse(text).map_err(|_| NoPublicUrl)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(NoPublicUrl),
        };
        let host = CanonicalHost::of(&url).ok_or(NoPublicUrl)?;
        let origin = url.origin();
        let serialized = origin.ascii_serialization();
        // Only a slash may follow. A name with a dot at its end is another origin, at which no browser is.
        let is_bare = url.as_str().strip_suffix('/') == Some(&*serialized) && text.contains("://");
        if !is_bare || url.host_str().is_some_and(|host| host.ends_with('.')) {
            return Err(NoPublicUrl);
        }
        Ok(Self { origin, text: serialized, host, secure })
    }
}
