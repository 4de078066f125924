//! Threads that talk to foreign servers.
//!
//! A server decides how much there is to parse: JSON, notifications, responses before the response (RFC 9110, 15.2). All of that work is on
//! a thread: one for all programs of MCP servers, and one for each MCP server over HTTP, each page, each request to an authorization
//! server and the `OpenID` provider. It never delays a request, an answer, a heartbeat or another server over HTTP. On one thread, the tasks
//! that notifications start also run as fast as they are started.

use std::{future::Future, thread};

use tokio::{
    runtime::{Builder, Handle},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A runtime with one thread. Its tasks end when it is dropped.
#[derive(Debug)]
pub struct OwnThread {
    handle: Handle,
    _stop: DropGuard,
}

impl OwnThread {
    /// Starts the thread. Where the operating system refuses it, the caller's runtime does the work.
    pub fn start(name: &'static str) -> Self {
        let stop = CancellationToken::new();
        let handle = start(name, &stop).unwrap_or_else(|error| {
            tracing::error!(%error, name, "a thread for foreign servers cannot be started; they share the server's threads");
            Handle::current()
        });
        Self { handle, _stop: stop.drop_guard() }
    }

    /// Runs a task on the thread.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle.spawn(task)
    }
}

fn start(name: &str, stop: &CancellationToken) -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (handle, stopped) = (runtime.handle().clone(), stop.clone());
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(stopped.cancelled());
        // A task that does not end delays nothing.
        runtime.shutdown_background();
    })?;
    Ok(handle)
}
