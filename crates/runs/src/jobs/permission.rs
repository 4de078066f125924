//! Whether a call may run: what the user has set, else what the tool says of itself.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use url::Url;
use weir_protocol::{ArgumentRule, FieldError, Match, Permission, SetPermission, ToolInfo, ToolSource, UserId};
use weir_store::{StoreError, ToolPermission, is_larger_than, off_worker};
use weir_tools::{Callable, CanonicalHost, PermissionRules, RegisteredTool, Spec, rule_fault};

use super::{Inner, InvokeError, Jobs};

/// Arguments up to this size are compared with rules on an async worker.
const QUICK_ARGUMENT_BYTES: usize = 16 * 1024;
/// A list of tools up to this size is copied on an async worker.
const QUICK_LIST_BYTES: usize = 256 * 1024;
/// Bytes of a permission in a list of tools, roughly.
const PERMISSION_BYTES: usize = 64;

/// A tool and its permission.
pub(super) type PermittedTool = (Arc<RegisteredTool>, ToolPermission);

/// The fields of a tool that depend on the user.
#[derive(Serialize)]
struct OwnFields {
    permission: Permission,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<ArgumentRule>,
}

impl Jobs {
    /// The built-in tools, with what the user has set for them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn built_in_tools(&self, user: UserId) -> Result<Vec<ToolInfo>, StoreError> {
        let tools = self.permitted(user).await?.into_iter();
        let tools = tools.filter(|(tool, _)| tool.spec().source == ToolSource::BuiltIn);
        Ok(tools.map(|(tool, set)| info(tool.spec(), Some(set))).collect())
    }

    /// Every tool, with what the user has set for it, as the JSON of a [`ToolList`](weir_protocol::ToolList). The definitions are
    /// copied and not encoded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tool_list(&self, user: UserId) -> Result<Vec<u8>, StoreError> {
        let tools = self.permitted(user).await?;
        let bytes = tools.iter().map(|(tool, _)| tool.listing().len()).sum::<usize>();
        if bytes > QUICK_LIST_BYTES {
            Ok(off_worker(move || listed(tools, bytes)).await)
        } else {
            Ok(listed(tools, bytes))
        }
    }

    /// Every tool, with what the user has set for it, else with the default.
    pub(super) async fn permitted(&self, user: UserId) -> Result<Vec<PermittedTool>, StoreError> {
        let mut set = self.inner.store.tool_permissions(user).await?;
        let all = self.inner.tools.all().into_iter();
        let permitted = all.map(|tool| {
            let set = set.remove(&tool.spec().name).unwrap_or_else(|| unset(tool.spec()));
            (tool, set)
        });
        Ok(permitted.collect())
    }

    /// Sets whether a tool may run.
    ///
    /// # Errors
    /// [`InvokeError::UnknownTool`], [`InvokeError::Invalid`] for rules that can never apply, and when the database fails.
    pub async fn set_permission(&self, user: UserId, name: &str, set: SetPermission) -> Result<ToolInfo, InvokeError> {
        let tool = self.inner.tools.find(name).ok_or_else(|| InvokeError::UnknownTool(name.to_owned()))?;
        let rules = set.rules.iter().flatten().enumerate();
        let fault = |(place, rule)| Some(FieldError::new(format!("rules[{place}].value"), rule_fault(rule)?));
        let faults: Vec<_> = rules.filter_map(fault).collect();
        if !faults.is_empty() {
            return Err(InvokeError::Invalid(faults));
        }
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
        args: Value,
    ) -> Result<(Value, Permission), StoreError> {
        let rules = self.inner.rules_for(user, tool.spec()).await?;
        if rules.depend_on_arguments() && is_larger_than(&args, QUICK_ARGUMENT_BYTES) {
            return Ok(off_worker(move || decided(&rules, args)).await);
        }
        Ok(decided(&rules, args))
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
        let mut set = set.unwrap_or_else(|| unset(found.spec()));
        match args["url"].as_str().and_then(host_of) {
            Some(host) => {
                let is_same = |rule: &ArgumentRule| {
                    rule.matches == Match::Host && CanonicalHost::parse(&rule.value).as_ref() == Some(&host)
                };
                set.rules.retain(|known| !is_same(known));
                let (argument, value) = ("url".to_owned(), host.to_string());
                // The first rule that fits counts: one that denies a part of the host continues to do so.
                let is_denial = |rule: &ArgumentRule| rule.permission == Permission::Deny;
                let after_denials = set.rules.iter().rposition(is_denial).map_or(0, |place| place + 1);
                let place = if permission == Permission::Allow { after_denials } else { 0 };
                set.rules.insert(place, ArgumentRule { argument, matches: Match::Host, value, permission });
            }
            None => set.permission = permission,
        }
        self.inner.store.set_tool_permission(user, tool, &set).await
    }
}

impl Inner {
    /// The rules that apply to the calls of a tool.
    pub(super) async fn rules_for(&self, user: UserId, spec: &Spec) -> Result<PermissionRules, StoreError> {
        let set = self.store.tool_permission(user, &spec.name).await?;
        let (permission, rules) = set.map_or_else(|| (by_default(spec), Vec::new()), |set| (set.permission, set.rules));
        Ok(PermissionRules::new(permission, rules))
    }
}

/// Tools that change nothing run; a person is asked about all others. What a foreign tool says of itself is not believed.
fn decided(rules: &PermissionRules, args: Value) -> (Value, Permission) {
    let permission = rules.decide(&args);
    (args, permission)
}

fn by_default(spec: &Spec) -> Permission {
    let trusted = spec.source == ToolSource::BuiltIn;
    if trusted && spec.annotations.read_only_hint { Permission::Allow } else { Permission::Ask }
}

/// The permission of a tool that the user has set nothing for.
fn unset(spec: &Spec) -> ToolPermission {
    ToolPermission { permission: by_default(spec), rules: Vec::new() }
}

/// A list of tools as JSON: each definition, and the fields that depend on the user in place of its closing brace.
fn listed(tools: Vec<PermittedTool>, bytes: usize) -> Vec<u8> {
    let mut list = Vec::with_capacity(bytes + tools.len() * PERMISSION_BYTES);
    list.extend_from_slice(br#"{"items":["#);
    for (place, (tool, ToolPermission { permission, rules })) in tools.into_iter().enumerate() {
        if place > 0 {
            list.push(b',');
        }
        list.extend_from_slice(tool.listing().strip_suffix('}').unwrap_or_default().as_bytes());
        // A permission can always be written.
        let own = serde_json::to_vec(&OwnFields { permission, rules }).unwrap_or_default();
        list.push(b',');
        list.extend_from_slice(own.get(1..).unwrap_or_default());
    }
    list.extend_from_slice(b"]}");
    list
}

/// The host of a URL.
fn host_of(text: &str) -> Option<CanonicalHost> {
    CanonicalHost::of(&Url::parse(text.trim()).ok()?)
}

fn info(spec: &Spec, set: Option<ToolPermission>) -> ToolInfo {
    let set = set.unwrap_or_else(|| unset(spec));
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
