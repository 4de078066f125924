//! JSON Schemas (2020-12): derived from types, and held against arguments.

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind, paths::LocationSegment};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};
use weir_protocol::FieldError;

/// Faults that are told at once.
const MOST_FAULTS: usize = 16;

/// The schema of a type, with everything that it refers to inside.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("title");
        // Models and forms take it for granted.
        object.remove("$schema");
    }
    schema
}

/// Every value that does not fit, as a path below `root`, such as `args.…`; empty when all do.
///
/// # Errors
/// When the schema itself is none; a sentence.
pub fn faults(schema: &Value, values: &Value, root: &str) -> Result<Vec<FieldError>, String> {
    if !values.is_object() {
        return Ok(vec![FieldError::new(root, "must be a JSON object")]);
    }
    let validator = compiled(schema)?;
    let mut faults: Vec<_> =
        validator.iter_errors(values).take(MOST_FAULTS).flat_map(|error| told(&error, root)).collect();
    faults.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(faults)
}

/// The schema, ready to be held against arguments.
fn compiled(schema: &Value) -> Result<Validator, String> {
    // What a foreign schema points to is not fetched: nothing here may make requests for it.
    jsonschema::options().build(schema).map_err(|error| error.to_string())
}

fn told(error: &ValidationError<'_>, root: &str) -> Vec<FieldError> {
    let mut path = root.to_owned();
    for segment in error.instance_path() {
        match segment {
            LocationSegment::Property(name) => path = format!("{path}.{name}"),
            LocationSegment::Index(place) => path = format!("{path}[{place}]"),
        }
    }
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![FieldError::new(format!("{path}.{name}"), "is required")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|name| FieldError::new(format!("{path}.{name}"), "is not an argument")).collect()
        }
        _ => vec![FieldError::new(path, error.to_string())],
    }
}

/// The schema of a tool that takes anything.
pub fn any_object() -> Value {
    json!({ "type": "object" })
}
