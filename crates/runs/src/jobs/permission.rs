//! Whether a call may run: what the user has set, else what the tool says of itself.

use serde_json::Value;
use url::Url;
use weir_protocol::{ArgumentRule, Match, Permission, SetPermission, ToolInfo, UserId};
use weir_store::{StoreError, ToolPermission};
use weir_tools::{Callable, CanonicalHost, Spec};

use super::{InvokeError, Jobs};

impl Jobs {
    /// Every tool, with what the user has set for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tools(&self, user: UserId) -> Result<Vec<ToolInfo>, StoreError> {
        let mut set = self.inner.store.tool_permissions(user).await?;
        let info = |tool: &dyn Callable| info(tool.spec(), set.remove(&tool.spec().name));
        Ok(self.inner.tools.all().iter().map(AsRef::as_ref).map(info).collect())
    }

    /// Sets whether a tool may run.
    ///
    /// # Errors
    /// [`InvokeError::UnknownTool`], and when the database fails.
    pub async fn set_permission(&self, user: UserId, name: &str, set: SetPermission) -> Result<ToolInfo, InvokeError> {
        let tool = self.inner.tools.find(name).ok_or_else(|| InvokeError::UnknownTool(name.to_owned()))?;
        let before = self.inner.store.tool_permission(user, name).await?;
        let rules = set.rules.unwrap_or_else(|| before.map(|before| before.rules).unwrap_or_default());
        let set = ToolPermission { permission: set.permission, rules };
        self.inner.store.set_tool_permission(user, name, &set).await?;
        Ok(info(tool.spec(), Some(set)))
    }

    /// Whether a call with these arguments may run.
    pub(super) async fn permission_for(
        &self,
        user: UserId,
        tool: &dyn Callable,
        args: &Value,
    ) -> Result<Permission, StoreError> {
        let set = self.inner.store.tool_permission(user, &tool.spec().name).await?;
        Ok(set.map_or_else(|| by_default(tool.spec()), |set| judged(&set, args)))
    }

    /// From now on what a person said to a call holds for those like it: of the same host where it names one, else for the
    /// tool.
    pub(super) async fn remember(
        &self,
        user: UserId,
        tool: &str,
        args: &Value,
        permission: Permission,
    ) -> Result<(), StoreError> {
        let Some(found) = self.inner.tools.find(tool) else { return Ok(()) };
        let set = self.inner.store.tool_permission(user, tool).await?;
        let mut set = set.unwrap_or_else(|| ToolPermission { permission: by_default(found.spec()), rules: Vec::new() });
        match args["url"].as_str().and_then(host_of) {
            Some(host) => {
                let is_same = |rule: &ArgumentRule| {
                    rule.matches == Match::Host && CanonicalHost::parse(&rule.value).as_ref() == Some(&host)
                };
                set.rules.retain(|known| !is_same(known));
                let (argument, value) = ("url".to_owned(), host.to_string());
                set.rules.insert(0, ArgumentRule { argument, matches: Match::Host, value, permission });
            }
            None => set.permission = permission,
        }
        self.inner.store.set_tool_permission(user, tool, &set).await
    }
}

/// Tools that change nothing run; a person is asked about all others. What a foreign tool says of itself is not believed.
fn by_default(spec: &Spec) -> Permission {
    let trusted = spec.source == weir_protocol::ToolSource::BuiltIn;
    if trusted && spec.annotations.read_only_hint { Permission::Allow } else { Permission::Ask }
}

fn judged(set: &ToolPermission, args: &Value) -> Permission {
    set.rules.iter().find(|rule| fits(rule, &args[&rule.argument])).map_or(set.permission, |rule| rule.permission)
}

/// Whether a rule covers an argument. A rule that allows covers only what is certainly meant; a rule that asks or denies also covers
/// other spellings, because a tool may read an address more generously than this does.
fn fits(rule: &ArgumentRule, argument: &Value) -> bool {
    let text = match argument {
        Value::Null => return false,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let restricts = rule.permission != Permission::Allow;
    let normalised = || if restricts { normalised(&text) } else { None };
    match rule.matches {
        Match::Equals => text == rule.value || normalised().is_some_and(|text| text == rule.value),
        Match::Prefix => {
            text.starts_with(&rule.value) || normalised().is_some_and(|text| text.starts_with(&rule.value))
        }
        Match::Host => {
            let Some(wanted) = CanonicalHost::parse(&rule.value) else { return false };
            let named = argument.as_str().and_then(host_of);
            let named = named.or_else(|| host_without_scheme(&text).filter(|_| restricts));
            named == Some(wanted)
        }
    }
}

/// The host of a URL.
fn host_of(text: &str) -> Option<CanonicalHost> {
    CanonicalHost::of(&Url::parse(text.trim()).ok()?)
}

/// The host of an address without a scheme, such as `example.com/path` or `//example.com`.
fn host_without_scheme(text: &str) -> Option<CanonicalHost> {
    host_of(&format!("https://{}", text.trim().trim_start_matches(['/', '\\'])))
}

/// A URL in the spelling that clients request, without credentials.
fn normalised(text: &str) -> Option<String> {
    let mut url = Url::parse(text.trim()).ok()?;
    let host = CanonicalHost::of(&url)?;
    url.set_host(Some(&host.to_string())).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.into())
}

fn info(spec: &Spec, set: Option<ToolPermission>) -> ToolInfo {
    let set = set.unwrap_or_else(|| ToolPermission { permission: by_default(spec), rules: Vec::new() });
    ToolInfo {
        name: spec.name.clone(),
        title: spec.title.clone(),
        description: spec.description.clone(),
        input_schema: spec.input_schema.json().clone(),
        output_schema: spec.output_schema.clone(),
        annotations: spec.annotations,
        source: spec.source,
        server: spec.server.clone(),
        permission: set.permission,
        rules: set.rules,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(argument: &str, matches: Match, value: &str) -> ArgumentRule {
        let (argument, value) = (argument.to_owned(), value.to_owned());
        ArgumentRule { argument, matches, value, permission: Permission::Allow }
    }

    #[test]
    fn a_host_is_the_whole_host_and_nothing_that_looks_like_it() {
        let rule = rule("url", Match::Host, "example.com");
        assert!(fits(&rule, &json!("https://EXAMPLE.com:8443/a?b")));
        for other in ["https://example.com.evil.org/", "https://evil.org/#example.com", "example.com", "", "http:///"] {
            assert!(!fits(&rule, &json!(other)), "{other}");
        }
        assert!(!fits(&rule, &json!({ "url": "https://example.com" })));
        assert!(fits(&rule, &json!("https://user:password@example.com/")), "the host is what counts");
    }

    #[test]
    fn tool_13_no_spelling_of_a_host_evades_a_rule_that_denies_it() {
        let deny = |value: &str| ArgumentRule { permission: Permission::Deny, ..rule("url", Match::Host, value) };
        for (denied, spellings) in [
            (
                "metadata.internal",
                &[
                    "http://metadata.internal/",
                    "http://metadata.internal./",
                    "HTTP://METADATA.internal:80/",
                    "http:metadata.internal",
                    "\u{2003}http://metadata.internal/",
                    "http://user:pass@metadata%2einternal/",
                    "https:\\\\metadata.internal\\x",
                    "metadata.internal/latest",
                    "metadata.internal.:80",
                    "//metadata.internal",
                    "custom://Metadata.Internal./",
                ][..],
            ),
            (
                "169.254.169.254",
                &[
                    "http://2852039166/",
                    "http://0xa9.0376.169.254./",
                    "http://[::ffff:a9fe:a9fe]/",
                    "http://[64:ff9b::169.254.169.254]/",
                    "169.254.169.254/latest",
                ],
            ),
            ("[::1]", &["http://[0:0::1]:8080/"]),
        ] {
            for written in [denied.to_owned(), denied.to_uppercase(), format!("{denied}.")] {
                if written.ends_with("].") {
                    continue;
                }
                for spelling in spellings {
                    assert!(fits(&deny(&written), &json!(spelling)), "{spelling} passes a rule against {written}");
                }
            }
            for other in
                ["http://example.com/", "http://metadata.internal.example.com/", "a question", "", "http://8.8.8.8/"]
            {
                assert!(!fits(&deny(denied), &json!(other)), "{other}");
            }
        }
        let allow = rule("url", Match::Host, "metadata.internal.");
        assert!(fits(&allow, &json!("http://METADATA.internal/")));
        assert!(!fits(&allow, &json!("metadata.internal/latest")), "what a tool makes of it is not certain");
    }

    #[test]
    fn tool_13_a_denied_address_is_denied_in_every_spelling() {
        for matches in [Match::Prefix, Match::Equals] {
            let deny = ArgumentRule { permission: Permission::Deny, ..rule("url", matches, "http://intern.example/") };
            let allow = rule("url", matches, "http://intern.example/");
            for spelling in ["HTTP://intern.example/", "http://INTERN.example.:80", " http://x@intern.example/./"] {
                assert!(fits(&deny, &json!(spelling)), "{spelling}");
                assert!(!fits(&allow, &json!(spelling)), "{spelling}");
            }
        }
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let deny = ArgumentRule { permission: Permission::Deny, ..rule("path", Match::Prefix, "/etc") };
        let rules = vec![deny, rule("path", Match::Prefix, "/"), rule("depth", Match::Equals, "3")];
        let set = ToolPermission { permission: Permission::Ask, rules };
        assert_eq!(judged(&set, &json!({ "path": "/etc/passwd" })), Permission::Deny);
        assert_eq!(judged(&set, &json!({ "path": "/home" })), Permission::Allow);
        assert_eq!(judged(&set, &json!({ "depth": 3 })), Permission::Allow);
        assert_eq!(judged(&set, &json!({ "depth": 4 })), Permission::Ask);
        assert_eq!(judged(&set, &json!({})), Permission::Ask);
    }
}
