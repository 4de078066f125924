//! The engine's process, seen from the server.
//!
//! Two tasks serve it: one writes commands, the other reads reports, hands them to the answers, and ends the process when nobody
//! has asked for a while. What an answer has not read yet is kept without a bound of its own: an answer is at most a few
//! kilobytes, and the number of answers is bounded by the queue.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    frame::{Ask, Command, EndReason, Report, encode},
    options::EmbeddedOptions,
    provider::Counters,
};
use crate::{ProviderError, ProviderErrorKind};

/// How long the process may take to end after its stdin was closed.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Variables of the environment that the engine gets; in particular it gets no keys.
const ENVIRONMENT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"];

/// How a process came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was idle, or the server is shutting down.
    Wanted,
    /// It said that it cannot load the model, or died of loading it.
    Unloadable(String),
    /// It died.
    Crashed(Instant),
}

/// Answers on their way, and the way to the process. Gone as soon as the process is to end, or has ended.
struct Open {
    answers: HashMap<u64, UnboundedSender<Report>>,
    /// Since when the engine owes a report: its last one, or the question that came after a time without answers.
    silent_since: Instant,
    commands: UnboundedSender<Vec<u8>>,
}

/// A process of the engine.
pub(super) struct Engine {
    model: PathBuf,
    process: Option<u32>,
    open: Mutex<Option<Open>>,
    ending: OnceLock<Ending>,
}

impl Engine {
    /// Starts a process and has it load `model`. `stop` ends it at once.
    pub(super) fn start(
        options: &EmbeddedOptions,
        model: &Path,
        counters: Arc<Counters>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> io::Result<Arc<Self>> {
        let mut command = tokio::process::Command::new(&options.engine_binary);
        command.arg("engine").env_clear().env("GGML_NO_BACKTRACE", "1");
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // In a group of its own, a Ctrl+C in the server's terminal does not end it before the server has drained.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("its pipes are missing"));
        };
        let (commands, queue) = unbounded_channel();
        let engine = Arc::new(Self {
            model: model.to_owned(),
            process: child.id(),
            open: Mutex::new(Some(Open { answers: HashMap::new(), silent_since: Instant::now(), commands })),
            ending: OnceLock::new(),
        });
        engine.send(&Command::Load { model: model.to_owned(), threads: options.threads.get() });
        tasks.spawn(write_commands(stdin, queue));
        tasks.spawn(log(stderr));
        let supervisor =
            Supervisor { engine: engine.clone(), child, counters, idle: options.idle, silence: options.silence, stop };
        tasks.spawn(supervisor.run(stdout));
        Ok(engine)
    }

    /// Asks. `None` when the process is about to end; a fresh one is needed then.
    pub(super) fn ask(&self, ask: Ask) -> Option<UnboundedReceiver<Report>> {
        let (reports, receiver) = unbounded_channel();
        let id = ask.id;
        let line = encode(&Command::Ask(ask)).ok()?;
        let mut open = self.open();
        let open = open.as_mut()?;
        open.commands.send(line).ok()?;
        if open.answers.is_empty() {
            open.silent_since = Instant::now();
        }
        open.answers.insert(id, reports);
        Some(receiver)
    }

    /// Ends an answer before its next token.
    pub(super) fn cancel(&self, id: u64) {
        self.send(&Command::Cancel { id });
    }

    /// Whether it takes questions.
    pub(super) fn is_open(&self) -> bool {
        self.open().is_some()
    }

    /// How many answers are on their way.
    pub(super) fn answers(&self) -> usize {
        self.open().as_ref().map_or(0, |open| open.answers.len())
    }

    /// How it ended, if it did.
    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.get()
    }

    /// The id of the process, while it takes questions.
    pub(super) fn process(&self) -> Option<u32> {
        self.process.filter(|_| self.is_open())
    }

    /// Why an answer broke off.
    pub(super) fn broken_off(&self) -> ProviderError {
        match self.ending() {
            Some(Ending::Unloadable(message)) => ProviderError::new(ProviderErrorKind::NotReady, message),
            _ => ProviderError::new(
                ProviderErrorKind::Crashed,
                "The local model's engine stopped in the middle of the answer. Ask again; it starts anew.",
            ),
        }
    }

    /// How long the engine has reported nothing although answers are pending; zero without such answers.
    fn silence(&self) -> Duration {
        let open = self.open();
        open.as_ref().filter(|open| !open.answers.is_empty()).map_or(Duration::ZERO, |open| open.silent_since.elapsed())
    }

    fn send(&self, command: &Command) {
        if let (Some(open), Ok(line)) = (self.open().as_ref(), encode(command)) {
            // A writer that has ended means a process that has ended; its answers learn that from the supervisor.
            let _ = open.commands.send(line);
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what the process says, and sees to its end.
struct Supervisor {
    engine: Arc<Engine>,
    child: Child,
    counters: Arc<Counters>,
    idle: Duration,
    silence: Duration,
    stop: CancellationToken,
}

impl Supervisor {
    async fn run(mut self, stdout: ChildStdout) {
        let mut lines = BufReader::new(stdout).lines();
        let mut loaded = false;
        let mut failure = None;
        let mut idle_since = Instant::now();
        let wanted = loop {
            tokio::select! {
                line = lines.next_line() => match line {
                    Ok(Some(line)) => match serde_json::from_str(&line) {
                        Ok(Report::Ready) => loaded = true,
                        Ok(Report::Failed { message }) => failure = Some(message),
                        Ok(report) => {
                            self.hand_over(report);
                            idle_since = Instant::now();
                        }
                        Err(error) => {
                            tracing::error!(%error, "the engine said something that is no frame; it is ended");
                            break false;
                        }
                    },
                    Ok(None) | Err(_) => break false,
                },
                () = sleep_until(idle_since + self.idle) => {
                    let mut open = self.engine.open();
                    if open.as_ref().is_none_or(|open| open.answers.is_empty()) {
                        *open = None;
                        break true;
                    }
                    idle_since = Instant::now();
                }
                () = sleep(self.silence.saturating_sub(self.engine.silence())) => {
                    if self.engine.silence() >= self.silence {
                        tracing::error!("the engine hangs: it reports nothing although answers are pending; it is killed");
                        // An error means that it has ended by now.
                        let _ = self.child.start_kill();
                        break false;
                    }
                }
                () = self.stop.cancelled() => {
                    // It holds nothing that is worth waiting for; an error means that it has ended already.
                    let _ = self.child.start_kill();
                    break true;
                }
            }
        };
        // No commands, no stdin: the process ends by itself, if it has not yet.
        let status = if let Ok(Ok(status)) = timeout(LAST_WORDS, self.child.wait()).await {
            Some(status)
        } else {
            // The wait tells whether it worked.
            let _ = self.child.kill().await;
            None
        };
        let ending = self.ending(wanted, loaded, failure, status);
        tracing::debug!(?ending, ?status, "the engine has ended");
        if matches!(ending, Ending::Crashed(_)) {
            tracing::warn!(?status, "the engine has crashed; see the lines before for what it said");
            self.counters.crashed();
        }
        // First why, then the end of all answers: whoever sees the end finds the reason.
        let _ = self.engine.ending.set(ending);
        *self.engine.open() = None;
    }

    fn hand_over(&self, report: Report) {
        let id = match &report {
            Report::Accepted { id, .. } | Report::Refused { id, .. } | Report::Text { id, .. } => *id,
            Report::Ended { id, reason, reused_tokens, output_tokens } => {
                self.counters.ended(*reused_tokens, *output_tokens);
                if *reason == EndReason::Cancelled {
                    tracing::debug!(id, "the engine has dropped an answer");
                }
                *id
            }
            Report::Ready | Report::Failed { .. } => return,
        };
        if let Report::Accepted { input_tokens, .. } = &report {
            self.counters.accepted(*input_tokens);
        }
        let last = matches!(report, Report::Refused { .. } | Report::Ended { .. });
        let mut open = self.engine.open();
        let Some(open) = open.as_mut() else { return };
        open.silent_since = Instant::now();
        if let Some(answer) = open.answers.get(&id) {
            // Whoever asked may have gone; the engine was told.
            let _ = answer.send(report);
        }
        if last {
            open.answers.remove(&id);
        }
    }

    fn ending(&self, wanted: bool, loaded: bool, failure: Option<String>, status: Option<ExitStatus>) -> Ending {
        if wanted {
            return Ending::Wanted;
        }
        if let Some(message) = failure {
            return Ending::Unloadable(message);
        }
        if !loaded && status.is_some_and(died_of_its_work) {
            return Ending::Unloadable(format!(
                "The local model's engine died while it loaded {}: the file is probably damaged. Run `weir model pull`, or set \
                 WEIR_LOCAL_MODEL to another file.",
                self.engine.model.display()
            ));
        }
        Ending::Crashed(Instant::now())
    }
}

/// Whether a process died of what it did (a failed assertion, a bad address), and not of somebody's signal.
fn died_of_its_work(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        // SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV; their numbers are the same on Linux and macOS, but SIGBUS (10 there).
        matches!(status.signal(), Some(4 | 5 | 6 | 7 | 8 | 10 | 11))
    }
    #[cfg(not(unix))]
    {
        !status.success()
    }
}

/// Writes commands until there are none any more; then closes the engine's stdin.
async fn write_commands(mut stdin: ChildStdin, mut queue: UnboundedReceiver<Vec<u8>>) {
    while let Some(line) = queue.recv().await {
        if stdin.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Passes on what the engine says on stderr: llama.cpp talks much, but a failed assertion is worth an error.
async fn log(stderr: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("GGML_ASSERT") || line.starts_with("engine: ") {
            tracing::error!(target: "weir_engine", "{line}");
        } else {
            tracing::debug!(target: "weir_engine", "{line}");
        }
    }
}
