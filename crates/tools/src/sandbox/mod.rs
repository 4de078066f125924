//! Work whose cost or depth the caller chooses, in a process of its own: expressions, code, queries and pages.
//!
//! The process is another one of the same binary (`weir sandbox`), with an empty environment and a low priority. It isolates
//! itself (`weir-isolation`), reads one piece of work, writes the result and ends. The server kills it at its deadline and when
//! the job is cancelled. A process that dies is an error of its job.

mod child;
mod code;
mod death;
mod expression;
mod page;
mod rows;
mod table;
mod validate;

use std::{collections::BTreeMap, io, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};

use crate::{Call, ToolError};

pub use child::run_sandbox;

/// How long a piece of work may take when nothing else is said. The kernel ends the process soon after it.
pub const TIME: Duration = Duration::from_secs(10);
/// How long a calculation may take.
const CALCULATION_TIME: Duration = Duration::from_secs(5);
/// A message that is shorter is parsed in well under a millisecond, in bytes.
const SHORT_MESSAGE: usize = 32 * 1024;
/// Lines that come faster are given together.
const PACE: Duration = Duration::from_millis(100);
/// The most that a process may say, in bytes.
const MOST_SAID: u64 = 8 * 1024 * 1024;
/// Makes the allocator take memory as it is needed. Else it reserves 1 GiB of writable memory, which counts against the limit.
const ALLOCATOR: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");
/// What the dynamic loader may need; nothing else of the server's environment is the process's business.
const ENVIRONMENT: [&str; 3] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"];

/// A piece of work.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// An expression to calculate.
    Expression { expression: String },
    /// JavaScript to run.
    Code { code: String },
    /// A query over tables, by their names.
    Table { sql: String, tables: BTreeMap<String, String> },
    /// A page of HTML to read, and where it is from.
    Page { html: String, url: String },
    /// A value to check against a JSON Schema; the faults' paths begin with `root`.
    Validate { schema: Value, value: Value, root: String },
}

impl Work {
    /// The deadline that this kind of work has beside the sandbox's own.
    const fn time(&self) -> Duration {
        match self {
            Self::Expression { .. } => CALCULATION_TIME,
            Self::Code { .. } | Self::Table { .. } | Self::Page { .. } | Self::Validate { .. } => Duration::MAX,
        }
    }

    /// One line of JSON.
    fn into_line(self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(&self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// What the process says, one a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// A line that the code wrote.
    Line(String),
    /// What came of the work.
    Gave(Value),
    /// Why nothing came of it.
    Failed(Failed),
}

/// Why nothing came of a piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    trouble: Trouble,
    message: String,
}

/// The kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    CodeFailed,
    InvalidExpression,
    InvalidSql,
    InvalidTable,
    NoMemory,
    OutputTooLarge,
    TooLong,
    Unreadable,
}

impl Trouble {
    const fn word(self) -> &'static str {
        match self {
            Self::CodeFailed => "code_failed",
            Self::InvalidExpression => "invalid_expression",
            Self::InvalidSql => "invalid_sql",
            Self::InvalidTable => "invalid_table",
            Self::NoMemory => "out_of_memory",
            Self::OutputTooLarge => "output_too_large",
            Self::TooLong => "too_long",
            Self::Unreadable => "unreadable_page",
        }
    }

    fn because(self, message: impl Into<String>) -> Failed {
        Failed { trouble: self, message: message.into() }
    }
}

impl From<Failed> for ToolError {
    fn from(failed: Failed) -> Self {
        Self::new(failed.trouble.word(), failed.message)
    }
}

/// Where such work is done.
#[derive(Clone, Debug)]
pub struct Sandbox {
    program: Arc<PathBuf>,
    time: Duration,
}

impl Sandbox {
    /// Work is done by `program sandbox`, for at most `time`: a `weir` of this version.
    pub fn new(program: PathBuf, time: Duration) -> Self {
        Self { program: Arc::new(program), time }
    }

    /// Does a piece of work; its lines are partial results of `call`. Dropping the future kills the process.
    pub(crate) async fn run(&self, work: Work, call: &Call) -> Result<Value, ToolError> {
        let time = self.time.min(work.time());
        let failed = |error: &io::Error| ToolError::new("sandbox_failed", format!("The sandbox failed: {error}."));
        // A page is up to 2 MB of text.
        let line = spawn_blocking(|| work.into_line()).await.map_err(|error| failed(&error.into()))?;
        let line = line.map_err(|error| failed(&error))?;
        let mut child = self.spawn(&[]).map_err(|error| {
            tracing::error!(%error, program = %self.program.display(), "the sandbox cannot be started");
            ToolError::new("sandbox_failed", "The sandbox could not be started. The reason is in the server's log.")
        })?;
        let said = timeout(time, converse(&mut child, &line, call)).await;
        let result = match said {
            Ok(Ok(Some(said))) => said.map_err(Into::into),
            Ok(Ok(None)) => Err(death::explained(&mut child).await),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(death::too_long(time)),
        };
        let _ = child.kill().await;
        result
    }

    /// Logs one warning that names each protection that the sandbox does without on this machine.
    pub async fn warn_of_missing_protections(&self) {
        match timeout(self.time, self.missing_protections()).await {
            Ok(Ok(missing)) if missing.is_empty() => tracing::debug!("the sandbox has every protection"),
            Ok(Ok(missing)) => tracing::warn!(
                missing = missing.join("; "),
                "the sandbox, the embedded engine and MCP servers run with fewer protections than Weir knows; \
                 docs/security.md explains them"
            ),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the sandbox cannot be checked: run_code and other tools will fail");
            }
            Err(_) => tracing::warn!("the sandbox does not answer: run_code and other tools will fail"),
        }
    }

    async fn missing_protections(&self) -> io::Result<Vec<String>> {
        let output = self.spawn(&["--check"])?.wait_with_output().await?;
        if !output.status.success() {
            return Err(io::Error::other(format!("it ended with {}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    fn spawn(&self, args: &[&str]) -> io::Result<Child> {
        let mut command = Command::new(&*self.program);
        command.arg("sandbox").args(args).env_clear().env(ALLOCATOR.0, ALLOCATOR.1);
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // In a group of its own, a Ctrl+C in the server's terminal does not end it before the server has drained.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn()
    }
}

/// Gives the work and listens to the end; none: it broke off.
async fn converse(child: &mut Child, work: &[u8], call: &Call) -> io::Result<Option<Result<Value, Failed>>> {
    // Held to the end: when it is closed the process ends, whatever it is doing.
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    let mut said = BufReader::new(output.take(MOST_SAID)).lines();
    if input.write_all(work).await.is_err() {
        return Ok(None);
    }
    let mut waiting = String::new();
    let mut next = Instant::now();
    loop {
        let line = tokio::select! {
            biased;
            () = sleep_until(next), if !waiting.is_empty() => {
                call.partial(json!({ "console": std::mem::take(&mut waiting) })).await;
                next = Instant::now() + PACE;
                continue;
            }
            line = said.next_line() => line?,
        };
        let end = match parsed(line).await {
            Some(Said::Line(line)) => {
                waiting.push_str(&line);
                waiting.push('\n');
                continue;
            }
            Some(Said::Gave(value)) => Some(Ok(value)),
            Some(Said::Failed(failed)) => Some(Err(failed)),
            None => None,
        };
        if !waiting.is_empty() {
            call.partial(json!({ "console": waiting })).await;
        }
        return Ok(end);
    }
}

/// A message of the process; none when it is no message.
async fn parsed(line: Option<String>) -> Option<Said> {
    let line = line?;
    if line.len() <= SHORT_MESSAGE {
        return serde_json::from_str(&line).ok();
    }
    spawn_blocking(move || serde_json::from_str(&line).ok()).await.ok().flatten()
}
