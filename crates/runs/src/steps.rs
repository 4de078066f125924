//! The tool calls of an answer: placed in its log, run as jobs, followed until each has ended.

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream, SelectAll},
};
use serde_json::Value;
use tokio::task::spawn_blocking;
use weir_protocol::{Approval, Caller, Failure, JobEvent, StreamChunk, ToolCall, ToolCallStatus, ToolStatus, UserId};
use weir_realtime::{LogWriter, LostLease, Reader};
use weir_store::{RunRecord, StoreError};

use crate::{
    Invocation, InvokeError, Jobs, Outcome, context,
    drive::{Drive, Ended},
};

/// A call as a model wrote it.
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) args: String,
}

/// Calls that are followed at once, of one step.
const MOST_CALLS: usize = 16;
/// Arguments up to this length are parsed in place, in bytes: at most a millisecond for the densest JSON.
const INLINE_ARGUMENT_BYTES: usize = 32 * 1024;

impl Drive {
    /// Puts the calls of a step into the log, before any of them runs: whoever takes the run over knows of each.
    pub(crate) async fn place(&mut self, wanted: Vec<Wanted>, writer: &mut LogWriter) -> Result<(), LostLease> {
        self.unreadable = 0;
        for (place, Wanted { name, args }) in wanted.into_iter().enumerate() {
            let (args, error) = match arguments(&args).await {
                Ok(args) if place < MOST_CALLS => (args, None),
                Ok(args) => (args, Some(Failure::new("too_many_calls", "At most 16 tools are called in one step."))),
                Err(why) => {
                    self.unreadable += 1;
                    let message = format!("The arguments are no JSON object: {why}. Call the tool again with JSON.");
                    (Value::String(args), Some(Failure::new("invalid_arguments", &message)))
                }
            };
            let status = if error.is_some() { ToolCallStatus::Error } else { ToolCallStatus::Queued };
            let id = self.jobs.new_id();
            let args = Some(args);
            let placed =
                ToolStatus { id, name, status, approval: None, args, output: None, error, progress: None, note: None };
            self.tell(placed, writer).await?;
        }
        writer.flush().await
    }

    /// Follows the calls that have not ended, and returns when all have. None: the model is to be asked again.
    pub(crate) async fn settle(&mut self, writer: &mut LogWriter) -> Result<Option<Ended>, LostLease> {
        if self.open_calls().next().is_none() {
            return Ok(None);
        }
        let mut followed: SelectAll<_> =
            self.open_calls().map(|call| follow(self.jobs.clone(), self.run.clone(), call.clone())).collect();
        loop {
            // Nothing is at work here while all of them wait for a person: the next server can wait as well.
            let idle = self.open_calls().all(|call| call.approval == Some(Approval::Pending));
            let status = tokio::select! {
                biased;
                () = self.signals.cancel.cancelled() => {
                    self.cancel_calls(writer).await?;
                    return Ok(Some(Ended::With(Outcome::Cancelled)));
                }
                () = self.signals.stop.cancelled() => return Ok(Some(Ended::Left)),
                () = self.signals.draining.cancelled(), if idle => return Ok(Some(Ended::Left)),
                () = writer.lost() => return Err(LostLease),
                status = followed.next() => status,
            };
            match status {
                Some(Ok(status)) => self.tell(status, writer).await?,
                // The process stops before the call could begin; the next server begins it.
                Some(Err(NotBegun)) => return Ok(Some(Ended::Left)),
                None => return Ok(None),
            }
        }
    }

    /// Ends what is still going on, in the jobs and in the log.
    pub(crate) async fn cancel_calls(&mut self, writer: &mut LogWriter) -> Result<(), LostLease> {
        let open: Vec<_> = self.open_calls().cloned().collect();
        for call in open {
            if let Err(error) = self.jobs.cancel(self.run.user, call.id).await
                && !matches!(error, StoreError::NotFound(_))
            {
                tracing::warn!(%error, job = %call.id, "a job of a stopped answer could not be cancelled");
            }
            self.tell(ended(&call, Err(Failure::new("cancelled", "It was cancelled."))), writer).await?;
        }
        Ok(())
    }

    fn open_calls(&self) -> impl Iterator<Item = &ToolCall> {
        let calls = self.fold.answer().tool_calls.as_deref().unwrap_or_default();
        calls.iter().filter(|call| matches!(call.status, ToolCallStatus::Queued | ToolCallStatus::Running))
    }

    async fn tell(&mut self, status: ToolStatus, writer: &mut LogWriter) -> Result<(), LostLease> {
        if self.fold.tool(&status) { writer.chunk(StreamChunk::ToolStatus(status)).await } else { Ok(()) }
    }
}

/// The process stops, and the call has not begun.
struct NotBegun;

type Followed = BoxStream<'static, Result<ToolStatus, NotBegun>>;

/// Begins a call, unless it was begun before, and tells what it is doing until it has ended.
fn follow(jobs: Jobs, run: RunRecord, call: ToolCall) -> Followed {
    let begun = async move {
        let user = run.user;
        let invocation = Invocation {
            id: call.id,
            user,
            name: call.name.clone(),
            args: call.args.clone(),
            caller: Caller::Model,
            run: Some((run.id, run.conversation)),
            key: None,
        };
        let not_offered = run.tools.as_ref().is_some_and(|tools| !tools.contains(&call.name));
        let invoked =
            if not_offered { Err(InvokeError::UnknownTool(call.name.clone())) } else { jobs.begin(invocation).await };
        match invoked {
            Ok(()) => {
                let reader = jobs.reader(call.id);
                stream::unfold(Some((jobs, reader, user, call)), next).flat_map(stream::iter).boxed()
            }
            Err(InvokeError::Draining) => stream::iter([Err(NotBegun)]).boxed(),
            Err(error) => stream::iter([Ok(ended(&call, Err(jobs.told(user, &error).await)))]).boxed(),
        }
    };
    stream::once(begun).flatten().boxed()
}

type Following = (Jobs, Reader, UserId, ToolCall);

async fn next(following: Option<Following>) -> Option<(Vec<Result<ToolStatus, NotBegun>>, Option<Following>)> {
    let (jobs, mut reader, user, call) = following?;
    let frames = jobs.frames(&mut reader).await;
    let Some(frames) = frames else {
        // The log is kept no longer, or its end was known: the row has what came of it.
        return Some((vec![Ok(ended(&call, jobs.result(user, call.id).await))], None));
    };
    let over = frames.last().is_some_and(|frame| frame.terminal);
    let statuses = frames
        .iter()
        .filter_map(|frame| JobEvent::parse(frame.kind(), frame.data()).ok())
        .filter_map(|event| status(&call, event))
        .map(Ok)
        .collect();
    Some((statuses, (!over).then_some((jobs, reader, user, call))))
}

/// What an event of a job means in the answer's log. Parts of an output are for those who follow the job itself.
fn status(call: &ToolCall, event: JobEvent) -> Option<ToolStatus> {
    Some(match event {
        JobEvent::ToolUpdate(update) => ToolStatus {
            status: update.status,
            approval: update.approval,
            progress: update.progress,
            note: update.note,
            ..bare(call)
        },
        JobEvent::PartialResult(_) => return None,
        JobEvent::Complete(complete) => ended(call, Ok(complete.output)),
        JobEvent::Error(error) => ended(call, Err(Failure { code: error.code, message: error.message })),
    })
}

fn ended(call: &ToolCall, result: Result<Value, Failure>) -> ToolStatus {
    // Who was asked in vain was asked all the same.
    let denied = result.as_ref().is_err_and(|failure| matches!(failure.code.as_str(), "denied" | "approval_timeout"));
    let approval = denied.then_some(Approval::Denied);
    match result {
        Ok(output) => ToolStatus { status: ToolCallStatus::Done, output: Some(context::shown(output)), ..bare(call) },
        Err(error) => ToolStatus { status: ToolCallStatus::Error, approval, error: Some(error), ..bare(call) },
    }
}

fn bare(call: &ToolCall) -> ToolStatus {
    ToolStatus {
        id: call.id,
        name: call.name.clone(),
        status: call.status,
        approval: None,
        args: None,
        output: None,
        error: None,
        progress: None,
        note: None,
    }
}

/// Parses the arguments of a call. A model that has none to give often writes nothing. Long arguments are parsed on a
/// blocking thread.
async fn arguments(text: &str) -> Result<Value, String> {
    if text.len() <= INLINE_ARGUMENT_BYTES {
        return parse_arguments(text);
    }
    let text = text.to_owned();
    spawn_blocking(move || parse_arguments(&text)).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn parse_arguments(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_str(text) {
        Ok(args @ Value::Object(_)) => Ok(args),
        Ok(_) => Err("it is another kind of JSON".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
