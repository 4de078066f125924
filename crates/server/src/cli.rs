//! The command line of the `weir` binary.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    backup,
    config::{Config, ConfigFaults, Source},
    data_dir, launcher,
    lifecycle::EXIT_UNCOMMITTED,
    mcp::bridge,
    openapi,
    serve::{self, ServeError},
    token_command::{self, TokenCommand},
};

/// How much nicer than the server the sandbox is.
const NICENESS: i32 = 10;

/// Weir: a self-hosted, real-time chat application for language models.
#[derive(Debug, Parser)]
#[command(name = "weir", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the app (this is what happens without a command too)
    Serve {
        /// The file with settings; the environment wins over it
        #[arg(long, value_name = "FILE", default_value = "weir.toml")]
        config: PathBuf,
    },
    /// The embedded model
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Offer the tools of the running server over standard input and output, as an MCP server
    Mcp {
        /// The file with settings; the environment wins over it
        #[arg(long, value_name = "FILE", default_value = "weir.toml")]
        config: PathBuf,
        /// A token of the person whose tools these are, where people sign in; or set `WEIR_TOKEN`, which other users of this
        /// machine cannot see
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
    },
    /// Keys for programs: make, list and revoke them, in the database itself
    Token {
        /// The file with settings; the environment wins over it
        #[arg(long, value_name = "FILE", default_value = "weir.toml", global = true)]
        config: PathBuf,
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Write everything that is stored to one file, beside the running server
    Backup {
        /// The file with settings; the environment wins over it
        #[arg(long, value_name = "FILE", default_value = "weir.toml")]
        config: PathBuf,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
        /// Where the backup is written
        file: PathBuf,
    },
    /// Put a backup where the database is, while no server runs
    Restore {
        /// The file with settings; the environment wins over it
        #[arg(long, value_name = "FILE", default_value = "weir.toml")]
        config: PathBuf,
        /// Move a database that is there aside (SQLite); it is kept under a name with the time
        #[arg(long)]
        force: bool,
        /// The file that `weir backup` made
        file: PathBuf,
    },
    /// Print the API description (`OpenAPI`) of this version
    Openapi,
    /// The embedded model's own process, started by the server
    #[cfg(feature = "embedded-model")]
    #[command(hide = true)]
    Engine,
    /// The process for work that may be endless or hostile, started by the server
    #[command(hide = true)]
    Sandbox {
        /// Print the protections that this machine does not offer, one a line, and end
        #[arg(long)]
        check: bool,
    },
    /// Runs the program of an MCP server with fewer rights and ends all of its processes, started by the server
    #[command(hide = true)]
    LaunchMcp {
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Fetch the embedded model's file into your cache directory
    Pull,
}

/// Runs the command line; gives the process's exit code.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        None => start(&PathBuf::from("weir.toml")),
        Some(Command::Serve { config }) => start(&config),
        Some(Command::Model { command: ModelCommand::Pull }) => pull(),
        Some(Command::Mcp { config, token }) => mcp(&config, token),
        Some(Command::Token { config, command }) => configured(&config, |config| token_command::run(config, command)),
        Some(Command::Backup { config, force, file }) => {
            configured(&config, |config| backup::backup(config, &file, force))
        }
        Some(Command::Restore { config, force, file }) => {
            configured(&config, |config| backup::restore(config, &file, force))
        }
        Some(Command::Openapi) => {
            println!("{}", openapi::document());
            ExitCode::SUCCESS
        }
        #[cfg(feature = "embedded-model")]
        Some(Command::Engine) => weir_providers::embedded::run_engine(),
        Some(Command::Sandbox { check }) => {
            // The server comes first. A refusal only means that it is as nice as it was.
            let _ = rustix::process::nice(NICENESS);
            weir_tools::run_sandbox(check)
        }
        Some(Command::LaunchMcp { command }) => launcher::run(&command),
    }
}

fn start(file: &Path) -> ExitCode {
    data_dir::keep_files_private();
    let config = match Config::read(Source::of_process(file)) {
        Ok(config) => config,
        Err(faults) => return refuse(&faults),
    };
    match serve::run(config) {
        Err(error @ ServeError::Uncommitted) => {
            eprintln!("weir: {error}");
            ExitCode::from(EXIT_UNCOMMITTED)
        }
        served => told(served),
    }
}

fn mcp(file: &Path, token: Option<String>) -> ExitCode {
    match Config::read(Source::of_process(file)) {
        Ok(config) => told(bridge::run(config.addr, token.or_else(|| std::env::var("WEIR_TOKEN").ok()))),
        Err(faults) => refuse(&faults),
    }
}

/// Runs a command that works on the database itself.
fn configured<E: std::fmt::Display>(file: &Path, command: impl FnOnce(&Config) -> Result<(), E>) -> ExitCode {
    data_dir::keep_files_private();
    match Config::read(Source::of_process(file)) {
        Ok(config) => told(command(&config)),
        Err(faults) => refuse(&faults),
    }
}

fn told<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir: {error}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(faults: &ConfigFaults) -> ExitCode {
    eprintln!("{faults}");
    ExitCode::from(2)
}

fn pull() -> ExitCode {
    use weir_providers::model_file::{PullOptions, pull};
    match PullOptions::for_user().and_then(|options| pull(&options)) {
        Ok(path) => {
            println!("The model is at {}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("weir: {error}");
            ExitCode::FAILURE
        }
    }
}
