//! The engine by itself, for this crate's tests and for measurements; users get it as `weir engine`.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir_providers::embedded::run_engine()
}
