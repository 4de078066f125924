//! What property tests share.

use proptest::{
    prelude::ProptestConfig,
    strategy::Strategy,
    test_runner::{FileFailurePersistence, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

use crate::{TestStore, store::on_postgres};

/// So many cases, and a quarter of them on `PostgreSQL`, where each takes several times as long and the code between the two is the
/// same. A seed that failed is kept in the file `seeds` beside the tests, and is tried again first.
pub fn cases(seeds: &'static str, cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if on_postgres() { cases.div_ceil(4) } else { cases },
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..ProptestConfig::default()
    }
}

/// Runs one case on a runtime of its own.
pub fn run_alone(test: impl Future<Output = ()>) {
    runtime().block_on(test);
}

/// Plays all cases on one database, in which each has things of its own: to open one takes longer than to play most cases.
/// The runtime is the store's.
pub fn on_one_store<S: Strategy>(config: ProptestConfig, strategy: &S, play: impl Fn(&Runtime, &TestStore, S::Value)) {
    let runtime = runtime();
    let stored = runtime.block_on(TestStore::open());
    let played = TestRunner::new(config).run(strategy, |case| {
        play(&runtime, &stored, case);
        Ok(())
    });
    if let Err(error) = played {
        panic!("{error}");
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
