//! JSON Schemas (2020-12): derived from types, bounded and compiled once, and held against arguments under a budget.
//!
//! A schema may come from a foreign server, and a value from a model or a person. [`ArgumentSchema::compile`] refuses a schema
//! whose evaluation multiplies. [`ArgumentSchema::judge`] counts the steps of a check before it makes it, and makes only those
//! that take less than a millisecond. All others are made in the sandbox ([`ArgumentSchema::faults_in`]).

mod graph;
mod limits;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use jsonschema::{
    PatternOptions, ValidationError, ValidationOptions, Validator, error::ValidationErrorKind, paths::LocationSegment,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;
use weir_protocol::{FieldError, ToolCallId, UserId};

use crate::{Call, Sandbox, sandbox::Work};
use graph::Graph;
use limits::{INLINE_STEPS, MAX_BYTES, STACK_BYTES};

/// Faults that one check lists.
const MOST_FAULTS: usize = 16;
/// The longest path and message of a fault, in characters. Paths contain names of the value, and the validator quotes the value.
const MOST_MESSAGE_CHARS: usize = 500;
/// How long a check in the sandbox may take, the start of its process included.
const SANDBOX_TIME: Duration = Duration::from_secs(3);
/// Steps up to which the sandbox lists faults instead of naming the value as a whole.
const LISTED_STEPS: u64 = 10 * INLINE_STEPS;

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

/// A schema, compiled once. Cheap to clone.
#[derive(Clone)]
pub struct ArgumentSchema(Arc<Compiled>);

struct Compiled {
    source: Value,
    graph: Graph,
    validator: Validator,
}

/// Why a schema is refused: a clause that continues "the schema …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// What a schema says to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The value fits.
    Fits,
    /// The value does not fit; [`ArgumentSchema::faults`] lists why, in bounded time but not on an async worker.
    Unfit,
    /// Checking the value takes longer than an async worker may be busy.
    TooCostly,
}

impl ArgumentSchema {
    /// Compiles a schema, and refuses one that could take too much work. It takes milliseconds: not for an async worker.
    ///
    /// # Errors
    /// [`SchemaError`], with the bound that the schema breaks.
    pub fn compile(schema: Value) -> Result<Self, SchemaError> {
        // Nested schemas are compiled by recursion.
        let compiling = thread::Builder::new().stack_size(STACK_BYTES).spawn(|| Self::compile_here(schema));
        match compiling.map(thread::JoinHandle::join) {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(_)) => Err(SchemaError("cannot be compiled".to_owned())),
            Err(error) => Err(SchemaError(format!("cannot be compiled at the moment: {error}"))),
        }
    }

    /// As [`ArgumentSchema::compile`], on this thread, whose stack must be large.
    ///
    /// # Errors
    /// See [`ArgumentSchema::compile`].
    pub(crate) fn compile_here(schema: Value) -> Result<Self, SchemaError> {
        if schema.to_string().len() > MAX_BYTES {
            return Err(SchemaError(format!("is larger than {} KiB", MAX_BYTES / 1024)));
        }
        let (graph, validator) = compiled(&schema)?;
        Ok(Self(Arc::new(Compiled { source: schema, graph, validator })))
    }

    /// The schema of a type of this program.
    ///
    /// # Panics
    /// When that schema breaks a bound: a fault of the program, found when it starts.
    pub fn of<T: JsonSchema>() -> Self {
        Self::compile(schema_of::<T>()).unwrap_or_else(|error| panic!("the schema of a built-in tool {error}"))
    }

    /// Compiles a schema on a thread for blocking work.
    ///
    /// # Errors
    /// See [`ArgumentSchema::compile`].
    pub async fn compile_off_worker(schema: Value) -> Result<Self, SchemaError> {
        let compiled = tokio::task::spawn_blocking(|| Self::compile(schema)).await;
        compiled.unwrap_or_else(|_| Err(SchemaError("cannot be compiled".to_owned())))
    }

    /// The schema as JSON.
    pub fn json(&self) -> &Value {
        &self.0.source
    }

    /// Checks a value where that takes less than a millisecond.
    pub fn judge(&self, value: &Value) -> Verdict {
        let Compiled { graph, validator, .. } = &*self.0;
        match graph.steps(value, INLINE_STEPS) {
            None => Verdict::TooCostly,
            Some(_) if value.is_object() && guarded(|| validator.is_valid(value)) == Some(true) => Verdict::Fits,
            Some(_) => Verdict::Unfit,
        }
    }

    /// Every part of a value that does not fit, as a path below `root`, such as `args.…`; empty when all do.
    ///
    /// Describing a fault costs a hundred times as much as finding that there is one. So this takes up to 0.1 s for a value that
    /// [`Self::judge`] can check, and has no bound for all others.
    pub fn faults(&self, value: &Value, root: &str) -> Vec<FieldError> {
        if !value.is_object() {
            return vec![FieldError::new(root, "must be a JSON object")];
        }
        let Compiled { graph, validator, .. } = &*self.0;
        let faults = guarded(|| {
            if validator.is_valid(value) {
                return Vec::new();
            }
            if graph.steps(value, LISTED_STEPS).is_none() {
                return vec![FieldError::new(root, "does not fit the schema")];
            }
            let errors = validator.iter_errors(value).take(MOST_FAULTS);
            let mut faults: Vec<_> = errors.flat_map(|error| told(&error, root)).take(MOST_FAULTS).collect();
            faults.sort_by(|one, other| one.path.cmp(&other.path));
            faults
        });
        faults.unwrap_or_else(|| vec![FieldError::new(root, "cannot be checked against the tool's schema")])
    }

    /// As [`ArgumentSchema::faults`], in a process of its own, which is killed after three seconds. The value is returned as well.
    pub async fn faults_in(&self, sandbox: &Sandbox, value: Value, root: &str) -> (Value, Vec<FieldError>) {
        let work = Work::Validate { schema: self.0.source.clone(), value: value.clone(), root: root.to_owned() };
        // The process reports no progress.
        let (call, _) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
        let faults = match timeout(SANDBOX_TIME, sandbox.run(work, &call)).await {
            Ok(Ok(faults)) => serde_json::from_value(faults).ok(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "arguments could not be checked in the sandbox");
                None
            }
            Err(_) => None,
        };
        (value, faults.unwrap_or_else(|| vec![Self::too_costly(root)]))
    }

    /// The fault of a value whose check does not end in time.
    pub fn too_costly(root: &str) -> FieldError {
        FieldError::new(root, "takes too long to check against the tool's schema: send smaller arguments")
    }
}

impl PartialEq for ArgumentSchema {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArgumentSchema").field(&self.0.source).finish()
    }
}

fn compiled(schema: &Value) -> Result<(Graph, Validator), SchemaError> {
    let graph = Graph::of(schema).and_then(|graph| graph.check().map(|()| graph)).map_err(SchemaError)?;
    let validator = options(graph.pattern_bytes()).build(schema);
    let validator = validator.map_err(|error| SchemaError(format!("cannot be used: {}", short(&error))))?;
    Ok((graph, validator))
}

/// None when the validator panics, which some schemas with `$dynamicRef` make it do.
fn guarded<T>(check: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(check)).ok()
}

/// What is not in the schema is not fetched, and a pattern takes time linear in the text.
fn options(pattern_bytes: usize) -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex().size_limit(pattern_bytes).dfa_size_limit(pattern_bytes);
    jsonschema::options().with_pattern_options(patterns).offline()
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
            vec![FieldError::new(short(&format_args!("{path}.{name}")), "is required")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let faults = unexpected.iter().take(MOST_FAULTS);
            let path = |name: &String| short(&format_args!("{path}.{name}"));
            faults.map(|name| FieldError::new(path(name), "is not an argument")).collect()
        }
        _ => vec![FieldError::new(short(&path), short(error))],
    }
}

/// The beginning of a text, which is not built further than that.
fn short(text: &impl fmt::Display) -> String {
    struct Beginning(String, usize);
    impl fmt::Write for Beginning {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for letter in text.chars() {
                if self.1 == 0 {
                    self.0.push('…');
                    return Err(fmt::Error);
                }
                self.0.push(letter);
                self.1 -= 1;
            }
            Ok(())
        }
    }
    let mut beginning = Beginning(String::new(), MOST_MESSAGE_CHARS);
    // An error means that the beginning is all there is room for.
    let _ = fmt::write(&mut beginning, format_args!("{text}"));
    beginning.0
}

#[cfg(test)]
mod tests;
