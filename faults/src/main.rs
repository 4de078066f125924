//! `weir-faults`: see `docs/reliability.md`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match weir_faults::run(&weir_faults::Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
