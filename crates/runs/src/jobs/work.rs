//! One job from its word to its terminal event.

use std::{io, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use weir_protocol::{Approval, Failure, JobEvent, PartialResult, ToolCallStatus, ToolFailure, ToolOutput, ToolUpdate};
use weir_realtime::{JobWriter, LostLease, Topic};
use weir_store::{JobChange, JobLease, JobRecord, StoreError};
use weir_tools::{Call, Callable, Report, ToolError};

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
/// An output up to this size is measured where it is, in less than 0.2 ms.
const QUICK_OUTPUT_BYTES: usize = 64 * 1024;
/// Words of progress are written down no more often than this.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at a row while the database fails.
const RETRY: Duration = Duration::from_millis(500);

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
        record: JobRecord,
        lease: JobLease,
        cancel: CancellationToken,
    ) -> Result<(), LostLease> {
        let mut writer = self.log.job_writer(lease);
        let end = match refusal(&record) {
            Some(failure) => End::With(Err(failure)),
            None => self.work(&record, &mut writer, &cancel).await?,
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
                (JobEvent::Complete(ToolOutput { id, output: output.clone() }), JobChange::Worked(output))
            }
            End::With(Err(failure)) => {
                let Failure { code, message } = failure.clone();
                (JobEvent::Error(ToolFailure { id, code, message }), JobChange::Failed(failure))
            }
        };
        writer.append(&event, &change, self.clock.now()).await
    }

    async fn work(
        &self,
        record: &JobRecord,
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
            let granted = JobEvent::ToolUpdate(update(ToolCallStatus::Queued));
            writer.append(&granted, &JobChange::Unchanged, self.clock.now()).await?;
        }
        let queue = self.queue(&*tool);
        let _permit = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(End::With(Err(cancelled()))),
            () = self.stop.cancelled() => return Ok(End::Left),
            permit = async { Some(queue.as_ref()?.acquire(record.user).await) } => permit,
        };
        // From here on it may have done something: committed before it does.
        let running = update(ToolCallStatus::Running);
        writer.append(&JobEvent::ToolUpdate(running.clone()), &JobChange::Began, self.clock.now()).await?;
        let began = Instant::now();
        let ended = self.call(&*tool, record, running, writer, cancel).await;
        measure::tool_worked(&record.job.name, began.elapsed());
        ended
    }

    /// Runs the tool and writes down what it reports.
    async fn call(
        &self,
        tool: &dyn Callable,
        record: &JobRecord,
        running: ToolUpdate,
        writer: &mut JobWriter,
        cancel: &CancellationToken,
    ) -> Result<End, LostLease> {
        let (call, mut reports) = Call::new(record.job.id, record.user);
        let mut work = Box::pin(AssertUnwindSafe(tool.call(record.job.args.clone(), &call)).catch_unwind());
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
                    writer.append(&JobEvent::ToolUpdate(running.clone()), &JobChange::AsksNoMore, self.clock.now()).await?;
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
        writer.append(&event, &change, self.clock.now()).await
    }

    /// A person's word, however long the database takes to tell it.
    async fn word(&self, record: &JobRecord, cancel: &CancellationToken) -> Result<Heard, LostLease> {
        loop {
            match self.wait_for_word(record, cancel).await {
                Ok(heard) => return Ok(heard),
                // It was deleted with its user.
                Err(StoreError::NotFound(_)) => return Err(LostLease),
                Err(error) => {
                    tracing::warn!(%error, job = %record.job.id, "a job's row cannot be read; trying again");
                    sleep(RETRY).await;
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
    if is_larger_than(&output, QUICK_OUTPUT_BYTES) {
        return bounded(output).await;
    }
    Ok(output)
}

/// A large output, measured on a thread for blocking work.
async fn bounded(output: Value) -> Result<Value, Failure> {
    let measured = spawn_blocking(|| (is_larger_than(&output, MOST_OUTPUT_BYTES), output)).await;
    match measured {
        Ok((false, output)) => Ok(output),
        Ok((true, _)) => Err(Failure::new("output_too_large", "The output is larger than 4 MiB. Ask for less.")),
        Err(_) => Err(Failure::new("internal", "The output could not be measured.")),
    }
}

/// Whether a value is larger than this, as bytes of JSON; no more of it is written than that.
fn is_larger_than(value: &Value, bytes: usize) -> bool {
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(bytes), value).is_err()
}

fn panicked(tool: &str) -> ToolError {
    tracing::error!(tool, "a tool panicked");
    ToolError::new("internal", "The tool failed. It is in the server's log.")
}

fn cancelled() -> Failure {
    Failure::new("cancelled", "It was cancelled.")
}
