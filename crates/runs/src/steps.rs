//! The tool calls of an answer: placed in its log, run as jobs, followed until each has ended.

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream, SelectAll},
};
use serde_json::Value;
use weir_protocol::{
    Approval, Caller, ConversationId, Failure, JobEvent, MAX_JSON_VALUES, RunId, StreamChunk, ToolCall, ToolCallStatus,
    ToolStatus, UserId, has_too_many_values,
};
use weir_realtime::{Encoded, LogWriter, LostLease, Reader};
use weir_store::{MAX_VALUE_DEPTH, SMALL_JSON, is_deeper_than, is_large, off_worker};

use crate::{
    Invocation, InvokeError, Jobs,
    context::{self, FORGOTTEN_ARGUMENTS, KEPT_OUTPUT},
    drive::{Drive, Ended},
};

/// A call as a model wrote it.
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) args: String,
}

/// Calls that are followed at once, of one step.
const MOST_CALLS: usize = 16;

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
            // What does not run is not kept whole: a model may write it again and again.
            let args = Some(if error.is_some() { context::shown(args, FORGOTTEN_ARGUMENTS).await } else { args });
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
        let asker = Asker {
            user: self.run.user,
            run: self.run.id,
            conversation: self.run.conversation,
            tools: self.run.tools.clone(),
        };
        let mut followed: SelectAll<_> =
            self.open_calls().map(|call| follow(self.jobs.clone(), asker.clone(), call.clone())).collect();
        loop {
            // Nothing is at work here while all of them wait for a person: the next server can wait as well.
            let idle = self.open_calls().all(|call| call.approval == Some(Approval::Pending));
            let status = tokio::select! {
                biased;
                () = self.signals.draining.cancelled(), if idle => return Ok(Some(Ended::Left)),
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
        let open: Vec<_> = self.open_calls().map(bare).collect();
        self.jobs.stop_all(self.run.user, open.iter().map(|call| call.id).collect());
        for call in open {
            self.tell(failed(call, Failure::new("cancelled", "It was cancelled.")), writer).await?;
        }
        Ok(())
    }

    fn open_calls(&self) -> impl Iterator<Item = &ToolCall> {
        let calls = self.fold.answer().tool_calls.as_deref().unwrap_or_default();
        calls.iter().filter(|call| matches!(call.status, ToolCallStatus::Queued | ToolCallStatus::Running))
    }

    /// Appends what a call is doing. The answer and its log change together, or not at all when the future is dropped.
    async fn tell(&mut self, status: ToolStatus, writer: &mut LogWriter) -> Result<(), LostLease> {
        if !self.fold.is_news(&status) {
            return Ok(());
        }
        let Some((status, event)) = encoded(status).await else { return Ok(()) };
        let slot = writer.reserve().await?;
        self.fold.tool(&status);
        slot.event(event);
        Ok(())
    }
}

/// The process stops, and the call has not begun.
struct NotBegun;

type Followed = BoxStream<'static, Result<ToolStatus, NotBegun>>;

/// For whom a model calls tools.
#[derive(Clone)]
struct Asker {
    user: UserId,
    run: RunId,
    conversation: ConversationId,
    /// The tools that may be called; none: every one that the user permits.
    tools: Option<Vec<String>>,
}

/// Begins a call, unless it was begun before, and tells what it is doing until it has ended.
fn follow(jobs: Jobs, asker: Asker, call: ToolCall) -> Followed {
    let begun = async move {
        let user = asker.user;
        let not_offered = asker.tools.as_ref().is_some_and(|tools| !tools.contains(&call.name));
        let invoked = if not_offered {
            Err(InvokeError::UnknownTool(call.name.clone()))
        } else {
            let invocation = Invocation {
                id: call.id,
                user,
                name: call.name.clone(),
                args: call.args.clone(),
                caller: Caller::Model,
                run: Some((asker.run, asker.conversation)),
                key: None,
            };
            jobs.begin(invocation).await
        };
        match invoked {
            Ok(()) => {
                let reader = jobs.reader(call.id);
                stream::unfold(Some((jobs, reader, user, bare(&call))), next).flat_map(stream::iter).boxed()
            }
            Err(InvokeError::Draining) => stream::iter([Err(NotBegun)]).boxed(),
            Err(error) => {
                let told = failed(bare(&call), jobs.told(user, &error).await);
                let args = Some(context::shown(call.args, FORGOTTEN_ARGUMENTS).await);
                stream::iter([Ok(ToolStatus { args, ..told })]).boxed()
            }
        }
    };
    stream::once(begun).flatten().boxed()
}

/// Of the call only what its statuses repeat.
type Following = (Jobs, Reader, UserId, ToolStatus);

async fn next(following: Option<Following>) -> Option<(Vec<Result<ToolStatus, NotBegun>>, Option<Following>)> {
    let (jobs, mut reader, user, call) = following?;
    let frames = jobs.frames(&mut reader).await;
    let Some(frames) = frames else {
        // The log is kept no longer, or its end was known: the row has what came of it.
        let status = match jobs.result(user, call.id).await {
            Ok(output) => done(call, context::shown(output, KEPT_OUTPUT).await),
            Err(failure) => failed(call, failure),
        };
        return Some((vec![Ok(status)], None));
    };
    let over = frames.last().is_some_and(|frame| frame.terminal);
    let size: usize = frames.iter().map(|frame| frame.sse.len()).sum();
    let like = call.clone();
    let read = move || {
        let events = frames.iter().filter_map(|frame| JobEvent::parse(frame.kind(), frame.data()).ok());
        events.filter_map(|event| status(&like, event)).map(Ok).collect()
    };
    let statuses = if size > SMALL_JSON { off_worker(read).await } else { read() };
    Some((statuses, (!over).then_some((jobs, reader, user, call))))
}

/// What an event of a job means in the answer's log. Parts of an output are for those who follow the job itself.
fn status(call: &ToolStatus, event: JobEvent) -> Option<ToolStatus> {
    let call = call.clone();
    Some(match event {
        JobEvent::ToolUpdate(update) => ToolStatus {
            status: update.status,
            approval: update.approval,
            progress: update.progress,
            note: update.note,
            ..call
        },
        JobEvent::PartialResult(_) => return None,
        JobEvent::Complete(complete) => done(call, context::shortened(complete.output, KEPT_OUTPUT)),
        JobEvent::Error(error) => failed(call, Failure { code: error.code, message: error.message }),
    })
}

fn done(call: ToolStatus, output: Value) -> ToolStatus {
    ToolStatus { status: ToolCallStatus::Done, output: Some(output), ..call }
}

fn failed(call: ToolStatus, error: Failure) -> ToolStatus {
    // Who was asked in vain was asked all the same.
    let denied = matches!(error.code.as_str(), "denied" | "approval_timeout");
    let approval = denied.then_some(Approval::Denied);
    ToolStatus { status: ToolCallStatus::Error, approval, error: Some(error), ..call }
}

/// What the statuses of a call have in common.
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

/// A status with its event; none when it cannot be written as JSON. A large one is encoded on a blocking thread.
async fn encoded(status: ToolStatus) -> Option<(ToolStatus, Encoded)> {
    let encode = |status: ToolStatus| {
        let chunk = StreamChunk::ToolStatus(status);
        let encoded = Encoded::of(&chunk);
        let StreamChunk::ToolStatus(status) = chunk else { unreachable!("it was made above") };
        (status, encoded)
    };
    let has_large = [&status.args, &status.output].into_iter().flatten().any(is_large);
    let (status, encoded) = if has_large { off_worker(move || encode(status)).await } else { encode(status) };
    encoded
        .inspect_err(|error| tracing::error!(%error, "the status of a call cannot be written as JSON"))
        .ok()
        .map(|encoded| (status, encoded))
}

/// Parses the arguments of a call. A model that has none to give often writes nothing. Long arguments are parsed on a
/// blocking thread.
async fn arguments(text: &str) -> Result<Value, String> {
    if text.len() <= SMALL_JSON {
        return parse_arguments(text);
    }
    let text = text.to_owned();
    off_worker(move || parse_arguments(&text)).await
}

fn parse_arguments(text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    if has_too_many_values(text.as_bytes()) {
        return Err(format!("it holds more than {MAX_JSON_VALUES} values"));
    }
    match serde_json::from_str(text) {
        Ok(args) if is_deeper_than(&args, MAX_VALUE_DEPTH) => {
            Err(format!("it is nested more than {MAX_VALUE_DEPTH} levels deep"))
        }
        Ok(args @ Value::Object(_)) => Ok(args),
        Ok(_) => Err("it is another kind of JSON".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
