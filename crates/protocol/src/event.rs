//! The events of a run's log, as every transport shows them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Approval, ChatMessage, MessageId, ToolCallId, ToolCallStatus, Usage};

/// One event of a run's log: `event:` and `data:` of a server-sent event, or the `chunk` of a WebSocket frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
pub enum StreamChunk {
    /// The next piece of the answer.
    Token(Token),
    /// A whole message: first the stored user message, near the end the whole assistant message.
    Message(ChatMessage),
    /// What a tool call is doing.
    ToolStatus(ToolStatus),
    /// Why the run could not go on; `done` follows.
    Error(Failure),
    /// The terminal event: exactly once, always last.
    Done(Done),
}

impl StreamChunk {
    /// The word that names the event's kind on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::Message(_) => "message",
            Self::ToolStatus(_) => "tool-status",
            Self::Error(_) => "error",
            Self::Done(_) => "done",
        }
    }

    /// The event's `data` as JSON text; the same bytes whenever the event is read.
    ///
    /// # Errors
    /// When a value cannot be written as JSON, which no value of these types does.
    pub fn data(&self) -> serde_json::Result<String> {
        match self {
            Self::Token(data) => serde_json::to_string(data),
            Self::Message(data) => serde_json::to_string(data),
            Self::ToolStatus(data) => serde_json::to_string(data),
            Self::Error(data) => serde_json::to_string(data),
            Self::Done(data) => serde_json::to_string(data),
        }
    }

    /// The event that `kind` and `data` of a log entry stand for.
    ///
    /// # Errors
    /// When the kind is unknown or the data does not fit it.
    pub fn parse(kind: &str, data: &str) -> serde_json::Result<Self> {
        match kind {
            "token" => serde_json::from_str(data).map(Self::Token),
            "message" => serde_json::from_str(data).map(Self::Message),
            "tool-status" => serde_json::from_str(data).map(Self::ToolStatus),
            "error" => serde_json::from_str(data).map(Self::Error),
            "done" => serde_json::from_str(data).map(Self::Done),
            other => Err(serde::de::Error::custom(format!("unknown kind of event: {other}"))),
        }
    }
}

/// The next piece of an answer. The texts of all tokens, joined, equal the final message's content byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// The assistant message it belongs to.
    pub id: MessageId,
    /// The text to append.
    pub text: String,
}

/// What a tool call is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolStatus {
    /// The call.
    pub id: ToolCallId,
    /// The tool.
    pub name: String,
    /// How far it has come.
    pub status: ToolCallStatus,
    /// The person's word, where the tool asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approval: Option<Approval>,
    /// The arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// What it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<Failure>,
    /// From 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub progress: Option<f64>,
    /// A word on what it does just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// Why a run could not go on, or a tool gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A stable `snake_case` word.
    pub code: String,
    /// A sentence for the person, with the next step.
    pub message: String,
}

impl Failure {
    /// A failure of this code, in these words.
    pub fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model came to its end.
    Stop,
    /// The model reached its limit of tokens.
    Length,
    /// Somebody stopped it.
    Cancelled,
    /// Its server died and the provider could not go on.
    Interrupted,
    /// The provider failed.
    Error,
}

/// The terminal event of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The assistant message.
    pub id: MessageId,
    /// How the run ended.
    pub finish_reason: FinishReason,
    /// Tokens counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<Usage>,
    /// How often the answer was begun or taken up again; absent when once was enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempts: Option<u32>,
}
