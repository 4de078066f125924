//! Every developer command of Weir: `cargo xtask help` lists them.
//!
//! This crate is the first thing a fresh machine compiles, so it keeps to a few small dependencies and leaves the work to
//! the tools that do it: cargo, pnpm, apt.

mod audit;
mod bench;
mod build;
mod conformance;
mod contracts;
mod dev;
mod faults;
mod hostile;
mod kosoku;
mod model;
mod pip;
mod pnpm;
mod prerequisites;
mod process;
mod programs;
mod schemathesis;
mod serve;
mod services;
mod setup;
mod stamp;
mod terminal;
mod testing;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use crate::setup::Purpose;
use crate::workspace::Workspace;

const HELP: &str = "\
Usage: cargo xtask <command>

  serve [-- ARGS]    set up, build, fetch the model, and run Weir (default http://127.0.0.1:3000)
  test [--only LIST] run every check and test; LIST is any of rust, web, contracts, e2e, comma-separated
  dev                run Next's dev server in front of the Rust server, both reloaded when their sources change
  build              build the release binary, target/release/weir
  contracts          generate the OpenAPI document and the TypeScript contract from the Rust types
  bench [ARGS]       run a benchmark of the bench/ folder against the release binary
  faults [ARGS]      play real faults against real servers; ARGS as in CONTRIBUTING.md
  hostile [ARGS]     attack a real server as a hostile client, model or tool would; ARGS as in CONTRIBUTING.md
  conformance        run the Model Context Protocol's own suite against /mcp and our client (network, Linux on x86-64)
  schemathesis [--seconds N]  send requests made from the OpenAPI document to the real binary (default 120 s)
  services           start PostgreSQL and Redis for tests that are run by hand, until Ctrl-C
  setup              install or name whatever building, running and testing Weir needs
  help               show this list
";

/// The exit code for a command line that makes no sense, as with most Unix tools.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    match run(command, rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, arguments: &[String]) -> Result<ExitCode> {
    match command {
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        "test" => {
            return match testing::Selection::parse(arguments) {
                Ok(selection) => testing::run(&Workspace::locate()?, &selection),
                Err(error) => Ok(usage_error(&error)),
            };
        }
        "serve" => serve::run(&Workspace::locate()?, pass_through(arguments))?,
        "faults" => faults::run(&Workspace::locate()?, pass_through(arguments))?,
        "hostile" => hostile::run(&Workspace::locate()?, pass_through(arguments))?,
        "bench" => bench::run(&Workspace::locate()?, pass_through(arguments))?,
        "schemathesis" => match schemathesis::seconds(arguments) {
            Some(seconds) => schemathesis::run(&Workspace::locate()?, seconds)?,
            None => return Ok(usage_error("`schemathesis` takes `--seconds N` only")),
        },
        "services" => match services::Lifetime::parse(arguments) {
            Some(lifetime) => services::run(lifetime)?,
            None => return Ok(usage_error(&takes_no_arguments(command, arguments))),
        },
        "setup" | "build" | "conformance" | "contracts" | "dev" if !arguments.is_empty() => {
            return Ok(usage_error(&takes_no_arguments(command, arguments)));
        }
        "setup" => drop(setup::run(&Workspace::locate()?, Purpose::Test)?),
        "build" => build::run(&Workspace::locate()?)?,
        "conformance" => conformance::run(&Workspace::locate()?)?,
        "contracts" => contracts::run(&Workspace::locate()?)?,
        "dev" => dev::run(&Workspace::locate()?)?,
        unknown => return Ok(usage_error(&format!("there is no command `{unknown}`"))),
    }
    Ok(ExitCode::SUCCESS)
}

/// What follows an optional `--` goes to the program that the command starts.
fn pass_through(arguments: &[String]) -> &[String] {
    match arguments.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => arguments,
    }
}

fn takes_no_arguments(command: &str, arguments: &[String]) -> String {
    format!("`{command}` takes no arguments, but got `{}`", arguments.join(" "))
}

fn usage_error(message: &str) -> ExitCode {
    eprintln!("error: {message}\n\n{HELP}");
    ExitCode::from(USAGE_ERROR)
}
