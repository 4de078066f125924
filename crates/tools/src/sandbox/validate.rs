//! Checks a value against a JSON Schema, however long that takes.

use serde_json::Value;

use super::{Failed, Trouble};
use crate::ArgumentSchema;

/// The faults of the value, as JSON; their paths begin with `root`.
pub(super) fn faults(schema: Value, value: &Value, root: &str) -> Result<Value, Failed> {
    let because = |error: &dyn std::fmt::Display| Trouble::TooLong.because(format!("The schema {error}."));
    let schema = ArgumentSchema::compile_here(schema).map_err(|error| because(&error))?;
    serde_json::to_value(schema.faults(value, root)).map_err(|error| because(&error))
}
