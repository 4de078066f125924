//! `cargo xtask test`: every check and every test, in an order in which nothing is compiled twice without need.

mod counts;
mod selection;
mod suite;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use weir_services::find_program;

use crate::audit;
use crate::build;
use crate::contracts;
use crate::faults;
use crate::hostile;
use crate::kosoku;
use crate::model;
use crate::pnpm::Pnpm;
use crate::prerequisites;
use crate::process;
use crate::programs;
use crate::schemathesis;
use crate::services::{Environment, Running};
use crate::setup::{self, Purpose};
use crate::terminal;
use crate::workspace::{Profile, Workspace};

use self::counts::Counts;
pub(crate) use self::selection::Selection;
use self::selection::{ALL, Group};
use self::suite::Suite;

/// Runs the selected steps, prints the table and the totals, and gives the exit code: failure if anything failed.
pub(crate) fn run(workspace: &Workspace, selection: &Selection) -> Result<ExitCode> {
    let mut suite = Suite::new(selection);
    let mut ready = None;
    suite.step("Set-up", &ALL, &[], || {
        ready = Some(setup::run(workspace, Purpose::Test)?);
        Ok(Counts::CHECK)
    });
    if let Some(pnpm) = ready {
        steps(&mut suite, workspace, &pnpm, &workspace.scratch()?);
    }
    print!("{}", suite.summary());
    Ok(if suite.has_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn steps(suite: &mut Suite, workspace: &Workspace, pnpm: &Pnpm, scratch: &Path) {
    use Group::{Contracts, E2e, Rust, Web};
    let weir = workspace.binary(Profile::Dev);
    let cargo = |arguments: &[&str]| check(workspace.cargo().args(arguments));

    suite.step("rustfmt", &[Rust], &[], || cargo(&["fmt", "--all", "--check"]));
    // The binary embeds the pages, so they come before anything that compiles it.
    let pages = suite.step("Web app", &[Rust, Web, E2e], &[], || web_build(workspace, pnpm));
    suite.step("pnpm audit", &[Web], &[], || audit::pnpm_audit(pnpm).map(Counts::asked));
    suite.step("Vitest", &[Web], &[], || vitest(pnpm, &scratch.join("vitest.json")));
    suite.step("cargo deny", &[Rust], &[], || audit::cargo_deny(workspace).map(Counts::asked));
    suite.step("Clippy", &[Rust], &[], || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    });
    suite.step("Without embedded model", &[Rust], &[], || {
        cargo(&["check", "--package", "weir-server", "--no-default-features", "--locked"])
    });
    // Tests and server in one go: on its own the server would be built with other features of the same dependencies.
    let built = suite.step("Rust build", &[Rust, Contracts, E2e], &[], || {
        cargo(&["build", "--workspace", "--bins", "--tests", "--locked"])
    });
    let model = suite.step("Model", &[Rust, E2e], &[built], || model::pull(&weir).map(|()| Counts::CHECK));
    let mut running = None;
    let services = suite.step("Services", &[Rust, E2e], &[], || {
        running = Some(Running::start()?);
        Ok(Counts::CHECK)
    });
    let nothing = Environment::new();
    let environment = running.as_ref().map_or(&nothing, Running::environment);
    suite.step("Rust tests", &[Rust], &[built, services], || {
        let mut environment = environment.clone();
        environment.insert(KOSOKU.to_owned(), kosoku::install(scratch)?.display().to_string());
        environment.insert(PROGRAMS.to_owned(), programs::install(scratch)?.display().to_string());
        rust_tests(workspace, &environment, Database::Sqlite)
    });
    suite.step("Rust tests, PostgreSQL", &[Rust], &[built, services], || {
        rust_tests(workspace, environment, Database::Postgres)
    });
    suite.step("Contract", &[Contracts], &[built], || contracts::check_fresh(workspace, pnpm).map(|()| Counts::CHECK));
    // It measures delays, so it has the machine to itself.
    suite.step("Hostile suite, short", &[Rust], &[built, services], || {
        let finished = hostile::run_short(workspace)?;
        Ok(counts::totals(&finished.output).and_exit(finished.status))
    });
    // Servers that die and come back, and a player at its own pace: much of that is waiting.
    let lints = [("Prettier", "format:check"), ("ESLint", "lint"), ("TypeScript", "typecheck")];
    suite.beside(&[Web], lints.map(|(name, script)| (name, pnpm.web_script(script))), |suite| {
        suite.step("Faults, short", &[Rust], &[built, services], || {
            let finished = faults::run_short(workspace)?;
            Ok(counts::faults(&finished.output).and_exit(finished.status))
        });
        suite.step("Rust documentation", &[Rust], &[], || {
            check(
                workspace
                    .cargo()
                    .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            )
        });
        suite.step("Schemathesis, short", &[Contracts], &[built], || {
            schemathesis::short(workspace).map(|()| Counts::CHECK)
        });
    });
    suite.step("Browser tests", &[E2e], &[pages, built, model, services], || {
        let mut environment = environment.clone();
        environment.insert(PROGRAMS.to_owned(), programs::install(scratch)?.display().to_string());
        browser_tests(pnpm, &weir, &environment, &scratch.join("playwright.json"))
    });
}

/// A command that counts as one check.
fn check(command: &mut Command) -> Result<Counts> {
    process::run(command)?;
    Ok(Counts::CHECK)
}

fn web_build(workspace: &Workspace, pnpm: &Pnpm) -> Result<Counts> {
    if build::web_is_current(workspace)? {
        println!("    web/dist was built from these sources");
    } else {
        build::web(workspace, pnpm)?;
    }
    Ok(Counts::CHECK)
}

/// What the tests keep their data in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    Sqlite,
    Postgres,
}

/// Where the tests find kosoku.
const KOSOKU: &str = "WEIR_TEST_KOSOKU";
/// Where the tests find the programs of others.
const PROGRAMS: &str = "WEIR_TEST_PROGRAMS";
/// With this variable the tests' stores are in PostgreSQL, without it in SQLite.
const POSTGRES: &str = "WEIR_TEST_DATABASE_URL";
/// The tests that open such a store; the others would only say the same twice.
const WITH_STORE: &str = "rdeps(weir-testkit) and not binary(crash) and not test(autobahn)";

fn rust_tests(workspace: &Workspace, environment: &Environment, database: Database) -> Result<Counts> {
    let arguments = ["--workspace", "--locked", "--no-fail-fast"];
    let mut command = colourful(workspace.cargo());
    command.envs(environment);
    if database == Database::Sqlite {
        command.env_remove(POSTGRES);
    }
    if find_program("cargo-nextest").is_none() {
        println!("    cargo-nextest is not installed, so cargo runs the tests");
        command.args(["test", "--lib", "--bins", "--tests"]).args(arguments);
        let finished = process::run_recorded(&mut command)?;
        return Ok(counts::cargo_test(&finished.output).and_exit(finished.status));
    }
    command.args(["nextest", "run", "--no-tests=pass"]).args(arguments);
    if database == Database::Postgres {
        command.args(["--filterset", WITH_STORE]);
    }
    let finished = process::run_recorded(&mut command)?;
    Ok(counts::nextest(&finished.output).and_exit(finished.status))
}

/// Our reading along takes the terminal from cargo, but not its colours.
fn colourful(mut cargo: Command) -> Command {
    if terminal::is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    cargo
}

fn vitest(pnpm: &Pnpm, report: &Path) -> Result<Counts> {
    forget(report)?;
    let mut command = pnpm.web_script("test");
    command.args(["--reporter=default", "--reporter=json"]).arg(format!("--outputFile.json={}", report.display()));
    let status = process::status(&mut command)?;
    Ok(counts::vitest(&read(report)).and_exit(status))
}

fn browser_tests(pnpm: &Pnpm, weir: &Path, environment: &Environment, report: &Path) -> Result<Counts> {
    forget(report)?;
    let mut command = pnpm.web_script("e2e");
    command
        .arg("--reporter=list,json")
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", report)
        .env("WEIR_BINARY", weir)
        .envs(environment);
    if let Some(chromium) = prerequisites::chromium() {
        command.env("WEIR_CHROMIUM", chromium);
    }
    let status = process::status(&mut command)?;
    Ok(counts::playwright(&read(report)).and_exit(status))
}

/// Removes the report of an earlier run, so that it can't be taken for this one's.
fn forget(report: &Path) -> Result<()> {
    match fs::remove_file(report) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", report.display()))
        }
        _ => Ok(()),
    }
}

/// A runner that could not even start has written no report; its exit code tells.
fn read(report: &Path) -> String {
    fs::read_to_string(report).unwrap_or_default()
}
