//! Why a process of the sandbox died, as the error of its job.

use std::{process::ExitStatus, time::Duration};

use tokio::{io::AsyncReadExt as _, process::Child, time::timeout};

use super::Trouble;
use crate::ToolError;

/// How long a process whose output has ended may take to end too.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much of its standard error is read, in bytes.
const MAX_STDERR_BYTES: u64 = 4096;
/// What the standard library writes before it aborts.
const OVERFLOW: &str = "has overflowed its stack";
const NO_MEMORY: &str = "memory allocation of";

/// The error for a process that ended without a result. Kills it if it still runs.
pub(super) async fn explained(child: &mut Child) -> ToolError {
    let status = timeout(PATIENCE, child.wait()).await.ok().and_then(Result::ok);
    if status.is_none() {
        let _ = child.kill().await;
    }
    let mut stderr = Vec::new();
    if let Some(source) = child.stderr.take() {
        let _ = timeout(PATIENCE, source.take(MAX_STDERR_BYTES).read_to_end(&mut stderr)).await;
    }
    let stderr = String::from_utf8_lossy(&stderr);
    let reason = reason(status, &stderr);
    // A panic's message may quote what was worked on.
    tracing::debug!(?status, code = reason.code, "a sandbox process died");
    reason
}

fn reason(status: Option<ExitStatus>, stderr: &str) -> ToolError {
    let failed = |message: &str| ToolError::new("sandbox_failed", message);
    if stderr.contains(NO_MEMORY) {
        return ToolError::new(
            Trouble::NoMemory.word(),
            "The work needed more memory than it may have, and its process was ended. Give less, or work on it in parts.",
        );
    }
    if stderr.contains(OVERFLOW) {
        return failed("The sandbox broke down: the input is nested too deeply, and its process was ended.");
    }
    if status.is_some_and(reached_cpu_limit) {
        return ToolError::new(
            Trouble::TooLong.word(),
            "The work needed more processor time than it may have, and its process was ended.",
        );
    }
    failed(
        "The sandbox broke down: its process died. The input may be nested too deeply or need too much memory. It is not run \
         again.",
    )
}

/// The error for work that reached its deadline.
pub(super) fn too_long(time: Duration) -> ToolError {
    ToolError::new(Trouble::TooLong.word(), format!("It took longer than {} s and was stopped.", time.as_secs_f64()))
}

fn reached_cpu_limit(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}
