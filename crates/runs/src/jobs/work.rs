//! One job from its word to its terminal event.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use weir_protocol::{
    Approval, Caller, Failure, JobEvent, PartialResult, ToolCallStatus, ToolFailure, ToolOutput, ToolUpdate,
};
use weir_realtime::{Encoded, JobWriter, LostLease, Topic};
use weir_store::{
    Backoff, JobChange, JobLease, JobRecord, LogId, MAX_VALUE_DEPTH, StoreError, is_deeper_than, is_large,
    is_larger_than, off_worker,
};
use weir_tools::{Call, CallPermissions, Callable, PermissionRules, Report, ToolError};

use super::{
    Inner,
    approvals::{Heard, denial, waits},
    questions::Waiting,
};
use crate::measure;

/// A job whose server died this often while it ran is not run again: it may be what ends the servers.
const MAX_DEATHS: u32 = 2;
/// The largest output, as JSON.
const MOST_OUTPUT_BYTES: usize = 4 * 1024 * 1024;
/// Words of progress are written down no more often than this.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);

/// How a job came to its end.
enum End {
    With(Result<Value, Failure>),
    /// The next server goes on with it.
    Left,
}

impl End {
    /// What it is counted as.
    fn word(&self) -> &'static str {
        match self {
            Self::With(Ok(_)) => "worked",
            Self::With(Err(failure)) if failure.code == "cancelled" => "cancelled",
            Self::With(Err(_)) => "failed",
            Self::Left => "left",
        }
    }
}

impl Inner {
    /// Drives a job to its end, unless it is left to the next server.
    pub(super) async fn drive(
        &self,
        mut record: JobRecord,
        lease: JobLease,
        cancel: CancellationToken,
    ) -> Result<(), LostLease> {
        let mut writer = self.log.job_writer(lease);
        let end = match refusal(&record) {
            Some(failure) => End::With(Err(failure)),
            None => self.work(&mut record, &mut writer, &cancel).await?,
        };
        let id = record.job.id;
        measure::job_ended(&record.job.name, end.word());
        if let End::With(Err(failure)) = &end {
            // A foreign tool may make up its own words.
            weir_trace::failed(
                &tracing::Span::current(),
                if failure.code == "cancelled" { "cancelled" } else { "failed" },
            );
        }
        let (event, change) = match end {
            End::Left => {
                match self.store.release_job(lease).await {
                    Ok(()) => self.log.changed(Topic::Leases),
                    Err(error) => tracing::warn!(%error, job = %id, "a job could not be given up; it is found later"),
                }
                return Ok(());
            }
            End::With(Ok(output)) => {
                let written = move || {
                    let output = ToolOutput { id, output };
                    let row = serde_json::to_string(&output.output)?;
                    serde_json::Result::Ok((Encoded::of_job(&JobEvent::Complete(output))?, row))
                };
                let (event, output) = off_worker(written).await.map_err(|error| unwritable(&error))?;
                (event, JobChange::Worked(output))
            }
            End::With(Err(failure)) => {
                let Failure { code, message } = failure.clone();
                (encoded(JobEvent::Error(ToolFailure { id, code, message })).await?, JobChange::Failed(failure))
            }
        };
        writer.append(event, &change, self.clock.now()).await
    }

    /// Ends a job whose driver panicked, as soon as the database lets it.
    pub(super) async fn end_broken(&self, lease: JobLease) {
        let id = lease.job;
        tracing::error!(job = %id, "the driver of a job panicked");
        let mut backoff = Backoff::of_database();
        // How far the driver had written is not known here. A take-over finds out, and ends what the driver left behind.
        let lease = loop {
            match self.store.take_job_over(id, lease.epoch, self.instance).await {
                Ok((_, lease)) => break lease,
                // It has ended, or another instance drives it.
                Err(StoreError::NotFound(_)) => return self.log.changed(Topic::Log(LogId::Job(id))),
                Err(error) => {
                    tracing::error!(%error, job = %id, "a broken job could not be ended; trying again");
                    if backoff.wait_unless(&self.stop).await.is_err() {
                        return;
                    }
                }
            }
        };
        let failure =
            Failure::new("internal", "Weir failed while it ran this tool. It may have done a part of its work.");
        let Failure { code, message } = failure.clone();
        let ended = async {
            let event = encoded(JobEvent::Error(ToolFailure { id, code, message })).await?;
            self.log.job_writer(lease).append(event, &JobChange::Failed(failure), self.clock.now()).await
        };
        if ended.await.is_err() {
            self.log.changed(Topic::Log(LogId::Job(id)));
        }
    }

    async fn work(
        &self,
        record: &mut JobRecord,
        writer: &mut JobWriter,
        cancel: &CancellationToken,
    ) -> Result<End, LostLease> {
        let approval = if waits(record) {
            match self.word(record, cancel).await? {
                Heard::Cancelled => return Ok(End::With(Err(cancelled()))),
                Heard::Left => return Ok(End::Left),
                Heard::Word(decided) if decided.job.approval == Some(Approval::Granted) => Some(Approval::Granted),
                Heard::Word(decided) => return Ok(End::With(Err(denial(&decided)))),
            }
        } else {
            record.job.approval
        };
        let Some(tool) = self.tools.find(&record.job.name) else {
            return Ok(End::With(Err(Failure::new("unknown_tool", "The tool is not there any more."))));
        };
        let update = |status| ToolUpdate { status, approval, ..record.update() };
        if approval.is_some() {
            let granted = encoded(JobEvent::ToolUpdate(update(ToolCallStatus::Queued))).await?;
            writer.append(granted, &JobChange::Unchanged, self.clock.now()).await?;
        }
        let queue = self.queue(&*tool);
        let _permit = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(End::With(Err(cancelled()))),
            () = self.stop.cancelled() => return Ok(End::Left),
            permit = async { Some(queue.as_ref()?.acquire(record.user).await) } => permit,
        };
        let rules = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(End::With(Err(cancelled()))),
            () = self.stop.cancelled() => return Ok(End::Left),
            rules = self.rules(record, &*tool) => rules,
        };
        let is_approved = approval == Some(Approval::Granted) || record.job.caller == Caller::Person;
        let permissions = CallPermissions { rules, is_approved };
        // From here on it may have done something: committed before it does.
        let running = update(ToolCallStatus::Running);
        let event = encoded(JobEvent::ToolUpdate(running.clone())).await?;
        writer.append(event, &JobChange::Began, self.clock.now()).await?;
        let began = Instant::now();
        let ended = self.call(&*tool, record, permissions, running, writer, cancel).await;
        measure::tool_worked(&record.job.name, began.elapsed());
        ended
    }

    /// Runs the tool and writes down what it reports.
    async fn call(
        &self,
        tool: &dyn Callable,
        record: &mut JobRecord,
        permissions: CallPermissions,
        running: ToolUpdate,
        writer: &mut JobWriter,
        cancel: &CancellationToken,
    ) -> Result<End, LostLease> {
        let (call, mut reports) = Call::new(record.job.id, record.user);
        let call = call.with_permissions(permissions);
        let args = std::mem::take(&mut record.job.args);
        let mut work = Box::pin(AssertUnwindSafe(tool.call(args, &call)).catch_unwind());
        let silence = tool.spec().timeout;
        let mut deadline = Instant::now() + silence;
        let mut told = Instant::now().checked_sub(PROGRESS_PAUSE);
        let mut question: Option<Waiting<'_>> = None;
        loop {
            let report = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(End::With(Err(cancelled()))),
                () = self.stop.cancelled() => return Ok(End::Left),
                // A second question waits until the first is answered.
                Some(report) = reports.recv(), if question.is_none() => report,
                answer = Waiting::answer(&mut question) => {
                    let event = encoded(JobEvent::ToolUpdate(running.clone())).await?;
                    writer.append(event, &JobChange::AsksNoMore, self.clock.now()).await?;
                    self.log.changed(Topic::Inbox(record.user));
                    if let Some(waiting) = question.take() {
                        waiting.tell(answer);
                    }
                    deadline = Instant::now() + silence;
                    continue;
                }
                ended = &mut work => {
                    while let Ok(report) = reports.try_recv() {
                        self.write(&running, report, writer).await?;
                    }
                    let given = ended.unwrap_or_else(|_| Err(panicked(&record.job.name)));
                    return Ok(End::With(outcome(given).await));
                }
                () = sleep_until(deadline), if question.is_none() => {
                    let message = format!("It was silent for {} s and was stopped.", silence.as_secs());
                    return Ok(End::With(Err(Failure::new("timeout", &message))));
                }
            };
            let report = match report {
                Report::Question(asked, reply) => {
                    question = Some(self.ask(record, &running, *asked, reply, writer).await?);
                    continue;
                }
                report => report,
            };
            deadline = Instant::now() + silence;
            let too_soon = told.is_some_and(|told| told.elapsed() < PROGRESS_PAUSE);
            if too_soon && matches!(report, Report::Progress { .. }) {
                continue;
            }
            told = Some(Instant::now());
            self.write(&running, report, writer).await?;
        }
    }

    async fn write(&self, running: &ToolUpdate, report: Report, writer: &mut JobWriter) -> Result<(), LostLease> {
        let (event, change) = match report {
            Report::Progress { progress, note } => {
                let update = ToolUpdate { progress, note: note.clone(), ..running.clone() };
                (JobEvent::ToolUpdate(update), JobChange::Stands { progress, note })
            }
            Report::Partial(data) => {
                (JobEvent::PartialResult(PartialResult { id: running.id, data }), JobChange::Unchanged)
            }
            // Its call has ended: nobody hears the answer.
            Report::Question(..) => return Ok(()),
        };
        writer.append(encoded(event).await?, &change, self.clock.now()).await
    }

    /// The rules of the user for a tool, however long the database takes.
    async fn rules(&self, record: &JobRecord, tool: &dyn Callable) -> PermissionRules {
        let mut backoff = Backoff::of_database();
        loop {
            match self.rules_for(record.user, tool.spec()).await {
                Ok(rules) => return rules,
                Err(error) => {
                    tracing::warn!(%error, job = %record.job.id, "a tool's permissions cannot be read; trying again");
                    // A stop of the job drops this wait.
                    backoff.wait().await;
                }
            }
        }
    }

    /// A person's word, however long the database takes to tell it.
    async fn word(&self, record: &JobRecord, cancel: &CancellationToken) -> Result<Heard, LostLease> {
        let mut backoff = Backoff::of_database();
        loop {
            match self.wait_for_word(record, cancel).await {
                Ok(heard) => return Ok(heard),
                // It was deleted with its user.
                Err(StoreError::NotFound(_)) => return Err(LostLease),
                Err(error) => {
                    tracing::warn!(%error, job = %record.job.id, "a job's row cannot be read; trying again");
                    if backoff.wait_unless(&self.stop).await.is_err() {
                        return Ok(Heard::Left);
                    }
                }
            }
        }
    }
}

/// Why a job that was taken over is not run again.
fn refusal(record: &JobRecord) -> Option<Failure> {
    if record.job.status != ToolCallStatus::Running {
        return None;
    }
    let message = match (record.repeatable, record.deaths) {
        (true, ..MAX_DEATHS) => return None,
        (true, _) => "The server stopped twice while this tool was running, so it is not run again.",
        (false, _) => {
            "The server stopped while this was running. It may have done a part of its work, so it is not run \
             again by itself."
        }
    };
    Some(Failure::new("interrupted", message))
}

async fn outcome(given: Result<Value, ToolError>) -> Result<Value, Failure> {
    let output = given?;
    if is_large(&output) {
        return bounded(output).await;
    }
    if is_deeper_than(&output, MAX_VALUE_DEPTH) { Err(too_deep()) } else { Ok(output) }
}

/// A large output, measured on a thread for blocking work.
async fn bounded(output: Value) -> Result<Value, Failure> {
    let too_large = || Failure::new("output_too_large", "The output is larger than 4 MiB. Ask for less.");
    let measure = move || {
        if is_larger_than(&output, MOST_OUTPUT_BYTES) {
            Err(too_large())
        } else if is_deeper_than(&output, MAX_VALUE_DEPTH) {
            Err(too_deep())
        } else {
            Ok(output)
        }
    };
    off_worker(measure).await
}

/// What holds the output could not be read any more.
fn too_deep() -> Failure {
    let message = format!("The output is nested more than {MAX_VALUE_DEPTH} levels deep.");
    Failure::new("output_too_deep", &message)
}

/// An event as it is stored; a large one is encoded on a thread for blocking work.
pub(super) async fn encoded(event: JobEvent) -> Result<Encoded, LostLease> {
    let is_large = matches!(&event, JobEvent::PartialResult(part) if is_large(&part.data));
    let encode = move || Encoded::of_job(&event);
    let encoded = if is_large { off_worker(encode).await } else { encode() };
    encoded.map_err(|error| unwritable(&error))
}

/// An event cannot be written as JSON, which no event is: then the next server ends the job.
fn unwritable(error: &serde_json::Error) -> LostLease {
    tracing::error!(%error, "an event of a job cannot be written as JSON");
    LostLease
}

fn panicked(tool: &str) -> ToolError {
    tracing::error!(tool, "a tool panicked");
    ToolError::new("internal", "The tool failed. It is in the server's log.")
}

fn cancelled() -> Failure {
    Failure::new("cancelled", "It was cancelled.")
}
