//! Lists what a text of an argument may mean to a tool: texts, numbers, file paths, URLs and hosts.
//!
//! Readings serve rules that ask or deny, which apply if any reading matches. Letter case, full-width letters and invisible letters
//! never count.

use std::{borrow::Cow, cell::OnceCell, cmp::Ordering, collections::HashSet};

use serde_json::Value;
use url::Url;

use crate::{CanonicalHost, named_hosts::named_hosts};

/// How often a text is percent-decoded at most: servers behind each other may each decode it once.
const MAX_DECODINGS: usize = 4;

/// Everything that a text may be taken for.
pub(crate) struct Readings {
    spellings: Vec<String>,
    texts: Vec<String>,
    numbers: Vec<f64>,
    /// File paths without dot segments, empty segments and a separator at their end.
    paths: Vec<String>,
    urls: Vec<UrlReading>,
    hosts: OnceCell<HashSet<CanonicalHost>>,
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

impl Readings {
    /// Reads the value of a rule, as its author meant it.
    pub(crate) fn of_rule(value: &str) -> Self {
        Self::new(&[fold(value).replace(char::is_control, " ")], &[])
    }

    /// Reads a text of an argument in every way that a tool may.
    pub(crate) fn of_argument(text: &str) -> Self {
        let mut texts = vec![text.to_owned()];
        if text.trim_start_matches(is_blank).starts_with(['[', '{', '"'])
            && let Ok(value) = serde_json::from_str(text.trim_matches(is_blank))
        {
            visit_texts(&value, &mut |inner| texts.push(inner.to_owned()));
        }
        let spellings: Vec<String> = texts.iter().flat_map(|text| spellings(text)).collect();
        let parts: Vec<&str> = spellings.iter().flat_map(|spelling| parts(spelling)).collect();
        Self::new(&spellings, &parts)
    }

    fn new(wholes: &[String], parts: &[&str]) -> Self {
        let bare = |text: &String| text.trim_matches(is_blank).to_owned();
        let wholes: Vec<String> = wholes.iter().map(bare).collect();
        let mut paths: Vec<String> = wholes.iter().flat_map(|text| file_paths(text)).collect();
        let of_parts = parts.iter().filter(|part| part.contains(['/', '\\', ':'])).flat_map(|part| file_paths(part));
        paths.extend(of_parts.filter(|path| path != "/"));
        paths.retain(|path| !path.is_empty());
        Self {
            texts: wholes.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect(),
            numbers: wholes.iter().filter_map(|text| text.parse().ok()).collect(),
            urls: wholes.iter().map(String::as_str).chain(parts.iter().copied()).filter_map(UrlReading::of).collect(),
            paths,
            hosts: OnceCell::new(),
            spellings: wholes,
        }
    }

    /// The host of the text as a URL.
    pub(crate) fn url_host(&self) -> Option<&CanonicalHost> {
        self.urls.first().map(|url| &url.host)
    }

    /// Whether the text names a host, anywhere.
    pub(crate) fn may_name(&self, host: &CanonicalHost) -> bool {
        let hosts = || {
            let parsed = self.urls.iter().map(|url| url.host.clone());
            self.spellings.iter().flat_map(|spelling| named_hosts(spelling)).chain(parsed).collect()
        };
        self.hosts.get_or_init(hosts).contains(host)
    }

    /// Whether an argument may have the value of this rule.
    pub(crate) fn may_equal(&self, argument: &Self) -> bool {
        any(&self.texts, &argument.texts, |rule, text| rule == text)
            || any(&self.numbers, &argument.numbers, |rule, number| {
                rule.partial_cmp(number).is_some_and(Ordering::is_eq)
            })
            || any(&self.paths, &argument.paths, |rule, path| rule == path)
            || any(&self.urls, &argument.urls, |rule, url| {
                rule.is_same_server(url)
                    && rule.path.trim_end_matches('/') == url.path.trim_end_matches('/')
                    && rule.has_query_of(url, is_same_value)
            })
    }

    /// Whether an argument may begin with the value of this rule.
    pub(crate) fn may_begin(&self, argument: &Self) -> bool {
        let ends_in_separator =
            |rule: &str| self.texts.iter().any(|text| is_separator(text.chars().last())) && rule != "/";
        any(&self.texts, &argument.texts, |rule, text| !rule.is_empty() && text.starts_with(rule))
            || any(&self.paths, &argument.paths, |rule, path| {
                path.strip_prefix(rule)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || !ends_in_separator(rule))
            })
            || any(&self.texts, &argument.urls, |rule, url| !rule.is_empty() && url.canonical.starts_with(rule))
            || any(&self.urls, &argument.urls, |rule, url| {
                let is_path = url.path.starts_with(&rule.path) || url.path == rule.path.trim_end_matches('/');
                let begins = |value: &str, begin: &str| value.starts_with(begin) || is_same_value(value, begin);
                rule.is_same_server(url) && is_path && rule.has_query_of(url, begins)
            })
    }
}

fn any<A, B>(rules: &[A], found: &[B], matches: impl Fn(&A, &B) -> bool) -> bool {
    rules.iter().any(|rule| found.iter().any(|found| matches(rule, found)))
}

/// Calls a function with each text, number and boolean in a value, and with the names of members.
pub(crate) fn visit_texts(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Null => {}
        Value::String(text) => visit(text),
        Value::Bool(_) | Value::Number(_) => visit(&value.to_string()),
        Value::Array(items) => items.iter().for_each(|item| visit_texts(item, visit)),
        Value::Object(members) => {
            for (name, member) in members {
                visit(name);
                visit_texts(member, visit);
            }
        }
    }
}

/// Lists the spellings that a reader may reduce a text to: percent-decoded, and with control characters removed or as separators.
fn spellings(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut text = Cow::Borrowed(text);
    for _ in 0..=MAX_DECODINGS {
        let folded = fold(&text);
        if folded.contains(char::is_control) {
            found.push(folded.replace(char::is_control, ""));
            found.push(folded.replace(char::is_control, " "));
        } else {
            found.push(folded);
        }
        let decoded = decode(&text);
        if *text == decoded {
            break;
        }
        text = Cow::Owned(decoded);
    }
    found
}

/// Lists the parts of a text that may be a path or a URL; together they are no longer than a few times the text.
fn parts(text: &str) -> Vec<&str> {
    let is_mark = |letter: char| is_blank(letter) || matches!(letter, '"' | '\'' | '`' | '<' | '>');
    let mut found = vec![text.trim_matches(is_mark)];
    for quote in ['"', '\'', '`'] {
        // A quoted path may contain spaces.
        found.extend(text.split(quote).skip(1).filter(|part| part.contains(['/', '\\'])));
    }
    for word in text.split(|letter: char| is_mark(letter) || matches!(letter, '(' | ')' | '{' | '}' | ',' | '|')) {
        if !word.contains(['/', '\\', '.', ':']) {
            continue;
        }
        found.push(word);
        // `cat /etc/passwd;ls`, `See [/etc/passwd]!`, `“/etc/passwd”.`
        found.extend(word.split([';', '&', '!']).map(without_punctuation).filter(|part| *part != word));
        // `good.com\@evil.com`, `?url=evil.com/x`, `view-source:http://evil.com`, `a;/etc/passwd`.
        for mark in ['@', '=', ';'] {
            found.extend(word.split(mark).skip(1));
        }
        found.extend(word.split(':').skip(1).filter(|rest| is_separator(rest.chars().next())));
        found.extend(embedded_urls(word));
    }
    found
}

/// Removes the punctuation of a sentence around a path or a URL.
fn without_punctuation(word: &str) -> &str {
    let is_mark = |letter: char| !letter.is_alphanumeric() && !"/\\~_-%#*".contains(letter);
    // A dot at the beginning belongs to a path.
    word.trim_start_matches(|letter: char| is_mark(letter) && letter != '.').trim_end_matches(is_mark)
}

/// Cuts a word where URLs begin in it.
fn embedded_urls(word: &str) -> Vec<&str> {
    let (mut found, mut begin, mut previous) = (Vec::new(), 0, 0);
    for (at, mark) in word.match_indices("://") {
        let scheme = word[previous..at].chars().rev().take_while(|letter| is_scheme_letter(*letter)).count();
        if previous > 0 || scheme < at {
            found.push(&word[begin..at - scheme]);
        }
        (begin, previous) = (at - scheme, at + mark.len());
    }
    if begin > 0 {
        found.push(&word[begin..]);
    }
    found
}

fn is_scheme_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.')
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control()
}

/// Lists the file paths that a text may be: as it is, climbing from any directory to the root, and as the path of a `file` URL.
fn file_paths(text: &str) -> Vec<String> {
    let path = clean_path(text.split(['/', '\\']), is_separator(text.chars().next()));
    let climbed = path.starts_with("../").then(|| format!("/{}", path.trim_start_matches("../")));
    let url = text.contains(':').then(|| Url::parse(text).ok()).flatten();
    let of_url = url.filter(|url| !url.cannot_be_a_base() && !is_web(url)).map(|url| clean_url_path(url.path()));
    // `file:///C:/secret`
    let of_drive = of_url.as_ref().filter(|path| path.chars().nth(2) == Some(':')).map(|path| path[1..].to_owned());
    [Some(path), climbed, of_url, of_drive].into_iter().flatten().collect()
}

/// Whether a URL has one of the schemes that a web client requests.
pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "ws" | "wss")
}

impl UrlReading {
    fn of(text: &str) -> Option<Self> {
        let complete = Url::parse(text).ok().filter(Url::has_host);
        let is_complete = complete.is_some();
        let assumed = || Url::parse(&format!("https://{}", text.trim_start_matches(['/', '\\']))).ok();
        let mut url = complete.or_else(assumed)?;
        let host = CanonicalHost::of(&url)?;
        let path = clean_url_path(url.path());
        let pairs = url.query().unwrap_or_default().replace(';', "&");
        let query = url::form_urlencoded::parse(pairs.as_bytes())
            .map(|(name, value)| (fold(name.trim_matches(['?', ' ']).trim_end_matches("[]")), fold(value.trim())))
            .filter(|(name, value)| !name.is_empty() || !value.is_empty())
            .collect();
        let (port, known_port) = (url.port(), url.port_or_known_default());
        url.set_host(Some(&host.to_string())).ok()?;
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        Some(Self { is_complete, canonical: String::from(url).to_lowercase(), host, port, known_port, path, query })
    }

    /// Whether both name one server and at least one of them has a scheme. A server mostly answers alike over `http` and `https`, so
    /// that default ports are one port.
    fn is_same_server(&self, url: &Self) -> bool {
        let is_same_port = self.port == url.port || self.known_port == url.known_port;
        self.host == url.host && is_same_port && (self.is_complete || url.is_complete)
    }

    /// Whether a URL has every parameter of this rule; their order and further ones do not count.
    fn has_query_of(&self, url: &Self, is_value: impl Fn(&str, &str) -> bool) -> bool {
        self.query
            .iter()
            .all(|(name, value)| url.query.iter().any(|(other, found)| other == name && is_value(found, value)))
    }
}

fn is_same_value(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    a == b || number(a).is_some_and(|a| number(b) == Some(a))
}

/// The path of a URL as the most generous server reads it: decoded, without parameters, dot segments, empty segments and letter case.
pub(crate) fn clean_url_path(path: &str) -> String {
    let mut path = Cow::Borrowed(path);
    for _ in 0..MAX_DECODINGS {
        if !path.contains('%') {
            break;
        }
        path = Cow::Owned(decode(&path));
    }
    let path = fold(&path).replace(char::is_control, "");
    let cleaned =
        clean_path(path.split(['/', '\\']).map(|segment| segment.split(';').next().unwrap_or_default()), true);
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let ends_in_separator = cleaned != "/" && matches!(last, "" | "." | "..");
    if ends_in_separator { cleaned + "/" } else { cleaned }
}

fn is_separator(letter: Option<char>) -> bool {
    matches!(letter, Some('/' | '\\'))
}

fn clean_path<'a>(segments: impl Iterator<Item = &'a str>, is_absolute: bool) -> String {
    let mut kept = Vec::new();
    for segment in segments {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if is_absolute => {}
            segment => kept.push(segment),
        }
    }
    format!("{}{}", if is_absolute { "/" } else { "" }, kept.join("/"))
}

/// Decodes the percent-encoded bytes of a text once.
pub(crate) fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
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

/// Removes invisible letters, and makes full-width letters, slashes and letter case one.
fn fold(text: &str) -> String {
    let letter = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{29f5}' | '\u{29f9}' | '\u{2216}' => '\\',
        letter => letter,
    };
    text.chars().filter(|letter| !is_invisible(*letter)).map(letter).flat_map(char::to_lowercase).collect()
}

/// Whether a letter has no width, so that readers skip it.
pub(crate) fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// How many bytes all parts of a text have together.
#[cfg(test)]
pub(crate) fn size_of_readings(text: &str) -> usize {
    spellings(text).iter().flat_map(|spelling| parts(spelling)).map(str::len).sum()
}
