//! Addresses and headers of servers over HTTP: what they must be.

use std::collections::HashMap;

use reqwest::header::{HeaderName, HeaderValue};
use url::Url;
use weir_protocol::{FieldError, McpTransport};

/// Every field of the transport that is wrong, below `path`.
pub fn faults(transport: &McpTransport, path: &str) -> Vec<FieldError> {
    let mut faults = transport.faults(path);
    if let McpTransport::Http { url, headers, .. } = transport {
        let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_web {
            faults.push(FieldError::new(format!("{path}.url"), "must be an http or https address"));
        }
        for (name, value) in headers {
            if header(name, value.as_deref().unwrap_or_default()).is_none() {
                faults.push(FieldError::new(format!("{path}.headers.{name}"), "is no header that can be sent"));
            }
        }
    }
    faults
}

/// The headers of each request; those that cannot be sent were refused before.
pub(super) fn headers<'a>(
    headers: impl IntoIterator<Item = (&'a String, &'a Option<String>)>,
) -> HashMap<HeaderName, HeaderValue> {
    headers.into_iter().filter_map(|(name, value)| header(name, value.as_deref()?)).collect()
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name.parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_headers_that_can_be_sent_pass() {
        let http = |url: &str, header: &str| McpTransport::Http {
            url: url.to_owned(),
            headers: [(header.to_owned(), Some("x".to_owned()))].into(),
            oauth: None,
        };
        let paths = |transport| faults(&transport, "t").into_iter().map(|fault| fault.path).collect::<Vec<_>>();
        assert_eq!(paths(http("http://127.0.0.1:3001/mcp", "Authorization")), [""; 0]);
        assert_eq!(paths(http("ftp://example.com", "a b")), ["t.url", "t.headers.a b"]);
        assert_eq!(paths(http("mcp.example.com", "x")), ["t.url"]);
    }
}
