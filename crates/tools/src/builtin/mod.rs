//! The tools that every Weir has.

mod calculate;
mod current_time;
mod fetch_page;
mod query_table;
mod run_code;
mod search_history;
mod wait;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Callable, Outside, Sandbox, ToolError, callable};

pub use calculate::Calculate;
pub use current_time::CurrentTime;
pub use fetch_page::FetchPage;
pub use query_table::QueryTable;
pub use run_code::RunCode;
pub use search_history::{Found, History, SearchHistory};
pub use wait::Wait;

/// What tools need of the server.
#[derive(Clone)]
pub struct Surroundings {
    /// Where conversations are kept.
    pub history: Arc<dyn History>,
    /// Where requests may go.
    pub outside: Outside,
    /// Where work is done that may be endless or hostile.
    pub sandbox: Sandbox,
}

/// Every one of them.
pub fn all(surroundings: Surroundings) -> Vec<Arc<dyn Callable>> {
    let Surroundings { history, outside, sandbox } = surroundings;
    vec![
        callable(Calculate(sandbox.clone())),
        callable(CurrentTime),
        callable(FetchPage::new(outside, sandbox.clone())),
        callable(QueryTable(sandbox.clone())),
        callable(RunCode(sandbox)),
        callable(SearchHistory(history)),
        callable(Wait),
    ]
}

/// What the sandbox gave, as the tool's output.
fn output<T: DeserializeOwned>(value: Value) -> Result<T, ToolError> {
    serde_json::from_value(value)
        .map_err(|error| ToolError::new("sandbox_failed", format!("The sandbox gave something unexpected: {error}.")))
}
