//! The provider of `OpenID` Connect that lets people in.

use openidconnect::{ClientSecret, IssuerUrl};
use weir_protocol::AuthMode;

use super::{PublicUrl, source::Reading};
use crate::access::OpenIdSettings;

/// The provider that the keys name, if they name one.
pub(super) fn read(reading: &mut Reading, auth: AuthMode, public_url: Option<&PublicUrl>) -> Option<OpenIdSettings> {
    let issuer = reading.parsed("WEIR_OPENID_ISSUER", "an https URL such as https://accounts.example.org", issuer);
    let client_id = reading.text("WEIR_OPENID_CLIENT_ID");
    let client_secret = reading.text("WEIR_OPENID_CLIENT_SECRET");
    let name = reading.text("WEIR_OPENID_NAME");
    let sign_up = reading.one_of("WEIR_OPENID_SIGN_UP", &[("true", true), ("false", false)]).unwrap_or(true);
    if reading.text("WEIR_OPENID_ISSUER").is_none() {
        if client_id.is_some() || client_secret.is_some() || name.is_some() {
            reading.fault("WEIR_OPENID_ISSUER", "is needed beside the other keys of OpenID Connect");
        }
        return None;
    }
    if client_id.is_none() {
        reading.fault("WEIR_OPENID_CLIENT_ID", "is needed: what the provider calls this server");
    }
    if auth == AuthMode::Open {
        reading.fault("WEIR_OPENID_ISSUER", "needs WEIR_AUTH=required: an open server lets everybody in");
    } else if public_url.is_none() {
        reading.fault("WEIR_PUBLIC_URL", "is needed with WEIR_OPENID_ISSUER: the provider sends people back to it");
    }
    Some(OpenIdSettings {
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret.map(ClientSecret::new),
        name: name.unwrap_or_else(|| "OpenID Connect".to_owned()),
        sign_up,
    })
}

/// What a provider says of itself is worth nothing over a wire that others write on; only this machine's own needs no TLS.
fn issuer(text: &str) -> Result<IssuerUrl, ()> {
    let issuer = IssuerUrl::new(text.to_owned()).map_err(|_| ())?;
    let loopback = matches!(issuer.url().host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let safe = issuer.url().scheme() == "https" || (issuer.url().scheme() == "http" && loopback);
    if safe { Ok(issuer) } else { Err(()) }
}
