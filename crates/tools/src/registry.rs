//! Every tool there is, under a name that is its alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{Callable, Sandbox, Tool, tool::built_in};

type Tools = BTreeMap<String, Arc<dyn Callable>>;

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
        let built_in = built_in.into_iter().map(|tool| (tool.spec().name.clone(), tool)).collect();
        Self(Arc::new(Inner { built_in, sandbox, foreign: RwLock::default() }))
    }

    /// Where arguments are checked that take long to check.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.0.sandbox.as_ref()
    }

    /// The tool of this name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Callable>> {
        if let Some(tool) = self.0.built_in.get(name) {
            return Some(tool.clone());
        }
        let foreign = self.0.foreign.read().unwrap_or_else(PoisonError::into_inner);
        foreign.values().find_map(|tools| tools.get(name).cloned())
    }

    /// Every tool, by name, the built-in ones first.
    pub fn all(&self) -> Vec<Arc<dyn Callable>> {
        let foreign = self.0.foreign.read().unwrap_or_else(PoisonError::into_inner);
        self.0.built_in.values().chain(foreign.values().flat_map(BTreeMap::values)).cloned().collect()
    }

    /// What a server offers from now on; nothing when it is gone. A tool whose name is a built-in one's is left out.
    pub fn offer(&self, server: &str, tools: Vec<Arc<dyn Callable>>) {
        let tools: Tools = tools
            .into_iter()
            .filter(|tool| !self.0.built_in.contains_key(&tool.spec().name))
            .map(|tool| (tool.spec().name.clone(), tool))
            .collect();
        let mut foreign = self.0.foreign.write().unwrap_or_else(PoisonError::into_inner);
        if tools.is_empty() {
            foreign.remove(server)
        } else {
            foreign.insert(server.to_owned(), tools)
        };
    }
}

/// A tool as a registry takes it.
pub fn callable<T: Tool>(tool: T) -> Arc<dyn Callable> {
    built_in(tool)
}
