//! The pure fold of a provider's events into a run's events.

use weir_protocol::{
    ChatMessage, Done, Failure, FinishReason, MessageStatus, StreamChunk, Timestamp, ToolCall, ToolCallId, ToolStatus,
    Usage,
};
use weir_providers::{FinishedWith, ProviderEvent};
use weir_store::RunEnd;

/// The longest text of one answer, in bytes. A model that does not stop ends its run, not the server's memory.
pub(crate) const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// An answer as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    answer: ChatMessage,
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
        Self { answer: ChatMessage { seq: None, ..answer }, before: Usage::default(), current: None }
    }

    /// The answer so far.
    pub fn answer(&self) -> &ChatMessage {
        &self.answer
    }

    /// Takes in what a tool call is doing; false when it is known already.
    pub fn tool(&mut self, status: &ToolStatus) -> bool {
        let known = self.call(status.id).cloned();
        self.answer.apply(&StreamChunk::ToolStatus(status.clone()));
        known.as_ref() != self.call(status.id) || status.progress.is_some() || status.note.is_some()
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
                self.answer.content.push_str(&text);
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
    pub fn end(mut self, outcome: Outcome, attempts: u32, at: Timestamp) -> (Vec<StreamChunk>, RunEnd) {
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
        self.answer.status = status;
        self.answer.usage = usage;
        self.answer.error.clone_from(&error);
        let done =
            Done { id: self.answer.id, finish_reason, usage, attempts: Some(attempts).filter(|count| *count > 1) };
        let chunks = error
            .map(StreamChunk::Error)
            .into_iter()
            .chain([StreamChunk::Message(self.answer.clone()), StreamChunk::Done(done)])
            .collect();
        (chunks, RunEnd { message: self.answer, finish_reason, at })
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
