//! The inside of the engine's process.
//!
//! Three threads: one reads commands, makes prompts of them and refuses what does not fit; one writes reports; and the main one
//! computes. The channel of reports has no bound, so that a slow reader never holds up the computing; what it can hold is
//! bounded all the same, by the number of answers and their length.

mod llama;
mod prompt;
mod scheduler;
mod text;

use std::{
    fs,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use weir_isolation::Isolation;

use self::{
    llama::Llama,
    prompt::{PromptError, PromptMaker},
    scheduler::{Event, Question, Scheduler},
};
use super::frame::{Command, LONGEST_LINE, Report, encode};

/// How much nicer than the server: enough that the server's threads come first, not so much that the model stands still
/// beside other work.
#[cfg(unix)]
const NICENESS: i32 = 5;

/// How long the computing may go on after the server has gone.
const LAST_STEP: Duration = Duration::from_secs(5);

/// Runs the engine until stdin is closed: what `weir engine` does. Takes no arguments; everything comes as frames on stdin.
///
/// Stdout carries frames and nothing else; llama.cpp logs to stderr. The process ends when stdin does, so that it never
/// outlives the server, however that died. Call it before anything else is started.
pub fn run_engine() -> ExitCode {
    // A refusal only means that it is as nice as it was.
    #[cfg(unix)]
    let _ = rustix::process::nice(NICENESS);

    let mut commands = BufReader::new(io::stdin());
    let (model, threads) = match read_command(&mut commands) {
        Ok(Some(Command::Load { model, threads })) => (model, threads),
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(_)) => return fail("the first command must be `load`"),
        Err(error) => return fail(&error.to_string()),
    };
    isolate(&model);
    let (reports, outgoing) = channel();
    let writer = thread::spawn(move || write_reports(&outgoing));
    // The model lives as long as the process, and two threads use it.
    let loaded = Llama::load(&model, threads).map(|llama| &*Box::leak(Box::new(llama)));
    let scheduler = loaded.and_then(|llama| Ok((llama, Scheduler::new(llama, reports.clone())?)));
    let (llama, mut scheduler) = match scheduler {
        Ok(scheduler) => scheduler,
        Err(message) => {
            // The writer still has its receiver; when it has gone, so has the server.
            let _ = reports.send(Report::Failed { message });
            drop(reports);
            // A panic of the writer is on stderr already.
            let _ = writer.join();
            return ExitCode::FAILURE;
        }
    };
    let (events, incoming) = channel();
    let _ = reports.send(Report::Ready);
    thread::spawn(move || read_commands(llama, commands, &events, &reports));
    match scheduler.run(&incoming) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

/// Leaves the process its model file and threads: no other file, no network, no process. It keeps its user, who may be the
/// only one that can read the file.
fn isolate(model: &Path) {
    let isolation = Isolation { readable: parts(model), ..Isolation::default() };
    // The server warns at its start of what this machine does not offer.
    let _ = isolation.apply();
}

/// The files of a model: llama.cpp finds the other parts of a split one by the name of the first.
fn parts(model: &Path) -> Vec<PathBuf> {
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some((stem, _)) = name.rsplit_once("-of-").and_then(|(first, _)| first.rsplit_once('-')) else {
        return vec![model.to_owned()];
    };
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let parts = files.filter(|file| file.file_name().to_string_lossy().starts_with(stem)).map(|file| file.path());
    std::iter::once(model.to_owned()).chain(parts).collect()
}

fn fail(message: &str) -> ExitCode {
    // Without a reader of stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "engine: {message}");
    ExitCode::FAILURE
}

/// The next command; `None` at the end of the input.
fn read_command(input: &mut impl BufRead) -> io::Result<Option<Command>> {
    let mut line = Vec::new();
    input.take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&line).map(Some).map_err(io::Error::from)
}

/// Reads commands until the input ends, and makes questions of them.
fn read_commands(llama: &Llama, mut input: impl BufRead, events: &Sender<Event>, refusals: &Sender<Report>) {
    let maker = PromptMaker::new(|text: &str| llama.tokens(text), llama.markers());
    loop {
        let event = match read_command(&mut input) {
            Ok(Some(Command::Ask(ask))) => match maker.prompt(&ask.turns, ask.partial.as_deref()) {
                Ok(prompt) => {
                    let input_tokens = u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX);
                    // When nobody writes reports any more, the process is about to end; the same holds below.
                    let _ = refusals.send(Report::Accepted { id: ask.id, input_tokens });
                    Event::Ask(Question { id: ask.id, conversation: ask.conversation, prompt, seed: ask.seed })
                }
                Err(error @ PromptError::TooLong { .. }) => {
                    let _ = refusals.send(Report::Refused { id: ask.id, message: error.to_string() });
                    continue;
                }
            },
            Ok(Some(Command::Cancel { id })) => Event::Cancel(id),
            Ok(None) => Event::Closed,
            Ok(Some(Command::Load { .. })) => Event::Broken("a second `load`".to_owned()),
            Err(error) => Event::Broken(format!("cannot read a command: {error}")),
        };
        let last = matches!(event, Event::Closed | Event::Broken(_));
        let heard = events.send(event).is_ok();
        if last || !heard {
            // The computing ends after its current step. Should that hang, the process must not stay behind.
            thread::sleep(LAST_STEP);
            std::process::exit(1);
        }
    }
}

/// Writes reports until there are none, and flushes whenever it has caught up.
fn write_reports(reports: &Receiver<Report>) {
    let mut output = BufWriter::new(io::stdout().lock());
    while let Ok(first) = reports.recv() {
        let mut batch = std::iter::once(first).chain(reports.try_iter());
        let written = batch.try_for_each(|report| output.write_all(&encode(&report)?));
        if written.and_then(|()| output.flush()).is_err() {
            // The server has gone; the end of stdin says so too.
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_model_is_all_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "other.gguf"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let split = parts(&folder.path().join("m-00001-of-00002.gguf"));
        assert!(split.contains(&folder.path().join("m-00002-of-00002.gguf")), "{split:?}");
        assert_eq!(parts(&folder.path().join("other.gguf")), [folder.path().join("other.gguf")]);
        assert_eq!(parts(Path::new("m.gguf")), [Path::new("m.gguf")]);
    }
}
