//! Decides whether a call may run, by the rules on its arguments.
//!
//! The two directions differ. A rule that allows covers an argument only when every reader understands it alike. A rule that asks or
//! denies covers every spelling that a tool, a URL parser or a web server may take for the value of the rule.

use std::collections::HashMap;

use serde_json::Value;
use url::Url;
use weir_protocol::{ArgumentRule, Match, Permission};

use crate::{
    CanonicalHost,
    reading::{Reading, clean_url_path},
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
                covers_exactly(rule, argument)
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
        Match::Prefix => text.starts_with(&rule.value) && !text.split(['/', '\\']).any(|segment| segment == ".."),
        Match::Host => {
            let is_plain =
                !text.contains(|letter: char| letter == '\\' || letter.is_whitespace() || letter.is_control());
            let host = || CanonicalHost::of(&Url::parse(text).ok()?);
            is_plain && CanonicalHost::parse(&rule.value).is_some_and(|wanted| host() == Some(wanted))
        }
    }
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
    if !is_canonical || has_credentials || place(base) != place(&url) {
        return false;
    }
    if let Some(query) = base.query() {
        let rest = url.query().and_then(|found| found.strip_prefix(query));
        return url.path() == base.path() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('&'));
    }
    // Some servers decode a path before they remove its dot segments.
    is_path_below(base.path(), url.path()) && is_path_below(&clean_url_path(base.path()), &clean_url_path(url.path()))
}

fn is_path_below(base: &str, path: &str) -> bool {
    let rest = path.strip_prefix(base);
    rest.is_some_and(|rest| base.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// Whether a rule that asks or denies covers an argument, whose texts and numbers at any depth are `leaves`.
fn covers_any_spelling(rule: &ArgumentRule, argument: &Value, leaves: &[Reading]) -> bool {
    let wanted = Reading::of(&rule.value);
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
            let host = host.as_ref().or_else(|| wanted.host());
            host.is_some_and(|host| leaves.iter().any(|leaf| leaf.host() == Some(host)))
        }
    }
}

/// The texts, numbers and booleans in an argument: a tool may accept a list or an object in the place of a text.
fn leaves(argument: &Value) -> Vec<Reading> {
    fn collect(value: &Value, found: &mut Vec<Reading>) {
        match value {
            Value::Null => {}
            Value::String(text) => found.push(Reading::of(text)),
            Value::Bool(_) | Value::Number(_) => found.push(Reading::of(&value.to_string())),
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        }
    }
    let mut found = Vec::new();
    collect(argument, &mut found);
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
