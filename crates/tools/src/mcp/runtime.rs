//! The thread that talks to MCP servers.
//!
//! A server decides how much JSON there is to parse and how many notifications arrive. All of that work is on one thread of
//! its own: it delays other MCP servers at most, and never a request, an answer or a heartbeat. On one thread, the tasks that
//! notifications start also run as fast as they are started.

use std::{future::Future, thread};

use tokio::{
    runtime::{Builder, Handle},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A runtime with one thread. Its tasks end when it is dropped.
#[derive(Debug)]
pub(super) struct McpRuntime {
    handle: Handle,
    _stop: DropGuard,
}

impl McpRuntime {
    /// Starts the thread. Where the operating system refuses it, the caller's runtime does the work.
    pub(super) fn start() -> Self {
        let stop = CancellationToken::new();
        let handle = start(&stop).unwrap_or_else(|error| {
            tracing::error!(%error, "the thread for MCP servers cannot be started; they share the server's threads");
            Handle::current()
        });
        Self { handle, _stop: stop.drop_guard() }
    }

    /// Runs a task on the thread.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.handle.spawn(task)
    }
}

fn start(stop: &CancellationToken) -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (handle, stopped) = (runtime.handle().clone(), stop.clone());
    thread::Builder::new().name("mcp".to_owned()).spawn(move || {
        runtime.block_on(stopped.cancelled());
        // A task that does not end delays nothing.
        runtime.shutdown_background();
    })?;
    Ok(handle)
}
