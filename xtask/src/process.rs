//! Running other programs so that a person can follow them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::terminal;

/// A program that has said nothing for this long gets a line that says it is still at work.
const SILENCE: Duration = Duration::from_secs(30);
/// How often an ended program is noticed whose children keep its output open.
const POLL: Duration = Duration::from_millis(200);
/// How long such children are heard after the program's end.
const LINGER: Duration = Duration::from_millis(500);

/// What a program did and said.
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Everything it wrote to stdout and stderr, in the order in which it came.
    pub(crate) output: String,
}

/// Runs a command to its end with its output shown.
///
/// # Errors
/// The program cannot be started, or did not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    check(command, status)
}

/// Runs a command to its end with its output shown and leaves the judgement to the caller.
///
/// With a terminal the program has it to itself, progress bars and all; without one, long silences are explained.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    if !terminal::is_terminal() {
        return Ok(run_recorded(command)?.status);
    }
    command.status().with_context(|| cannot_start(command))
}

/// Runs a command to its end, showing its output and keeping it.
pub(crate) fn run_recorded(command: &mut Command) -> Result<Finished> {
    follow(command, show)
}

/// Runs a command to its end, keeping its output to be shown later.
pub(crate) fn run_aside(command: &mut Command) -> Result<Finished> {
    follow(command, |_| Ok(()))
}

fn follow(command: &mut Command, show: impl Fn(&[u8]) -> Result<()>) -> Result<Finished> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let (lines, received) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward_lines(stdout, lines.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward_lines(stderr, lines);
    }

    let mut output = Vec::new();
    let mut last_line = Instant::now();
    let mut ended: Option<Instant> = None;
    loop {
        match received.recv_timeout(POLL) {
            Ok(line) => {
                show(&line)?;
                output.extend_from_slice(&line);
                last_line = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if ended.is_some_and(|at| at.elapsed() > LINGER) {
                    break;
                }
                if ended.is_none() && child.try_wait()?.is_some() {
                    ended = Some(Instant::now());
                }
                if last_line.elapsed() > SILENCE {
                    println!("    … {} still running, {}", describe(command), terminal::duration(start.elapsed()));
                    last_line = Instant::now();
                }
            }
        }
    }
    let status = child.wait().with_context(|| format!("lost `{}`", describe(command)))?;
    Ok(Finished { status, output: String::from_utf8_lossy(&output).into_owned() })
}

/// Runs a command silently and gives what it wrote to stdout; nothing when it cannot be run or fails.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// An unsuccessful exit, as an error that names the command.
pub(crate) fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", describe(command));
    }
    Ok(())
}

/// The command as a person would type it, without the folders of the program.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// Becomes true with Ctrl-C, or when the system asks this process to end.
pub(crate) fn stop_request() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot listen for Ctrl-C")?;
    }
    Ok(stop)
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", describe(command))
}

fn forward_lines(pipe: impl Read + Send + 'static, lines: mpsc::Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if lines.send(line).is_err() => return,
                Ok(_) => {}
            }
        }
    });
}

fn show(line: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line).and_then(|()| stdout.flush()).context("cannot write to stdout")
}

/// A script, for tests of what runs programs.
#[cfg(test)]
pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_both_streams_is_kept() {
        let finished = run_recorded(&mut shell("echo out; echo err >&2; printf tail; exit 3")).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        for part in ["out\n", "err\n", "tail"] {
            assert!(finished.output.contains(part), "{part:?} is missing in {:?}", finished.output);
        }
    }

    #[test]
    fn a_child_left_behind_does_not_hold_the_run() {
        let start = Instant::now();
        let finished = run_recorded(&mut shell("sleep 20 & echo done")).unwrap();
        assert!(finished.status.success());
        assert!(start.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn failures_name_the_command() {
        let error = run(&mut shell("exit 7")).unwrap_err().to_string();
        assert!(error.contains("sh -c exit 7") && error.contains('7'), "{error}");
        let error = run(&mut Command::new("/no/such/program")).unwrap_err().to_string();
        assert!(error.contains("cannot start `program`"), "{error}");
    }

    #[test]
    fn questions_to_programs_get_an_answer_or_nothing() {
        assert_eq!(answer(&mut shell("echo v20.1.0; echo noise >&2")), Some("v20.1.0".to_owned()));
        assert_eq!(answer(&mut shell("echo v20.1.0; exit 1")), None);
        assert_eq!(answer(&mut Command::new("/no/such/program")), None);
    }
}
