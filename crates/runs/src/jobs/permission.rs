//! Whether a call may run: what the user has set, else what the tool says of itself.

use serde_json::Value;
use weir_protocol::{ArgumentRule, Match, Permission, SetPermission, ToolInfo, UserId};
use weir_store::{StoreError, ToolPermission};
use weir_tools::{Callable, Spec};

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
        match host_of(&args["url"]) {
            Some(value) => {
                let rule = ArgumentRule { argument: "url".to_owned(), matches: Match::Host, value, permission };
                set.rules.retain(|known| (known.matches, &known.value) != (rule.matches, &rule.value));
                set.rules.insert(0, rule);
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

fn fits(rule: &ArgumentRule, argument: &Value) -> bool {
    let text = match argument {
        Value::Null => return false,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match rule.matches {
        Match::Equals => text == rule.value,
        Match::Prefix => text.starts_with(&rule.value),
        Match::Host => host_of(argument).is_some_and(|host| host.eq_ignore_ascii_case(&rule.value)),
    }
}

fn host_of(argument: &Value) -> Option<String> {
    let url = url::Url::parse(argument.as_str()?).ok()?;
    url.host_str().map(str::to_owned)
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
