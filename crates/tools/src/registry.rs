//! Every tool there is, under a name that is its alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde::Serialize;
use serde_json::Value;
use weir_protocol::{ToolAnnotations, ToolSource};

use crate::{Callable, Sandbox, Spec, Tool, tool::built_in};

/// Bytes of tool definitions of all MCP servers together. Every run sends them to its model: four MiB are a million tokens, more than
/// any model reads.
const MAX_DEFINITION_BYTES: usize = 4 * 1024 * 1024;

type Tools = BTreeMap<String, Arc<RegisteredTool>>;

/// A tool and its definition, which is encoded once. Runs and responses share the encoded definition.
pub struct RegisteredTool {
    callable: Arc<dyn Callable>,
    listing: Arc<str>,
    definition: Arc<str>,
}

/// The definition as `ToolInfo` has it, without what depends on the user.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    name: &'a str,
    title: &'a str,
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<&'a Value>,
    annotations: ToolAnnotations,
    source: ToolSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
}

/// The definition as models are sent it.
#[derive(Serialize)]
struct Definition<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

impl RegisteredTool {
    fn new(callable: Arc<dyn Callable>) -> Arc<Self> {
        let Spec { name, title, description, input_schema, output_schema, annotations, source, server, .. } =
            callable.spec();
        let (input_schema, output_schema) = (input_schema.json(), output_schema.as_ref());
        let (annotations, source, server) = (*annotations, *source, server.as_deref());
        let listing = Listing { name, title, description, input_schema, output_schema, annotations, source, server };
        let definition = encoded(&Definition { name, description, parameters: input_schema });
        Arc::new(Self { listing: encoded(&listing), definition, callable })
    }

    /// The tool.
    pub fn callable(&self) -> &Arc<dyn Callable> {
        &self.callable
    }

    /// What is known of the tool.
    pub fn spec(&self) -> &Spec {
        self.callable.spec()
    }

    /// The JSON object that `GET /api/tools` lists, without the fields that depend on the user.
    pub fn listing(&self) -> &Arc<str> {
        &self.listing
    }

    /// The JSON object that describes the tool to a model: `name`, `description` and `parameters`.
    pub fn definition(&self) -> &Arc<str> {
        &self.definition
    }
}

/// A definition as JSON. Names, texts and JSON values can always be written.
fn encoded<T: Serialize>(value: &T) -> Arc<str> {
    serde_json::to_string(value).unwrap_or_default().into()
}

/// A server's tools are not taken: the definitions of all servers together would be too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Its tool definitions take {} KiB and those of the other MCP servers {} KiB. The limit is {} KiB for all MCP servers.",
    own.div_ceil(1024), others.div_ceil(1024), MAX_DEFINITION_BYTES / 1024
)]
pub(crate) struct TooManyDefinitions {
    own: usize,
    others: usize,
}

/// Every tool there is. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    built_in: Tools,
    /// Where arguments are checked that take too long to check here.
    sandbox: Option<Sandbox>,
    /// By the server that offers them; names never collide, because each contains its server's.
    foreign: RwLock<BTreeMap<String, Tools>>,
}

impl Registry {
    /// The tools of MCP servers come and go; these stay.
    pub fn new(built_in: Vec<Arc<dyn Callable>>) -> Self {
        Self::build(built_in, None)
    }

    /// As [`Registry::new`], with a sandbox for arguments that take long to check. Without one such arguments are refused.
    pub fn with_sandbox(built_in: Vec<Arc<dyn Callable>>, sandbox: Sandbox) -> Self {
        Self::build(built_in, Some(sandbox))
    }

    fn build(built_in: Vec<Arc<dyn Callable>>, sandbox: Option<Sandbox>) -> Self {
        let built_in = built_in.into_iter().map(named).collect();
        Self(Arc::new(Inner { built_in, sandbox, foreign: RwLock::default() }))
    }

    /// Where arguments are checked that take long to check.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.0.sandbox.as_ref()
    }

    /// The tool of this name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Callable>> {
        if let Some(tool) = self.0.built_in.get(name) {
            return Some(tool.callable.clone());
        }
        let foreign = self.0.foreign.read().unwrap_or_else(PoisonError::into_inner);
        foreign.values().find_map(|tools| tools.get(name)).map(|tool| tool.callable.clone())
    }

    /// Every tool, by name, the built-in ones first.
    pub fn all(&self) -> Vec<Arc<RegisteredTool>> {
        let foreign = self.0.foreign.read().unwrap_or_else(PoisonError::into_inner);
        self.0.built_in.values().chain(foreign.values().flat_map(BTreeMap::values)).cloned().collect()
    }

    /// Replaces the tools of an MCP server. A tool that has the name of a built-in tool is left out. Encodes the definitions: not for
    /// an async worker that serves requests.
    ///
    /// # Errors
    /// [`TooManyDefinitions`]; then nothing changes.
    pub(crate) fn offer(&self, server: &str, tools: Vec<Arc<dyn Callable>>) -> Result<(), TooManyDefinitions> {
        let is_free = |tool: &Arc<dyn Callable>| !self.0.built_in.contains_key(&tool.spec().name);
        let tools: Tools = tools.into_iter().filter(is_free).map(named).collect();
        let own = definition_bytes(&tools);
        let mut foreign = self.0.foreign.write().unwrap_or_else(PoisonError::into_inner);
        let others = foreign.iter().filter(|(name, _)| *name != server).map(|(_, tools)| definition_bytes(tools)).sum();
        if own + others > MAX_DEFINITION_BYTES {
            return Err(TooManyDefinitions { own, others });
        }
        foreign.insert(server.to_owned(), tools);
        Ok(())
    }

    /// Removes the tools of an MCP server.
    pub(crate) fn withdraw(&self, server: &str) {
        self.0.foreign.write().unwrap_or_else(PoisonError::into_inner).remove(server);
    }
}

fn named(tool: Arc<dyn Callable>) -> (String, Arc<RegisteredTool>) {
    (tool.spec().name.clone(), RegisteredTool::new(tool))
}

fn definition_bytes(tools: &Tools) -> usize {
    tools.values().map(|tool| tool.listing.len()).sum()
}

/// A tool as a registry takes it.
pub fn callable<T: Tool>(tool: T) -> Arc<dyn Callable> {
    built_in(tool)
}
