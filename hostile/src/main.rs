//! `weir-hostile`: see `docs/hostile.md`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match weir_hostile::run(&weir_hostile::Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
