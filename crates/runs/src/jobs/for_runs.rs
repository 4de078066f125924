//! Jobs as an answer's run sees them.

use serde_json::Value;
use weir_protocol::{Failure, FieldError, Permission, Seq, ToolCallId, UserId, excerpt};
use weir_providers::Offer;
use weir_realtime::{Frame, Reader};
use weir_store::Backoff;

use super::{Invocation, InvokeError, Jobs};

/// Characters of argument faults in an error for a model.
const MAX_FAULT_CHARS: usize = 4000;
/// Characters of an unknown tool's name in an error for a model.
const MAX_NAME_CHARS: usize = 100;

impl Jobs {
    /// An id for a call.
    pub(crate) fn new_id(&self) -> ToolCallId {
        ToolCallId(self.inner.clock.id())
    }

    /// Begins a call, however long the database takes.
    pub(crate) async fn begin(&self, call: Invocation) -> Result<(), InvokeError> {
        let mut backoff = Backoff::of_database();
        loop {
            match self.invoke(call.clone()).await {
                Err(InvokeError::Store(error)) if error.is_transient() => {
                    tracing::warn!(%error, job = %call.id, "a job could not be begun; trying again");
                    backoff.wait_unless(&self.inner.stop).await.map_err(|_| InvokeError::Draining)?;
                }
                begun => return begun.map(drop),
            }
        }
    }

    /// Follows a job from its first event.
    pub(crate) fn reader(&self, id: ToolCallId) -> Reader {
        self.inner.log.job_reader(id, Seq::START)
    }

    /// The next events of a job, however long the database takes. None when nothing follows, or the server stops.
    pub(crate) async fn frames(&self, reader: &mut Reader) -> Option<Vec<Frame>> {
        let mut backoff = Backoff::of_database();
        loop {
            match reader.next().await {
                Ok(frames) => return frames,
                Err(error) => {
                    tracing::warn!(%error, "a job's log cannot be read; trying again");
                    backoff.wait_unless(&self.inner.stop).await.ok()?;
                }
            }
        }
    }

    /// What came of a job that has ended.
    pub(crate) async fn result(&self, user: UserId, id: ToolCallId) -> Result<Value, Failure> {
        let gone = || Failure::new("interrupted", "What came of it is not known any more.");
        let job = self.inner.store.job(user, id).await.map_err(|_| gone())?.job;
        job.output.ok_or_else(|| job.error.unwrap_or_else(gone))
    }

    /// Why a call was not begun, in words for a model.
    pub(crate) async fn told(&self, user: UserId, error: &InvokeError) -> Failure {
        match error {
            InvokeError::UnknownTool(name) => {
                let names: Vec<_> = self.offers(user, None).await.into_iter().map(|offer| offer.name).collect();
                let message = format!(
                    "There is no tool named {:?}. There are: {}.",
                    excerpt(name, MAX_NAME_CHARS),
                    names.join(", ")
                );
                Failure::new("unknown_tool", &message)
            }
            InvokeError::Invalid(faults) => {
                let list: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.path, fault.message)).collect();
                let list = excerpt(&list.join("; "), MAX_FAULT_CHARS);
                Failure::new("invalid_arguments", &format!("The arguments do not fit: {list}."))
            }
            InvokeError::Denied(_) => Failure::new("denied", "The person does not permit this tool."),
            InvokeError::Draining => Failure::new("draining", "The server is restarting."),
            InvokeError::TooMany { max } => {
                let message = format!("{max} tool calls are unfinished, which is the limit. Wait until one has ended.");
                Failure::new("too_many_jobs", &message)
            }
            InvokeError::Store(_) => Failure::new("internal", &error.to_string()),
        }
    }

    /// The tools that a model is offered: of those that it may call, the ones that the user does not deny.
    pub(crate) async fn offers(&self, user: UserId, only: Option<&[String]>) -> Vec<Offer> {
        let tools = match self.permitted(user).await {
            Ok(tools) => tools,
            Err(error) => {
                tracing::warn!(%error, "the permissions cannot be read: no tools are offered");
                return Vec::new();
            }
        };
        tools
            .into_iter()
            .filter(|(tool, _)| only.is_none_or(|only| only.contains(&tool.spec().name)))
            .filter(|(_, set)| set.permission != Permission::Deny || !set.rules.is_empty())
            .map(|(tool, _)| Offer { name: tool.spec().name.clone(), definition: tool.definition().clone() })
            .collect()
    }

    /// The names that are no tool's, as faults of a request's `tools`.
    pub(crate) fn unknown(&self, names: &[String]) -> Vec<FieldError> {
        let unknown = names.iter().enumerate().filter(|(_, name)| self.inner.tools.find(name).is_none());
        unknown.map(|(place, _)| FieldError::new(format!("tools[{place}]"), "names no tool of this server")).collect()
    }
}
