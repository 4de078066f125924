//! Conversations and messages.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{ConversationId, Failure, MessageId, RunId, Seq, StreamChunk, Timestamp, ToolCallId, ToolStatus};

/// A conversation: a tree of messages that belongs to one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// What the history shows; the first words of the first prompt until somebody renames it.
    pub title: String,
    /// Kept at the top of the history.
    pub pinned: bool,
    /// Out of the history, still there.
    pub archived: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its newest activity: a message, an answer or a change of its own.
    pub updated_at: Timestamp,
    /// The newest run that has not ended, if one is going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub active_run_id: Option<RunId>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The output of a tool.
    Tool,
    /// Instructions to the model.
    System,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// All of it is there.
    Complete,
    /// It is still growing; `seq` says up to which event the content reaches.
    Streaming,
    /// Somebody stopped it; what was there is kept.
    Cancelled,
    /// Its server died and the provider could not go on; what was there is kept.
    Interrupted,
    /// The provider failed; what was there is kept.
    Error,
}

/// Tokens counted by the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// One message; the content is Markdown as its author wrote it, never HTML to trust.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    /// Its id.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// The message it answers or follows; absent at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parent_id: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// Its text.
    pub content: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How far it has come.
    pub status: MessageStatus,
    /// The run that writes or wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_id: Option<RunId>,
    /// While streaming: the event its content reaches up to. A page load is this snapshot, then `?after=seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seq: Option<Seq>,
    /// The model that wrote it, as `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub model: Option<String>,
    /// The tools it called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// Tokens counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<Usage>,
    /// Why its run could not go on, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<Failure>,
}

impl ChatMessage {
    /// Takes in an event of its run: what makes it longer, and what its tool calls are doing.
    pub fn apply(&mut self, chunk: &StreamChunk) {
        match chunk {
            StreamChunk::Token(token) if token.id == self.id => self.content.push_str(&token.text),
            StreamChunk::ToolStatus(status) => self.apply_status(status),
            _ => {}
        }
    }

    /// Takes in what one of its tool calls is doing.
    pub fn apply_status(&mut self, status: &ToolStatus) {
        let calls = self.tool_calls.get_or_insert_default();
        let place = if let Some(known) = calls.iter().position(|call| call.id == status.id) {
            known
        } else {
            let offset = u32::try_from(self.content.encode_utf16().count()).ok();
            calls.push(ToolCall {
                id: status.id,
                name: status.name.clone(),
                args: Value::Null,
                status: status.status,
                approval: None,
                output: None,
                error: None,
                offset,
            });
            calls.len() - 1
        };
        let call = &mut calls[place];
        call.status = status.status;
        if let Some(args) = &status.args {
            call.args = args.clone();
        }
        call.approval = status.approval.or(call.approval);
        call.output = status.output.clone().or_else(|| call.output.take());
        call.error = status.error.clone().or_else(|| call.error.take());
    }
}

/// How far a call of a tool has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolCallStatus {
    /// Waiting for its turn or for an approval.
    Queued,
    /// At work.
    Running,
    /// Ended with an output.
    Done,
    /// Ended without one.
    Error,
}

/// The person's word on a call that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Approval {
    /// Not given yet.
    Pending,
    /// It may run.
    Granted,
    /// It may not.
    Denied,
}

/// One call of a tool inside an assistant message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolCall {
    /// Its id; also the id of its job.
    pub id: ToolCallId,
    /// The tool.
    pub name: String,
    /// The arguments, as the tool's schema describes them.
    pub args: Value,
    /// How far it has come.
    pub status: ToolCallStatus,
    /// The person's word, where the tool asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approval: Option<Approval>,
    /// What it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<Failure>,
    /// Where in the message's content it stands, in UTF-16 units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offset: Option<u32>,
}
