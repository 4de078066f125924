//! The process's own side: isolates itself, reads a piece of work, does it and writes the result.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    process::ExitCode,
    thread,
    time::Duration,
};

use weir_isolation::Isolation;

use super::{Failed, Said, TIME, Work, code, expression, page, table, validate};

/// Pages and expressions are walked by recursion; where even this is not enough, only this process dies.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Memory for the stack, an engine and its result. The engines' own limits are lower and give clearer errors.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// Processor time beyond the deadline: the server kills the process before, so this one holds when the server is gone.
const CPU_GRACE: Duration = Duration::from_secs(2);

/// Does the one piece of work on the standard input. Ends when the input is closed, because then the server is gone.
///
/// With `check`, writes a line for each protection that is missing on this machine instead. Call it on the main thread
/// before any other thread starts.
pub fn run_sandbox(check: bool) -> ExitCode {
    let isolation = Isolation {
        memory: Some(MEMORY_BYTES),
        cpu_time: Some(TIME + CPU_GRACE),
        readable: Vec::new(),
        change_user: true,
    };
    let report = isolation.apply();
    if check {
        for missing in report.missing() {
            println!("{missing}");
        }
        return ExitCode::SUCCESS;
    }
    let mut line = String::new();
    let work = match io::stdin().lock().read_line(&mut line).map(|_| serde_json::from_str(&line)) {
        Ok(Ok(work)) => work,
        Ok(Err(error)) => return complain(&error.to_string()),
        Err(error) => return complain(&error.to_string()),
    };
    drop(line);
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        weir_isolation::forbid_new_threads();
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
        Work::Expression { expression } => expression::calculate(&expression),
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
    eprintln!("weir sandbox: {why}; the server starts this process and writes its work to it");
    ExitCode::from(2)
}
