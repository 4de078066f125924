//! Work that may be endless or hostile, in a process of its own: somebody's code, somebody's query, somebody's page.
//!
//! The process is another one of the same binary (`weir sandbox`), with an empty environment, behind the server in the
//! line for a processor. It reads one piece of work, says what comes of it and ends. Whatever happens to it, it is killed at
//! its deadline and when nobody waits for it any more, and the server does not notice.

mod child;
mod code;
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
    time::{Instant, sleep_until, timeout},
};

use crate::{Call, ToolError};

pub use child::run_sandbox;

/// How long a piece of work may take when nothing else is said.
pub const TIME: Duration = Duration::from_secs(10);
/// Lines that come faster are given together.
const PACE: Duration = Duration::from_millis(100);
/// The most that a process may say, in bytes.
const MOST_SAID: u64 = 8 * 1024 * 1024;
/// What the dynamic loader may need; nothing else of the server's environment is the process's business.
const ENVIRONMENT: [&str; 3] = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"];

/// A piece of work.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// JavaScript to run.
    Code { code: String },
    /// A query over tables, by their names.
    Table { sql: String, tables: BTreeMap<String, String> },
    /// A page of HTML to read, and where it is from.
    Page { html: String, url: String },
    /// A value to check against a JSON Schema; the faults' paths begin with `root`.
    Validate { schema: Value, value: Value, root: String },
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
    pub(crate) async fn run(&self, work: &Work, call: &Call) -> Result<Value, ToolError> {
        let mut child = self.spawn().map_err(|error| {
            tracing::error!(%error, program = %self.program.display(), "the sandbox cannot be started");
            ToolError::new("sandbox_failed", "The sandbox could not be started. The reason is in the server's log.")
        })?;
        let said = timeout(self.time, converse(&mut child, work, call)).await;
        let _ = child.kill().await;
        match said {
            Ok(Ok(Some(said))) => said.map_err(Into::into),
            Ok(Ok(None)) => {
                let message = "The sandbox broke down under this. It may be nested too deeply or need too much memory.";
                Err(ToolError::new("sandbox_failed", message))
            }
            Ok(Err(error)) => Err(ToolError::new("sandbox_failed", format!("The sandbox cannot be heard: {error}."))),
            Err(_) => {
                let message = format!("It took longer than {} s and was stopped.", self.time.as_secs_f64());
                Err(ToolError::new(Trouble::TooLong.word(), message))
            }
        }
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(&*self.program);
        command.arg("sandbox").env_clear();
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        // In a group of its own, a Ctrl+C in the server's terminal does not end it before the server has drained.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn()
    }
}

/// Gives the work and listens to the end; none: it broke off.
async fn converse(child: &mut Child, work: &Work, call: &Call) -> io::Result<Option<Result<Value, Failed>>> {
    // Held to the end: when it is closed the process ends, whatever it is doing.
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    let mut said = BufReader::new(output.take(MOST_SAID)).lines();
    let mut text = serde_json::to_string(work)?;
    text.push('\n');
    if input.write_all(text.as_bytes()).await.is_err() {
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
        let end = match line.map(|line| serde_json::from_str::<Said>(&line)) {
            Some(Ok(Said::Line(line))) => {
                waiting.push_str(&line);
                waiting.push('\n');
                continue;
            }
            Some(Ok(Said::Gave(value))) => Some(Ok(value)),
            Some(Ok(Said::Failed(failed))) => Some(Err(failed)),
            Some(Err(_)) | None => None,
        };
        if !waiting.is_empty() {
            call.partial(json!({ "console": waiting })).await;
        }
        return Ok(end);
    }
}
