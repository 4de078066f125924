//! What property tests share.

use proptest::{prelude::ProptestConfig, test_runner::FileFailurePersistence};

/// So many cases. A seed that failed is kept in the file `seeds` beside the tests, and is tried again first.
pub fn cases(seeds: &'static str, cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..ProptestConfig::default()
    }
}

/// Runs one case on a runtime of its own.
pub fn run_alone(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}
