//! Decides whether a call may run, by the rules on its arguments.
//!
//! A rule that asks or denies applies if any plausible reading of an argument matches. A rule that allows applies only if every reading
//! matches and the other arguments name no other server.

use std::collections::HashMap;

use serde_json::Value;
use url::Url;
use weir_protocol::{ArgumentRule, Match, Permission};

use crate::{
    CanonicalHost,
    named_hosts::plain_host,
    reading::{Readings, clean_url_path, decode, is_invisible, is_web, visit_texts},
};

/// The permission of a tool and its rules on arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionRules {
    otherwise: Permission,
    rules: Vec<ArgumentRule>,
}

impl PermissionRules {
    /// Creates rules; `otherwise` applies to calls that no rule covers.
    pub fn new(otherwise: Permission, rules: Vec<ArgumentRule>) -> Self {
        Self { otherwise, rules }
    }

    /// Whether the decision depends on the arguments.
    pub fn depend_on_arguments(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Returns the permission of the first rule that covers the arguments.
    pub fn decide(&self, args: &Value) -> Permission {
        let mut readings = HashMap::new();
        for rule in &self.rules {
            let Some(argument) = args.get(&rule.argument).filter(|argument| !argument.is_null()) else { continue };
            let covers = if rule.permission == Permission::Allow {
                covers_exactly(rule, argument) && self.names_no_other_server(rule, args)
            } else {
                // Parsed once for all rules: an argument may hold many texts.
                covers_any_spelling(rule, argument, readings.entry(&rule.argument).or_insert_with(|| leaves(argument)))
            };
            if covers {
                return rule.permission;
            }
        }
        self.otherwise
    }

    /// Whether the arguments beside the one of a rule that allows a server name no other server, unless a rule allows that one too.
    fn names_no_other_server(&self, rule: &ArgumentRule, args: &Value) -> bool {
        let Some(host) = allowed_host(rule) else { return true };
        let others = args.as_object().into_iter().flatten().filter(|(name, _)| **name != rule.argument);
        others.into_iter().all(|(name, argument)| {
            let mut names_another = has_other_url(name, &host);
            visit_texts(argument, &mut |text| names_another |= has_other_url(text, &host));
            let is_allowed = |other: &ArgumentRule| {
                other.permission == Permission::Allow && other.argument == *name && covers_exactly(other, argument)
            };
            !names_another || self.rules.iter().any(is_allowed)
        })
    }
}

/// The server of a rule that allows a host or the URLs below a prefix.
fn allowed_host(rule: &ArgumentRule) -> Option<CanonicalHost> {
    match rule.matches {
        Match::Host => CanonicalHost::parse(&rule.value),
        Match::Prefix if names_url(&rule.value) => CanonicalHost::of(&base_url(rule)?),
        Match::Prefix | Match::Equals => None,
    }
}

/// Whether a text contains a URL of another host than `allowed`, percent-encoded or not. A URL that no reader is sure of counts.
fn has_other_url(text: &str, allowed: &CanonicalHost) -> bool {
    let mut text = text.to_lowercase();
    loop {
        if names_other_host(&text.replace('\\', "/"), allowed) {
            return true;
        }
        let next = decode(&text);
        if next == text {
            return false;
        }
        text = next;
    }
}

fn names_other_host(text: &str, allowed: &CanonicalHost) -> bool {
    let is_end = |letter: char| letter.is_whitespace() || letter.is_control() || "/?#\"'<>()".contains(letter);
    let is_other = |rest: &str| plain_host(&rest[..rest.find(is_end).unwrap_or(rest.len())]).as_ref() != Some(allowed);
    // Clients read `https:example.com` and `https:/example.com` as URLs, too.
    let schemes = ["http:", "https:", "ws:", "wss:"].into_iter().flat_map(|scheme| text.match_indices(scheme));
    text.match_indices("//").any(|(at, mark)| is_other(&text[at + mark.len()..]))
        || schemes
            .map(|(at, scheme)| text[at + scheme.len()..].trim_start_matches('/'))
            .any(|rest| rest.starts_with(char::is_alphanumeric) && is_other(rest))
}

/// Returns what is wrong with the value of a rule: a sentence fragment that says how to write it.
pub fn rule_fault(rule: &ArgumentRule) -> Option<&'static str> {
    match rule.matches {
        Match::Host if !is_bare_host(&rule.value) => Some(
            "must be a host name or an IP address alone, such as example.com or 192.0.2.1, without a scheme, port, path, \
             wildcard or spaces",
        ),
        Match::Prefix if rule.permission == Permission::Allow && names_url(&rule.value) && base_url(rule).is_none() => {
            Some("must be a complete URL, such as https://example.com/docs/, without a user name or a fragment")
        }
        _ => None,
    }
}

fn is_bare_host(value: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    match CanonicalHost::parse(value) {
        Some(CanonicalHost::Name(name)) => name.split('.').all(is_label),
        Some(CanonicalHost::Address(_)) => true,
        None => false,
    }
}

/// Whether a rule that allows covers an argument.
fn covers_exactly(rule: &ArgumentRule, argument: &Value) -> bool {
    let Value::String(text) = argument else {
        return rule.matches == Match::Equals
            && serde_json::from_str(&rule.value).is_ok_and(|value: Value| value == *argument);
    };
    match rule.matches {
        Match::Equals => *text == rule.value,
        Match::Prefix if names_url(&rule.value) => base_url(rule).is_some_and(|base| is_below(&base, text)),
        Match::Prefix => begins_plainly(&rule.value, text),
        Match::Host => CanonicalHost::parse(&rule.value).is_some_and(|wanted| plain_url_host(text) == Some(wanted)),
    }
}

/// The host of a URL that a web client requests and that every reader understands alike.
fn plain_url_host(text: &str) -> Option<CanonicalHost> {
    let is_odd = |letter: char| letter == '\\' || letter.is_whitespace() || letter.is_control() || is_invisible(letter);
    let url = Url::parse(text).ok().filter(is_web)?;
    let (scheme, rest) = text.split_once("://").filter(|_| !text.contains(is_odd))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // Some readers look for the host behind the last `@` before the path.
    if !rest[end..].starts_with('/') && rest[end..].contains('@') {
        return None;
    }
    let host = plain_host(&rest[..end])?;
    (scheme.eq_ignore_ascii_case(url.scheme()) && CanonicalHost::of(&url).as_ref() == Some(&host)).then_some(host)
}

/// Whether a text begins with the value of a rule that allows, and leads nowhere else. A value that may be a path or a host ends at a
/// boundary, so that `/srv/open` does not cover `/srv/opened`.
fn begins_plainly(value: &str, text: &str) -> bool {
    let Some(rest) = text.strip_prefix(value) else { return false };
    if !value.contains(['/', '\\', '.']) {
        return !climbs(text);
    }
    let is_boundary = rest.is_empty()
        || value.ends_with(|letter: char| matches!(letter, '/' | '\\') || letter.is_whitespace())
        || rest.starts_with(['/', '\\', '?', '#']);
    let is_mark = |letter: char| letter.is_whitespace() || "\"'`<>,;:|=@".contains(letter);
    let leads_elsewhere = |text: &str| {
        // Only the first word is below the value.
        let mut words = text.split(is_mark);
        words.next();
        words.any(|word| word.starts_with(['/', '\\', '~']))
            || text.contains(|letter: char| letter.is_control() || is_invisible(letter))
    };
    let mut decoded = rest.to_owned();
    loop {
        if climbs(&decoded) || leads_elsewhere(&decoded) || decoded.contains([char::REPLACEMENT_CHARACTER]) {
            return false;
        }
        let next = decode(&decoded);
        if next == decoded {
            return is_boundary && !climbs(text);
        }
        decoded = next;
    }
}

fn climbs(text: &str) -> bool {
    text.split(['/', '\\']).any(|segment| segment.trim_matches(|letter: char| letter.is_control()) == "..")
}

fn names_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.trim_start().split_once(':') else { return false };
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_web
        || rest.starts_with("//")
            && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

/// The URL of a `prefix` rule that allows.
fn base_url(rule: &ArgumentRule) -> Option<Url> {
    let url = Url::parse(&rule.value).ok()?;
    let is_base = url.has_host() && url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_base.then_some(url)
}

/// Whether a text is a URL on the server of `base`, below its path. Prefixes end at a `/` of the path or a `&` of the query.
fn is_below(base: &Url, text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    // Another parser may find another host in another spelling.
    let is_canonical = url.as_str().strip_suffix('/').unwrap_or(url.as_str()) == text || url.as_str() == text;
    let place = |url: &Url| (url.scheme().to_owned(), CanonicalHost::of(url), url.port_or_known_default());
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if !is_canonical || has_credentials || decoded_path_is_odd(&url) || place(base) != place(&url) {
        return false;
    }
    if let Some(query) = base.query() {
        let rest = url.query().and_then(|found| found.strip_prefix(query));
        return url.path() == base.path() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('&'));
    }
    // Some servers decode a path before they remove its dot segments.
    is_path_below(base.path(), url.path()) && is_path_below(&clean_url_path(base.path()), &clean_url_path(url.path()))
}

/// Whether a path decodes to bytes that readers understand differently: no UTF-8, or control characters.
fn decoded_path_is_odd(url: &Url) -> bool {
    decode(url.path()).contains(|letter: char| letter.is_control() || letter == char::REPLACEMENT_CHARACTER)
}

fn is_path_below(base: &str, path: &str) -> bool {
    let rest = path.strip_prefix(base);
    rest.is_some_and(|rest| base.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// Whether a rule that asks or denies covers an argument, whose texts and numbers at any depth are `leaves`.
fn covers_any_spelling(rule: &ArgumentRule, argument: &Value, leaves: &[Readings]) -> bool {
    let wanted = Readings::of_rule(&rule.value);
    match rule.matches {
        Match::Equals => {
            leaves.iter().any(|leaf| wanted.may_equal(leaf))
                || serde_json::from_str(&rule.value).is_ok_and(|value| may_equal(&value, argument))
        }
        Match::Prefix => {
            leaves.iter().any(|leaf| wanted.may_begin(leaf))
                || (argument.is_array() || argument.is_object()) && argument.to_string().starts_with(&rule.value)
        }
        Match::Host => {
            let host = CanonicalHost::parse(&rule.value);
            // Rules that were stored before host rules were validated may hold a URL.
            let host = host.as_ref().or_else(|| wanted.url_host());
            host.is_some_and(|host| leaves.iter().any(|leaf| leaf.may_name(host)))
        }
    }
}

/// The readings of the texts, names, numbers and booleans in an argument: a tool may accept a list or an object in the place of a text.
fn leaves(argument: &Value) -> Vec<Readings> {
    let mut found = Vec::new();
    visit_texts(argument, &mut |text| found.push(Readings::of_argument(text)));
    found
}

/// Compares the JSON value of a rule with an argument.
fn may_equal(rule: &Value, argument: &Value) -> bool {
    match (rule, argument) {
        (Value::Array(rules), Value::Array(items)) => {
            rules.len() == items.len() && rules.iter().zip(items).all(|(rule, item)| may_equal(rule, item))
        }
        (Value::Array(rules), item) => matches!(&rules[..], [rule] if may_equal(rule, item)),
        (Value::Object(rules), Value::Object(members)) => {
            let is_equal = |(name, rule)| members.get(name).is_some_and(|member| may_equal(rule, member));
            rules.len() == members.len() && rules.iter().all(is_equal)
        }
        (Value::Null, Value::Null) => true,
        (rule, argument) => {
            let (rule, argument) = (leaves(rule), leaves(argument));
            matches!((&rule[..], &argument[..]), ([rule], [argument]) if rule.may_equal(argument))
        }
    }
}

#[cfg(test)]
mod tests;
