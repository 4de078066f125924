//! What a tool is: written as a type with its arguments and its output, and as everybody else sees it.

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::task::spawn_blocking;
use weir_protocol::{ToolAnnotations, ToolSource};

use crate::{ArgumentSchema, Call, ToolError, schema::schema_of};

/// How long a tool may be silent when it does not say otherwise. Each word of progress gives it as long again.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// What a tool says of itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Its name, unique among the built-in tools: 1 to 64 of `A–Z a–z 0–9 _ -`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it does and when it is of use, for people and models.
    pub description: &'static str,
    /// How it behaves.
    pub annotations: ToolAnnotations,
    /// How long it may be silent before it is stopped.
    pub timeout: Duration,
    /// How many of its jobs may run at once in this process; none: a running job holds no resources, so there is no limit.
    pub concurrency: Option<usize>,
}

impl About {
    /// A tool that changes nothing and needs nothing from outside.
    pub fn read_only(name: &'static str, title: &'static str, description: &'static str) -> Self {
        let annotations = ToolAnnotations {
            read_only_hint: true,
            destructive_hint: false,
            idempotent_hint: true,
            open_world_hint: false,
        };
        Self { name, title, description, annotations, timeout: TIMEOUT, concurrency: Some(8) }
    }
}

/// A tool, as it is written. `docs/add-a-tool.md` shows one.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// What it takes; the schema is derived from it, and a call's arguments are checked before it runs.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;
    /// What it gives.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// What it is.
    fn about(&self) -> About;

    /// Runs it. Dropping the future stops it; that happens when somebody cancels the job.
    ///
    /// # Errors
    /// [`ToolError`], in words for a person and for a model.
    async fn run(&self, args: Self::Args, call: &Call) -> Result<Self::Output, ToolError>;
}

/// What is known of a tool, wherever it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Its name, unique on this server.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it does. Of a foreign tool: text that is not to be trusted.
    pub description: String,
    /// The JSON Schema of its arguments, always of an object.
    pub input_schema: ArgumentSchema,
    /// The JSON Schema of its output.
    pub output_schema: Option<Value>,
    /// How it behaves; of a foreign tool, how it says that it does.
    pub annotations: ToolAnnotations,
    /// Where it comes from.
    pub source: ToolSource,
    /// The MCP server that offers it.
    pub server: Option<String>,
    /// How long it may be silent before it is stopped.
    pub timeout: Duration,
    /// How many of its jobs may run at once in this process; none: a running job holds no resources, so there is no limit.
    pub concurrency: Option<usize>,
}

impl Spec {
    /// Whether a job whose process died may be run once more.
    pub fn is_repeatable(&self) -> bool {
        self.annotations.read_only_hint || self.annotations.idempotent_hint
    }
}

/// A tool that can be called.
#[async_trait]
pub trait Callable: Send + Sync {
    /// What it is.
    fn spec(&self) -> &Spec;

    /// Runs it with arguments that fit its schema. Dropping the future stops it.
    ///
    /// # Errors
    /// [`ToolError`].
    async fn call(&self, args: Value, call: &Call) -> Result<Value, ToolError>;
}

/// A built-in tool, ready to be called.
pub(crate) fn built_in<T: Tool>(tool: T) -> Arc<dyn Callable> {
    let about = tool.about();
    let spec = Spec {
        name: about.name.to_owned(),
        title: about.title.to_owned(),
        description: about.description.to_owned(),
        input_schema: ArgumentSchema::of::<T::Args>(),
        output_schema: Some(schema_of::<T::Output>()),
        annotations: about.annotations,
        source: ToolSource::BuiltIn,
        server: None,
        timeout: about.timeout,
        concurrency: about.concurrency,
    };
    Arc::new(BuiltIn { tool, spec })
}

struct BuiltIn<T> {
    tool: T,
    spec: Spec,
}

#[async_trait]
impl<T: Tool> Callable for BuiltIn<T> {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, args: Value, call: &Call) -> Result<Value, ToolError> {
        // Either may have megabytes, whose conversion would hold up an async worker.
        let args = off_worker(move || serde_json::from_value(args))
            .await
            .map_err(|error| ToolError::new("invalid_arguments", format!("The arguments cannot be read: {error}.")))?;
        let output = self.tool.run(args, call).await?;
        off_worker(move || serde_json::to_value(output))
            .await
            .map_err(|error| ToolError::new("invalid_output", format!("The output is no JSON: {error}.")))
    }
}

/// Does some work on a blocking thread.
async fn off_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
