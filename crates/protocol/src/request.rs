//! What clients send, and what a readable body must still satisfy.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ArgumentRule, ConversationId, FieldError, MessageId, Permission, Role};

/// The longest prompt or message, in bytes of UTF-8.
pub(crate) const MAX_CONTENT_BYTES: usize = 256 * 1024;
/// The longest id of a model, in characters.
pub(crate) const MAX_MODEL_CHARS: usize = 200;
/// The longest title, in characters.
pub(crate) const MAX_TITLE_CHARS: usize = 200;

/// Starts a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartRun {
    /// What the person asks. Left out only together with a `parentId` that names a stored user message: that message
    /// is then answered anew, beside the answers it already has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1)]
    pub prompt: Option<String>,
    /// Further instructions to the model, for this run only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub context: Option<String>,
    /// The tools that may be called; absent: every tool the user permits; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tools: Option<Vec<String>>,
    /// The conversation to go on with; absent: a new one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub conversation_id: Option<ConversationId>,
    /// The message to answer under; absent: the newest of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parent_id: Option<MessageId>,
    /// The user message of the conversation that the prompt is another version of: it becomes its sibling, in a branch
    /// of its own. Instead of `parentId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub edit_of: Option<MessageId>,
    /// The model, as `provider/model`; absent: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub model: Option<String>,
}

impl StartRun {
    /// Every field that is wrong; empty when the request can be carried out.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        match &self.prompt {
            Some(prompt) => check_content(&mut faults, "prompt", prompt),
            None if self.parent_id.is_none() => faults.push(FieldError::new("prompt", "is required")),
            None if self.conversation_id.is_none() => {
                faults.push(FieldError::new("conversationId", "is required to answer a stored message anew"));
            }
            None => {}
        }
        if let Some(context) = &self.context {
            check_text(&mut faults, "context", context);
        }
        if self.model.as_ref().is_some_and(|id| id.chars().count() > MAX_MODEL_CHARS || id.contains('\0')) {
            faults.push(FieldError::new("model", "must be a model's id of at most 200 characters"));
        }
        if self.parent_id.is_some() && self.conversation_id.is_none() && self.prompt.is_some() {
            faults.push(FieldError::new("conversationId", "is required with parentId"));
        }
        if self.edit_of.is_some() {
            if self.parent_id.is_some() {
                faults.push(FieldError::new("editOf", "must be left out with parentId"));
            }
            if self.conversation_id.is_none() {
                faults.push(FieldError::new("conversationId", "is required with editOf"));
            }
        }
        faults
    }
}

/// Makes a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateConversation {
    /// Its title; absent: taken from the first prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    pub title: Option<String>,
}

impl CreateConversation {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        check_title(&mut faults, self.title.as_deref());
        faults
    }
}

/// Changes a conversation; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateConversation {
    /// A new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    pub title: Option<String>,
    /// Kept at the top of the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pinned: Option<bool>,
    /// Out of the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub archived: Option<bool>,
}

impl UpdateConversation {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        check_title(&mut faults, self.title.as_deref());
        faults
    }
}

/// Stores a message; starts no run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateMessage {
    /// The conversation; absent: a new one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub conversation_id: Option<ConversationId>,
    /// Who speaks.
    pub role: Role,
    /// Its text.
    #[schema(min_length = 1)]
    pub content: String,
    /// The message it follows; absent: the newest of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parent_id: Option<MessageId>,
}

impl CreateMessage {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        check_content(&mut faults, "content", &self.content);
        if self.parent_id.is_some() && self.conversation_id.is_none() {
            faults.push(FieldError::new("conversationId", "is required with parentId"));
        }
        faults
    }
}

/// Runs a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InvokeTool {
    /// The arguments, as the tool's `inputSchema` describes them.
    pub args: serde_json::Value,
}

impl InvokeTool {
    /// Every field that is wrong; the arguments are for the tool's schema to judge.
    pub fn faults(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

/// Sets whether a tool may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetPermission {
    /// Where no rule says otherwise.
    pub permission: Permission,
    /// What holds for some arguments; the first that fits counts. Absent: the rules stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 50)]
    pub rules: Option<Vec<ArgumentRule>>,
}

/// Rules that a tool has at most.
const MAX_RULES: usize = 50;

impl SetPermission {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let rules = self.rules.as_deref().unwrap_or_default();
        let mut faults = Vec::new();
        if rules.len() > MAX_RULES {
            faults.push(FieldError::new("rules", "must be at most 50"));
        }
        for (place, rule) in rules.iter().enumerate() {
            if rule.argument.is_empty() || rule.argument.chars().count() > 200 || rule.argument.contains('\0') {
                faults.push(FieldError::new(format!("rules[{place}].argument"), "must be 1 to 200 characters"));
            }
            if rule.value.is_empty() || rule.value.chars().count() > 1000 || rule.value.contains('\0') {
                faults.push(FieldError::new(format!("rules[{place}].value"), "must be 1 to 1,000 characters"));
            }
        }
        faults
    }
}

/// A person's word on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may run.
    Grant,
    /// It may not.
    Deny,
}

/// Answers a call that waits for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecideApproval {
    /// The word.
    pub decision: Verdict,
    /// From now on it holds for the tool, until its permission is changed.
    #[serde(default)]
    #[schema(required = false)]
    pub remember: bool,
    /// A word to whoever asked for the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 2000)]
    pub message: Option<String>,
}

impl DecideApproval {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if let Some(message) = &self.message
            && (message.chars().count() > 2000 || message.contains('\0'))
        {
            faults.push(FieldError::new("message", "must be at most 2,000 characters"));
        }
        faults
    }
}

fn check_content(faults: &mut Vec<FieldError>, path: &str, text: &str) {
    if text.trim().is_empty() {
        faults.push(FieldError::new(path, "must not be blank"));
    } else {
        check_text(faults, path, text);
    }
}

fn check_text(faults: &mut Vec<FieldError>, path: &str, text: &str) {
    if text.len() > MAX_CONTENT_BYTES {
        faults.push(FieldError::new(path, "must be at most 256 KiB"));
    } else if text.contains('\0') {
        faults.push(FieldError::new(path, "must not contain the character U+0000"));
    }
}

fn check_title(faults: &mut Vec<FieldError>, title: Option<&str>) {
    let Some(title) = title else { return };
    if title.trim().is_empty() {
        faults.push(FieldError::new("title", "must not be blank"));
    } else if title.chars().count() > MAX_TITLE_CHARS {
        faults.push(FieldError::new("title", "must be at most 200 characters"));
    } else if title.contains('\0') {
        faults.push(FieldError::new("title", "must not contain the character U+0000"));
    }
}
