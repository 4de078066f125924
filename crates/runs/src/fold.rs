//! The pure fold of a provider's events into a run's events.

use std::sync::Arc;

use serde_json::Value;
use weir_protocol::{
    ChatMessage, Done, Failure, FinishReason, MessageStatus, StreamChunk, Timestamp, ToolCall, ToolCallId, ToolStatus,
    Usage,
};
use weir_providers::{FinishedWith, ProviderEvent};
use weir_realtime::Encoded;
use weir_store::RunEnd;

/// The longest text of one answer, in bytes. A model that does not stop ends its run, not the server's memory.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The most that the arguments and outputs of one answer's tool calls may take, in bytes; each JSON value counts [`VALUE_BYTES`]. A
/// model whose calls take more is offered no tools any more.
const MAX_CALLS_BYTES: usize = 4 * 1024 * 1024;
/// What a JSON value takes in memory, beside its text.
const VALUE_BYTES: usize = 64;

/// An answer as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    answer: Arc<ChatMessage>,
    /// Bytes of its calls' arguments and outputs.
    calls_bytes: usize,
    /// Tokens of the attempts before this one.
    before: Usage,
    /// Tokens of this attempt.
    current: Option<Usage>,
}

/// How an answer came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider finished.
    Finished(FinishedWith),
    /// Somebody stopped it.
    Cancelled,
    /// The provider failed.
    Failed(Failure),
    /// It broke off with its server, and the provider cannot go on.
    Interrupted(Failure),
}

impl Fold {
    /// An answer that has come as far as its message.
    pub fn new(answer: ChatMessage) -> Self {
        let calls = answer.tool_calls.iter().flatten();
        let calls_bytes = calls.map(|call| weight(&call.args) + call.output.as_ref().map_or(0, weight)).sum();
        let answer = Arc::new(ChatMessage { seq: None, ..answer });
        Self { answer, calls_bytes, before: Usage::default(), current: None }
    }

    /// The answer so far.
    pub fn answer(&self) -> &ChatMessage {
        &self.answer
    }

    /// The answer so far, for work on another thread.
    pub(crate) fn shared(&self) -> Arc<ChatMessage> {
        self.answer.clone()
    }

    /// Takes in what a tool call is doing; false when it is known already.
    pub fn tool(&mut self, status: &ToolStatus) -> bool {
        let is_news = self.is_news(status);
        if is_news {
            self.calls_bytes += status.args.as_ref().map_or(0, weight) + status.output.as_ref().map_or(0, weight);
            if let (Some(_), Some(known)) = (&status.args, self.call(status.id)) {
                self.calls_bytes = self.calls_bytes.saturating_sub(weight(&known.args));
            }
            Arc::make_mut(&mut self.answer).apply_status(status);
        }
        is_news
    }

    /// Whether what a tool call is doing is not known already.
    pub(crate) fn is_news(&self, status: &ToolStatus) -> bool {
        let Some(known) = self.call(status.id) else { return true };
        status.progress.is_some()
            || status.note.is_some()
            || status.status != known.status
            || (status.approval.is_some() && status.approval != known.approval)
            || (status.output.is_some() && status.output != known.output)
            || (status.error.is_some() && status.error != known.error)
            || status.args.as_ref().is_some_and(|args| *args != known.args)
    }

    /// Whether its tool calls have reached [`MAX_CALLS_BYTES`].
    pub(crate) fn has_full_calls(&self) -> bool {
        self.calls_bytes >= MAX_CALLS_BYTES
    }

    fn call(&self, id: ToolCallId) -> Option<&ToolCall> {
        self.answer.tool_calls.iter().flatten().find(|call| call.id == id)
    }

    /// Whether the answer's text has reached [`MAX_ANSWER_BYTES`].
    pub(crate) fn is_full(&self) -> bool {
        self.answer.content.len() >= MAX_ANSWER_BYTES
    }

    /// Takes in an event; gives the text to append, if there is some, or how the answer ended.
    pub fn apply(&mut self, event: ProviderEvent) -> Step {
        match event {
            ProviderEvent::Text(text) if text.is_empty() => Step::Nothing,
            ProviderEvent::Text(mut text) => {
                // The one character that PostgreSQL cannot store. HTML shows the same for it.
                if text.contains('\0') {
                    text = text.replace('\0', "\u{fffd}");
                }
                Arc::make_mut(&mut self.answer).content.push_str(&text);
                Step::Text(text)
            }
            ProviderEvent::Usage(usage) => {
                self.current = Some(usage);
                Step::Nothing
            }
            ProviderEvent::Call { name, args } => Step::Call { name, args },
            ProviderEvent::Finished(with) => Step::Finished(with),
        }
    }

    /// Tokens of this attempt, if the provider has counted them.
    pub(crate) fn counted(&self) -> Option<Usage> {
        self.current
    }

    /// The provider is asked once more: what it counted so far stays counted.
    pub fn next_attempt(&mut self) {
        self.before = self.usage().unwrap_or_default();
        self.current = None;
    }

    /// The last events of the log, and what becomes of the run.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn end(
        self,
        outcome: Outcome,
        attempts: u32,
        at: Timestamp,
    ) -> Result<(Vec<Encoded>, RunEnd), serde_json::Error> {
        let usage = self.usage();
        let (status, finish_reason, error) = match outcome {
            Outcome::Finished(FinishedWith::Stop | FinishedWith::Calls) => {
                (MessageStatus::Complete, FinishReason::Stop, None)
            }
            Outcome::Finished(FinishedWith::Length) => (MessageStatus::Complete, FinishReason::Length, None),
            Outcome::Cancelled => (MessageStatus::Cancelled, FinishReason::Cancelled, None),
            Outcome::Failed(error) => (MessageStatus::Error, FinishReason::Error, Some(error)),
            Outcome::Interrupted(error) => (MessageStatus::Interrupted, FinishReason::Interrupted, Some(error)),
        };
        let mut message = Arc::unwrap_or_clone(self.answer);
        message.status = status;
        message.usage = usage;
        message.error.clone_from(&error);
        let done = Done { id: message.id, finish_reason, usage, attempts: Some(attempts).filter(|count| *count > 1) };
        let mut events = Vec::with_capacity(3);
        if let Some(error) = error {
            events.push(Encoded::of(&StreamChunk::Error(error))?);
        }
        let message = StreamChunk::Message(message);
        events.push(Encoded::of(&message)?);
        events.push(Encoded::of(&StreamChunk::Done(done))?);
        let StreamChunk::Message(message) = message else { unreachable!("it was made above") };
        Ok((events, RunEnd::new(message, finish_reason, at)?))
    }

    fn usage(&self) -> Option<Usage> {
        let counted = self.current.is_some() || self.before != Usage::default();
        let current = self.current.unwrap_or_default();
        counted.then(|| Usage {
            input_tokens: self.before.input_tokens + current.input_tokens,
            output_tokens: self.before.output_tokens + current.output_tokens,
        })
    }
}

/// What a value takes in memory, roughly.
fn weight(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// What an event means for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to append.
    Nothing,
    /// Text to append.
    Text(String),
    /// A tool to call.
    Call {
        /// The tool, as the model names it.
        name: String,
        /// The arguments as the model wrote them.
        args: String,
    },
    /// The provider has finished.
    Finished(FinishedWith),
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;
    use weir_protocol::{ConversationId, MessageId, Role, ToolCallStatus};

    use super::*;

    fn placed(number: u128, args: Value) -> ToolStatus {
        ToolStatus {
            id: ToolCallId(Uuid::from_u128(number)),
            name: "t".to_owned(),
            status: ToolCallStatus::Queued,
            approval: None,
            args: Some(args),
            output: None,
            error: None,
            progress: None,
            note: None,
        }
    }

    fn fold() -> Fold {
        Fold::new(ChatMessage {
            id: MessageId(Uuid::nil()),
            conversation_id: ConversationId(Uuid::nil()),
            parent_id: None,
            role: Role::Assistant,
            content: String::new(),
            created_at: Timestamp(0),
            status: MessageStatus::Streaming,
            run_id: None,
            seq: None,
            model: None,
            tool_calls: None,
            usage: None,
            error: None,
        })
    }

    #[test]
    fn agent_22_calls_are_full_by_bytes_or_by_values_and_shortened_arguments_make_room() {
        let text = || json!({ "text": "x".repeat(1024 * 1024) });
        let mut long = fold();
        (0..3).for_each(|number| assert!(long.tool(&placed(number, text()))));
        assert!(!long.has_full_calls());
        assert!(long.tool(&placed(3, text())));
        assert!(long.has_full_calls());
        assert_eq!(Fold::new(long.answer().clone()).calls_bytes, long.calls_bytes, "a take-over counts the same");
        assert!(long.tool(&placed(0, json!("shortened"))));
        assert!(!long.has_full_calls());
        let mut dense = fold();
        assert!(dense.tool(&placed(0, json!({ "items": vec![0; 70_000] }))));
        assert!(dense.has_full_calls());
    }

    #[test]
    fn a_status_that_says_nothing_new_changes_nothing() {
        let mut fold = fold();
        let status = placed(0, json!({ "a": 1 }));
        assert!(fold.tool(&status));
        assert!(!fold.tool(&status) && !fold.tool(&ToolStatus { args: None, ..status.clone() }));
        assert!(fold.tool(&ToolStatus { status: ToolCallStatus::Running, args: None, ..status.clone() }));
        assert!(fold.tool(&ToolStatus { status: ToolCallStatus::Running, progress: Some(0.5), ..status }));
    }
}
