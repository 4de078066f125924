//! What a text of an argument may mean to a tool: a text, a number, a path, a URL.

use std::borrow::Cow;

use url::Url;

use crate::CanonicalHost;

/// How often a path is percent-decoded at most: servers behind each other may each decode it once.
const MAX_DECODINGS: usize = 4;

/// A text with everything that it may be taken for.
pub(crate) struct Reading {
    /// Without leading whitespace.
    text: String,
    number: Option<f64>,
    /// The text as a file path.
    path: String,
    url: Option<UrlReading>,
}

struct UrlReading {
    /// Whether the text has a scheme; else `https` is assumed.
    is_complete: bool,
    /// The URL as clients send it, without credentials.
    canonical: String,
    host: CanonicalHost,
    /// None where it is the default of the scheme.
    port: Option<u16>,
    known_port: Option<u16>,
    /// The path as the most generous server reads it.
    path: String,
    query: Vec<(String, String)>,
}

impl Reading {
    pub(crate) fn of(text: &str) -> Self {
        let is_blank = |letter: char| letter.is_whitespace() || letter.is_control();
        let text = Some(text.trim_start_matches(is_blank)).filter(|rest| !rest.is_empty()).unwrap_or(text);
        let bare = text.trim_end_matches(is_blank);
        Self {
            text: text.to_owned(),
            number: bare.parse().ok(),
            path: clean_path(
                bare.split(['/', '\\']),
                is_separator(text.chars().next()),
                is_separator(bare.chars().last()),
            ),
            url: UrlReading::of(bare),
        }
    }

    /// The host that the text names.
    pub(crate) fn host(&self) -> Option<&CanonicalHost> {
        self.url.as_ref().map(|url| &url.host)
    }

    /// Whether an argument may have the value of this rule.
    pub(crate) fn may_equal(&self, argument: &Self) -> bool {
        self.text.trim_end() == argument.text.trim_end()
            || self.number.is_some() && self.number == argument.number
            || !self.path.is_empty() && self.path == argument.path
            || self.urls(argument).is_some_and(|(rule, url)| {
                rule.path.trim_end_matches('/') == url.path.trim_end_matches('/')
                    && rule.has_query_of(url, |a, b| a == b)
            })
    }

    /// Whether an argument may begin with the value of this rule.
    pub(crate) fn may_begin(&self, argument: &Self) -> bool {
        let is_begin =
            |text: &str| text.get(..self.text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(&self.text));
        argument.text.starts_with(&self.text)
            || !self.path.is_empty() && argument.path.starts_with(&self.path)
            || argument.url.as_ref().is_some_and(|url| is_begin(&url.canonical))
            || self.urls(argument).is_some_and(|(rule, url)| {
                let is_path = url.path.starts_with(&rule.path) || url.path == rule.path.trim_end_matches('/');
                is_path && rule.has_query_of(url, |value, begin| value.starts_with(begin))
            })
    }

    /// Both as URLs, where they name one server and at least one of them has a scheme. A server mostly answers alike over `http` and
    /// `https`, so that default ports are one port.
    fn urls<'a>(&'a self, argument: &'a Self) -> Option<(&'a UrlReading, &'a UrlReading)> {
        let (rule, url) = (self.url.as_ref()?, argument.url.as_ref()?);
        let is_same_port = rule.port == url.port || rule.known_port == url.known_port;
        let is_same_server = rule.host == url.host && is_same_port;
        (is_same_server && (rule.is_complete || url.is_complete)).then_some((rule, url))
    }
}

impl UrlReading {
    fn of(text: &str) -> Option<Self> {
        let complete = Url::parse(text).ok().filter(Url::has_host);
        let is_complete = complete.is_some();
        let assumed = || Url::parse(&format!("https://{}", text.trim_start_matches(['/', '\\']))).ok();
        let mut url = complete.or_else(assumed)?;
        let host = CanonicalHost::of(&url)?;
        let path = clean_url_path(url.path());
        let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let (port, known_port) = (url.port(), url.port_or_known_default());
        url.set_host(Some(&host.to_string())).ok()?;
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        Some(Self { is_complete, canonical: url.into(), host, port, known_port, path, query })
    }

    /// Whether a URL has every parameter of this rule; their order and further ones do not count.
    fn has_query_of(&self, url: &Self, is_value: impl Fn(&str, &str) -> bool) -> bool {
        self.query
            .iter()
            .all(|(name, value)| url.query.iter().any(|(other, found)| other == name && is_value(found, value)))
    }
}

/// The path of a URL as the most generous server reads it: decoded, without parameters, dot segments and empty segments.
pub(crate) fn clean_url_path(path: &str) -> String {
    let mut path = Cow::Borrowed(path);
    for _ in 0..MAX_DECODINGS {
        if !path.contains('%') {
            break;
        }
        path = Cow::Owned(decode(&path));
    }
    let segments = path.split(['/', '\\']).map(|segment| segment.split(';').next().unwrap_or_default());
    clean_path(segments, true, is_separator(path.chars().last()))
}

fn is_separator(letter: Option<char>) -> bool {
    matches!(letter, Some('/' | '\\'))
}

fn clean_path<'a>(segments: impl Iterator<Item = &'a str>, is_absolute: bool, ends_in_separator: bool) -> String {
    let mut kept = Vec::new();
    let mut ends_in_dots = false;
    for segment in segments {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if is_absolute => {}
            segment => kept.push(segment),
        }
    }
    let begin = if is_absolute { "/" } else { "" };
    let end = if !kept.is_empty() && (ends_in_separator || ends_in_dots) { "/" } else { "" };
    format!("{begin}{}{end}", kept.join("/"))
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits =
            bytes.get(at + 1..at + 3).filter(|digits| byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let escaped = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
