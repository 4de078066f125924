//! What an operator says about the server, checked where it enters.

use std::{fmt, str::FromStr, time::Duration};

use reqwest::{Url, header::HeaderValue};

/// The address of an OpenAI-compatible server, up to and including its version segment.
///
/// A bare host gets `/v1` (`http://localhost:8080` means `http://localhost:8080/v1`); any other path is kept as it is,
/// without its trailing slashes; a pasted endpoint (`…/chat/completions`, `…/models`) is cut back to its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why an address or a key was not accepted: a clause that follows the name of its setting, never the value of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOption(&'static str);

impl BaseUrl {
    /// OpenAI's own server.
    pub const OPENAI: &'static str = "https://api.openai.com/v1";

    /// The address of `endpoint` (for instance `chat/completions`) on this server.
    pub(crate) fn endpoint(&self, endpoint: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{endpoint}", self.0.path()));
        url
    }

    /// Whether OpenAI itself answers there, in any of its regions.
    pub fn is_openai(&self) -> bool {
        self.0.host_str().is_some_and(|host| host == "api.openai.com" || host.ends_with(".api.openai.com"))
    }

    /// The host, with the port where it is not the scheme's own: what a message shows of the address.
    pub(crate) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl Default for BaseUrl {
    fn default() -> Self {
        Self(Url::parse(Self::OPENAI).expect("the constant is a URL"))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url = Url::parse(text.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or(InvalidOption("must be an address such as http://localhost:8080/v1"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidOption("must not carry a user or a password; the key has a setting of its own"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidOption("must end with its path, without `?` or `#`"));
        }
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat/completions").or_else(|| path.strip_suffix("/models")).unwrap_or(path);
        let path = if path.is_empty() { "/v1".to_owned() } else { path.trim_end_matches('/').to_owned() };
        url.set_path(&path);
        Ok(Self(url))
    }
}

/// A key. It is shown nowhere: neither by `Debug` nor in any error.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    const SCHEME: &'static str = "Bearer ";

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The same text with the key blotted out, should an upstream have repeated it.
    pub(crate) fn redact(&self, text: &str) -> String {
        let key = self.0.to_str().ok().and_then(|value| value.strip_prefix(Self::SCHEME)).unwrap_or_default();
        if key.is_empty() { text.to_owned() } else { text.replace(key, "…") }
    }
}

impl FromStr for ApiKey {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidOption("must be one word of visible ASCII characters"));
        }
        let mut value = HeaderValue::try_from(format!("{}{text}", Self::SCHEME))
            .map_err(|_| InvalidOption("must be one word of visible ASCII characters"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// How often and how patiently a request that failed before its first token is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first.
    pub retries: u32,
    /// The pause before the first of them; it doubles each time.
    pub base: Duration,
    /// The longest pause. An upstream that asks for a longer one is not asked again: its wish goes to the caller.
    pub longest: Duration,
}

impl RetryPolicy {
    /// The pause before try `retry` (1 is the first after the failure), or `None` when there is none to come. `jitter`,
    /// from 0 to 1, spreads clients that failed together over the upper half of the pause.
    pub(crate) fn pause(&self, retry: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
        if retry > self.retries {
            return None;
        }
        if let Some(asked) = asked {
            return (asked <= self.longest).then(|| asked.max(self.base));
        }
        let full = self.base.saturating_mul(2_u32.saturating_pow(retry.saturating_sub(1))).min(self.longest);
        Some(full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 2, base: Duration::from_millis(400), longest: Duration::from_secs(5) }
    }
}

/// Everything an operator can say about the server.
#[derive(Clone, Debug)]
pub struct OpenAiOptions {
    /// Where it is.
    pub base_url: BaseUrl,
    /// The key, where it asks for one.
    pub api_key: Option<ApiKey>,
    /// The models to offer; `None`: the server is asked for its list.
    pub models: Option<Vec<String>>,
    /// Whether it goes on from a last message of role assistant; `None`: everybody but OpenAI itself does.
    pub continues: Option<bool>,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest wait for the next byte of an answer, the first included.
    pub silence_timeout: Duration,
    /// Further tries before the first token.
    pub retry: RetryPolicy,
}

impl Default for OpenAiOptions {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::default(),
            api_key: None,
            models: None,
            continues: None,
            connect_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_mins(2),
            retry: RetryPolicy::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> String {
        text.parse::<BaseUrl>().map_or_else(|error| format!("error: {error}"), |url| url.to_string())
    }

    #[test]
    fn a_bare_host_gets_v1_and_a_path_is_kept() {
        for (given, kept) in [
            ("http://localhost:8080", "http://localhost:8080/v1"),
            (" http://localhost:8080/ ", "http://localhost:8080/v1"),
            ("http://localhost:8080/v1/", "http://localhost:8080/v1"),
            ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
            ("https://host/v1beta/openai//", "https://host/v1beta/openai"),
            ("http://localhost:8080/v1/chat/completions", "http://localhost:8080/v1"),
            ("http://localhost:8080/chat/completions", "http://localhost:8080/v1"),
            ("http://localhost:8080/v1/models", "http://localhost:8080/v1"),
            (BaseUrl::OPENAI, BaseUrl::OPENAI),
        ] {
            assert_eq!(base(given), kept, "{given}");
        }
        assert_eq!(base("http://[::1]:9/"), "http://[::1]:9/v1");
    }

    #[test]
    fn an_address_that_cannot_work_is_refused_in_words() {
        for given in ["localhost:8080", "ftp://host/v1", "", "/v1", "http://"] {
            assert!(base(given).starts_with("error: must be an address"), "{given}: {}", base(given));
        }
        assert!(base("http://me:secret@host/v1").contains("must not carry a user"));
        assert!(base("http://host/v1?key=1").contains("without `?`"));
    }

    #[test]
    fn only_openai_itself_is_openai() {
        let own = |text: &str| text.parse::<BaseUrl>().is_ok_and(|url| url.is_openai());
        assert!(own("https://api.openai.com") && own("https://eu.api.openai.com/v1"));
        assert!(!own("https://api.openai.com.example.org") && !own("http://localhost:1"));
    }

    #[test]
    fn a_key_is_never_shown() {
        let key: ApiKey = "sk-very-secret".parse().unwrap();
        let options = OpenAiOptions { api_key: Some(key.clone()), ..OpenAiOptions::default() };
        assert!(!format!("{options:?} {:?}", key.authorization()).contains("secret"));
        assert_eq!(key.redact("bad key sk-very-secret!"), "bad key …!");
        assert!("two words".parse::<ApiKey>().is_err() && "".parse::<ApiKey>().is_err());
    }

    #[test]
    fn pauses_grow_are_spread_and_follow_the_upstream() {
        let policy = RetryPolicy { retries: 2, base: Duration::from_millis(400), longest: Duration::from_secs(5) };
        assert_eq!(policy.pause(1, None, 1.0), Some(Duration::from_millis(400)));
        assert_eq!(policy.pause(2, None, 0.0), Some(Duration::from_millis(400)));
        assert_eq!(policy.pause(2, None, 1.0), Some(Duration::from_millis(800)));
        assert_eq!(policy.pause(3, None, 1.0), None);
        assert_eq!(policy.pause(1, Some(Duration::from_secs(3)), 1.0), Some(Duration::from_secs(3)));
        assert_eq!(policy.pause(1, Some(Duration::from_secs(30)), 1.0), None);
    }
}
