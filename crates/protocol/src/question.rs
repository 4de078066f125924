//! What a tool asks the person in the middle of a call: the elicitation of the Model Context Protocol (2025-11-25 and
//! 2026-07-28).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{ConversationId, FieldError, QuestionId, RunId, Timestamp, ToolCallId};

/// The largest answer, in bytes of JSON.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A question that waits for this user. What it says is the server's text and not to be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The question.
    pub id: QuestionId,
    /// The call in whose middle it is asked.
    pub call_id: ToolCallId,
    /// The tool.
    pub name: String,
    /// The MCP server that asks.
    pub server: String,
    /// What it wants to know, and why.
    pub message: String,
    /// The JSON Schema of the answer: an object of plain values. Absent where a page asks instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub schema: Option<Value>,
    /// The page that asks, for what must not pass through here, such as a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub url: Option<String>,
    /// The conversation in which the tool was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub conversation_id: Option<ConversationId>,
    /// The run in which it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_id: Option<RunId>,
    /// Since when it waits.
    pub asked_at: Timestamp,
    /// From when on silence is no answer.
    pub expires_at: Timestamp,
}

/// What a person does with a question, in the protocol's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuestionAction {
    /// Answers it.
    Accept,
    /// Does not want to.
    Decline,
    /// Leaves it.
    Cancel,
}

/// Answers a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnswerQuestion {
    /// What the person does with it.
    pub action: QuestionAction,
    /// The answer, with `accept`, as the question's schema wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub content: Option<Value>,
}

impl AnswerQuestion {
    /// What is done with a question that nobody answers.
    pub const fn silence() -> Self {
        Self { action: QuestionAction::Cancel, content: None }
    }

    /// Every field that is wrong, whatever the question.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.content.as_ref().is_some_and(|content| content.to_string().len() > MAX_ANSWER_BYTES) {
            faults.push(FieldError::new("content", "must be at most 64 KiB"));
        }
        if self.content.is_some() && self.action != QuestionAction::Accept {
            faults.push(FieldError::new("content", "is given with accept only"));
        }
        faults
    }
}
