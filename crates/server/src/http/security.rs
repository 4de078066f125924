//! What every response tells the browser not to do.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
};

/// Nothing is run, loaded or framed: for all that is no page. Pages say for themselves what they need.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The web app asks for none of these; neither can a script that should not be there.
const PERMISSIONS: &str = "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), \
                           gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), \
                           xr-spatial-tracking=()";
/// Two years, as browsers' own lists ask for; the name's subdomains are somebody else's to decide.
const TLS_ONLY: &str = "max-age=63072000";

/// Adds them to a response. `over_tls`: whether people reach this server over TLS only.
pub(crate) fn add(headers: &mut HeaderMap, over_tls: bool) {
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, value) in [
        ("permissions-policy", PERMISSIONS),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if over_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_1_behind_tls_browsers_are_told_to_stay_there() {
        let told = |over_tls| {
            let mut headers = HeaderMap::new();
            add(&mut headers, over_tls);
            headers.remove(STRICT_TRANSPORT_SECURITY)
        };
        assert_eq!(told(true).unwrap(), TLS_ONLY);
        assert_eq!(told(false), None, "a name without TLS could not be reached any more");
    }
}
