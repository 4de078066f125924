//! Runs the program of an MCP server and ends every process that it leaves (`weir launch-mcp`).
//!
//! The launcher is the parent of the program and, on Linux, of every descendant whose parent has ended. `setsid` changes neither. SIGTERM
//! is passed on to the program. SIGHUP kills all descendants; the kernel sends it when Weir ends, even by `kill -9`. When the
//! program ends, the launcher kills what the program leaves and exits with the program's exit code.

use std::{ffi::OsString, io, os::unix::process::CommandExt as _, process::ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// The exit code of a shell whose command was killed by a signal, less the signal's number.
const KILLED: i32 = 128;

/// Runs the program; gives its exit code, or that of a shell if the program cannot be started.
pub(crate) fn run(command: &[OsString]) -> ExitCode {
    // The server has warned of what is missing when it started.
    let _ = weir_isolation::restrict_program();
    // On one thread: capabilities belong to a thread.
    let supervised =
        Builder::new_current_thread().enable_all().build().and_then(|runtime| runtime.block_on(supervise(command)));
    match supervised {
        Ok(code) => code,
        Err(error) => {
            eprintln!("weir: the launcher of MCP servers failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn supervise(command: &[OsString]) -> io::Result<ExitCode> {
    let Some((program, args)) = command.split_first() else { return Ok(ExitCode::from(2)) };
    let mut ended = signal(SignalKind::child())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut abandoned = signal(SignalKind::hangup())?;
    weir_isolation::adopt_descendants()?;
    let started = std::process::Command::new(program).args(args).process_group(0).spawn();
    let program = match started {
        Ok(child) => i32::try_from(child.id()).ok().and_then(Pid::from_raw),
        Err(error) => {
            eprintln!("weir: {} cannot be started: {error}", program.display());
            return Ok(ExitCode::from(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }));
        }
    };
    let Some(program) = program else { return Ok(ExitCode::FAILURE) };
    // Weir must see when the program closes them.
    weir_isolation::release_standard_streams()?;
    let code = loop {
        if let Some(code) = reaped(program) {
            break code;
        }
        tokio::select! {
            _ = ended.recv() => {}
            _ = abandoned.recv() => break KILLED,
            // The program may have ended by now.
            _ = terminate.recv() => drop(kill_process_group(program, Signal::TERM)),
        }
    };
    let _ = kill_process_group(program, Signal::KILL);
    weir_isolation::kill_descendants();
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Reaps the children that have ended. The exit code of the program, if it is one of them.
fn reaped(program: Pid) -> Option<i32> {
    let mut code = None;
    while let Ok(Some((child, status))) = wait(WaitOptions::NOHANG) {
        if child == program {
            code = exit_code(status);
        }
    }
    code
}

fn exit_code(status: WaitStatus) -> Option<i32> {
    status.exit_status().or_else(|| Some(KILLED + status.terminating_signal()?))
}
