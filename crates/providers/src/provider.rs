//! The one interface between a run and whatever answers it.

use std::{any::Any, fmt, pin::Pin, sync::Arc};

use async_trait::async_trait;
use futures_util::Stream;
use serde_json::Value;
use weir_protocol::{ConversationId, Model, Role, ToolCallId, Usage};

use crate::ProviderError;

/// One message of the context, as a model reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// The text; of [`Role::Tool`] what the tool gave.
    pub content: String,
    /// What an assistant called after this text. Each call is answered by a turn of [`Role::Tool`] that follows.
    pub calls: Vec<TurnCall>,
    /// The call that a turn of [`Role::Tool`] answers.
    pub answers: Option<ToolCallId>,
}

impl Turn {
    /// A turn without any tool.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), calls: Vec::new(), answers: None }
    }

    /// What a tool gave to a call.
    pub fn output(call: ToolCallId, content: impl Into<String>) -> Self {
        Self { answers: Some(call), ..Self::new(Role::Tool, content) }
    }
}

/// A call of a tool that a model made.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnCall {
    /// Which one.
    pub id: ToolCallId,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub args: Value,
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// A JSON object with `name`, `description` and `parameters`, the JSON Schema of the arguments. All requests share it.
    pub definition: Arc<str>,
}

/// The place of a context among those that are in memory at once. It is given up when its last clone is dropped.
#[derive(Clone, Default)]
pub struct ContextPlace(Option<Arc<dyn Any + Send + Sync>>);

impl ContextPlace {
    /// A place that `permit` is held for.
    pub fn new(permit: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(permit)))
    }
}

impl fmt::Debug for ContextPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ContextPlace").field(&self.0.is_some()).finish()
    }
}

/// What a run asks of a provider.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// The model's own name, without the provider's prefix.
    pub model: String,
    /// The conversation; a provider may keep work (a prompt's prefix) from one request to the next of the same one.
    pub conversation: ConversationId,
    /// The messages, oldest first; the last is the person's. Never empty.
    pub turns: Vec<Turn>,
    /// The tools that it may call; only a model with the capability is offered some.
    pub tools: Vec<Offer>,
    /// The answer so far, when a broken-off answer is taken up again. The stream then carries only what follows it.
    /// Asked only of a model that `continues`.
    pub partial: Option<String>,
    /// Held while the request is in memory as a whole. A provider drops it as soon as it has encoded the request.
    pub place: ContextPlace,
}

/// What a provider says while it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderEvent {
    /// The next piece of the answer: whole characters, never empty.
    Text(String),
    /// The model calls a tool. It comes whole, before [`ProviderEvent::Finished`].
    Call {
        /// The tool, as the model names it.
        name: String,
        /// The arguments as the model wrote them: JSON, if it did well.
        args: String,
    },
    /// Tokens counted so far for this request; a later count replaces an earlier one.
    Usage(Usage),
    /// The answer is complete; at most a `Usage` follows. A stream that ends without it has failed.
    Finished(FinishedWith),
}

/// How a provider came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedWith {
    /// The model ended its answer.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// The model waits for what the tools give that it called.
    Calls,
}

/// An answer as it comes. Dropping it cancels: the upstream's connection is closed, or its slot freed, at once.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<ProviderEvent, ProviderError>> + Send>>;

/// A place in a provider's bounded queue, held from before the run is stored until its stream has ended.
pub type Admission = Box<dyn Any + Send + Sync>;

/// Something that answers.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The prefix of its models' ids, for instance `openai`.
    fn id(&self) -> &'static str;

    /// What it can answer with now, and what it could if something were done (`available: false` with a `note`). Never
    /// fails and never takes long: an upstream that does not answer within a few seconds is reported as not available.
    /// `default` is left false; the caller marks it.
    async fn models(&self) -> Vec<Model>;

    /// Asks for a place before a run is stored, so that an overloaded provider refuses while nothing has begun.
    ///
    /// # Errors
    /// [`ProviderErrorKind::Overloaded`](crate::ProviderErrorKind::Overloaded) with a time to retry after.
    fn admit(&self) -> Result<Admission, ProviderError> {
        Ok(Box::new(()))
    }

    /// Whether `model` can be offered tools.
    fn calls_tools(&self, model: &str) -> bool;

    /// Whether `model` goes on from a partial answer.
    fn continues(&self, model: &str) -> bool;

    /// Asks, and answers as soon as the upstream has accepted the question. Retries of its own happen only before the
    /// first token.
    ///
    /// # Errors
    /// When the upstream cannot be reached or refuses.
    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError>;
}
