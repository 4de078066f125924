//! The process's own side: reads a piece of work, does it, says what came of it.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    process::ExitCode,
    thread,
};

use super::{Failed, Said, Work, code, page, table, validate};

/// A page may be nested deeper than threads usually are; where even this is not enough, only this process dies.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Does the one piece of work that stands on the standard input. Ends at once when the input is closed: nobody waits then.
pub fn run_sandbox() -> ExitCode {
    let mut line = String::new();
    let work = match io::stdin().lock().read_line(&mut line).map(|_| serde_json::from_str(&line)) {
        Ok(Ok(work)) => work,
        Ok(Err(error)) => return complain(&error.to_string()),
        Err(error) => return complain(&error.to_string()),
    };
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        say(&match act(work) {
            Ok(value) => Said::Gave(value),
            Err(failed) => Said::Failed(failed),
        });
    });
    match worker.map(thread::JoinHandle::join) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => complain(&error.to_string()),
    }
}

fn act(work: Work) -> Result<serde_json::Value, Failed> {
    match work {
        Work::Code { code } => code::evaluate(&code, |line| say(&Said::Line(line.to_owned()))),
        Work::Table { sql, tables } => table::query(&sql, &tables),
        Work::Page { html, url } => page::read(&html, &url),
        Work::Validate { schema, value, root } => validate::faults(schema, &value, &root),
    }
}

fn say(said: &Said) {
    let mut output = io::stdout().lock();
    if let Ok(mut text) = serde_json::to_string(said) {
        text.push('\n');
        // Nobody listens any more: then it is about to be killed.
        let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    }
}

fn complain(why: &str) -> ExitCode {
    eprintln!("weir sandbox: {why}; the server starts it by itself");
    ExitCode::from(2)
}
