//! The real model, for tests that ask it.

use std::{env, path::PathBuf, sync::OnceLock};

use weir_providers::model_file::{ProgressStyle, PullOptions, pull};

/// The file of the demonstration model, fetched when it is not there; `None` when the tests are told to do without.
///
/// # Panics
/// When it cannot be fetched: these tests would prove nothing.
pub(crate) fn model() -> Option<PathBuf> {
    static MODEL: OnceLock<Option<PathBuf>> = OnceLock::new();
    MODEL
        .get_or_init(|| {
            if env::var_os("WEIR_TEST_WITHOUT_MODEL").is_some() {
                eprintln!("NOT TESTED: the embedded engine, because WEIR_TEST_WITHOUT_MODEL is set");
                return None;
            }
            let options =
                PullOptions { progress: ProgressStyle::Lines, ..PullOptions::for_user().expect("a cache directory") };
            match pull(&options) {
                Ok(path) => Some(path),
                Err(error) => {
                    panic!("{error}\nTo leave the tests of the real model out, set WEIR_TEST_WITHOUT_MODEL=1.")
                }
            }
        })
        .clone()
}

/// Runs the rest of the test with the model, or ends it, having said so, when it is to be left out.
#[macro_export]
macro_rules! model_or_return {
    () => {
        match support::model() {
            Some(model) => model,
            None => return,
        }
    };
}
