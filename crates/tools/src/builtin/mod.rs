//! The tools that every Weir has.

mod calculate;
mod current_time;
mod wait;

use std::sync::Arc;

use crate::{Callable, callable};

pub use calculate::Calculate;
pub use current_time::CurrentTime;
pub use wait::Wait;

/// Those that need nothing of the server's.
pub fn all() -> Vec<Arc<dyn Callable>> {
    vec![callable(Calculate), callable(CurrentTime), callable(Wait)]
}
