//! Arguments and answers held against a schema: here while that is quick, else in the sandbox.

use std::time::Duration;

use serde_json::Value;
use tokio::{task::spawn_blocking, time::timeout};
use weir_protocol::{FieldError, UserId};
use weir_tools::{ArgumentSchema, Verdict};

use super::Inner;

/// Checks in the sandbox at once.
pub(super) const SANDBOXED_CHECKS: usize = 2;
/// How long a check waits for its turn in the sandbox.
const TURN: Duration = Duration::from_secs(10);

impl Inner {
    /// The value, and every part of it that does not fit, as a path below `root`.
    pub(super) async fn check(
        &self,
        user: UserId,
        schema: &ArgumentSchema,
        value: Value,
        root: &'static str,
    ) -> (Value, Vec<FieldError>) {
        match schema.judge(&value) {
            Verdict::Fits => (value, Vec::new()),
            Verdict::Unfit => {
                let schema = schema.clone();
                let listed = spawn_blocking(move || {
                    let faults = schema.faults(&value, root);
                    (value, faults)
                });
                listed.await.unwrap_or_else(|_| (Value::Null, vec![ArgumentSchema::too_costly(root)]))
            }
            Verdict::TooCostly => {
                let turn = timeout(TURN, self.checks.acquire(user)).await;
                match (turn, self.tools.sandbox()) {
                    (Ok(_permit), Some(sandbox)) => schema.faults_in(sandbox, value, root).await,
                    _ => (value, vec![ArgumentSchema::too_costly(root)]),
                }
            }
        }
    }
}
