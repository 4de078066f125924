//! A tool of a server, ready to be called.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use rmcp::{
    RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientRequest, ProgressToken, RequestId,
        RequestMetaObject, ServerResult, Tool,
    },
    service::{Peer, PeerRequestOptions, ServiceError},
};
use serde_json::Value;
use tokio::task::{JoinError, spawn_blocking};
use weir_protocol::{ToolAnnotations, ToolSource};

use super::{
    fault::ConnectionFault,
    listener::Calls,
    log::Log,
    names::{readable, tool_name},
    output::output,
    questions,
};
use crate::{ArgumentSchema, Call, Callable, Registry, Spec, ToolError};

/// How long a foreign tool may be silent; most tell no progress, and some of them take minutes.
pub(super) const TIMEOUT: Duration = Duration::from_mins(5);
/// How often a call may ask for something before it answers.
const MOST_ROUNDS: usize = 10;
/// How many calls of one tool run at once.
const CONCURRENCY: usize = 8;
/// The longest description and title, in characters: they are put before every model.
const MOST_DESCRIPTION_CHARS: usize = 4000;
const MOST_TITLE_CHARS: usize = 100;
/// The largest schema of an output, in bytes. It is shown and never evaluated.
const MAX_OUTPUT_SCHEMA_BYTES: usize = 64 * 1024;
/// The longest name of a tool that the log of a server repeats, in characters.
const MAX_LOGGED_NAME_CHARS: usize = 100;

/// A server whose tools are offered.
#[derive(Clone)]
pub(super) struct Offering {
    pub(super) server: String,
    pub(super) peer: Peer<RoleClient>,
    pub(super) calls: Calls,
    pub(super) log: Log,
    /// Why the connection ended, if the server broke the protocol.
    pub(super) fault: ConnectionFault,
    /// What is offered now: a schema that is known is not compiled again.
    pub(super) registry: Registry,
}

impl Offering {
    /// The tools of the server as a registry takes them. What cannot be offered is left out, and the server's log says so.
    ///
    /// Schemas are compiled here, on a thread for blocking work.
    pub(super) async fn tools(self, tools: Vec<Tool>) -> Vec<Arc<dyn Callable>> {
        let offered = tokio::task::spawn_blocking(move || {
            let mut names = HashSet::new();
            tools.into_iter().filter_map(|tool| self.tool(tool, &mut names)).collect()
        });
        offered.await.unwrap_or_default()
    }

    fn tool(&self, mut tool: Tool, names: &mut HashSet<String>) -> Option<Arc<dyn Callable>> {
        let shown = readable(&tool.name, MAX_LOGGED_NAME_CHARS);
        let name = tool_name(&self.server, &tool.name);
        if names.contains(&name) {
            self.log.say(&format!("weir: {shown} is left out, it is there twice"));
            return None;
        }
        let schema = Value::Object((*tool.input_schema).clone());
        let known = self.registry.find(&name).map(|known| known.spec().input_schema.clone());
        let schema = match known.filter(|known| *known.json() == schema) {
            Some(known) => known,
            None => match ArgumentSchema::compile(schema) {
                Ok(schema) => schema,
                Err(error) => {
                    self.log.say(&format!("weir: {shown} is left out, the schema of its arguments {error}"));
                    return None;
                }
            },
        };
        if let Some(output) = &tool.output_schema
            && !serde_json::to_string(&**output).is_ok_and(|text| text.len() <= MAX_OUTPUT_SCHEMA_BYTES)
        {
            self.log.say(&format!("weir: the schema of the output of {shown} is larger than 64 KiB and is not shown"));
            tool.output_schema = None;
        }
        names.insert(name.clone());
        let spec = spec(&self.server, name, schema, &tool);
        let tool = tool.name.into_owned();
        let (peer, calls, fault) = (self.peer.clone(), self.calls.clone(), self.fault.clone());
        Some(Arc::new(Offered { spec, tool, peer, calls, fault }))
    }
}

fn spec(server: &str, name: String, input_schema: ArgumentSchema, tool: &Tool) -> Spec {
    let hints = tool.annotations.clone().unwrap_or_default();
    let title = tool.title.as_deref().or(hints.title.as_deref()).unwrap_or(&tool.name);
    Spec {
        name,
        title: readable(title, MOST_TITLE_CHARS),
        description: readable(tool.description.as_deref().unwrap_or_default(), MOST_DESCRIPTION_CHARS),
        input_schema,
        output_schema: tool.output_schema.as_ref().map(|schema| Value::Object((**schema).clone())),
        annotations: ToolAnnotations {
            read_only_hint: hints.read_only_hint.unwrap_or(false),
            destructive_hint: hints.is_destructive(),
            idempotent_hint: hints.is_idempotent(),
            open_world_hint: hints.open_world_hint.unwrap_or(true),
        },
        source: ToolSource::Mcp,
        server: Some(server.to_owned()),
        timeout: TIMEOUT,
        concurrency: Some(CONCURRENCY),
    }
}

struct Offered {
    spec: Spec,
    /// Its name at the server.
    tool: String,
    peer: Peer<RoleClient>,
    calls: Calls,
    fault: ConnectionFault,
}

#[async_trait]
impl Callable for Offered {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, args: Value, call: &Call) -> Result<Value, ToolError> {
        let mut params = CallToolRequestParams::new(self.tool.clone());
        if let Value::Object(args) = args {
            params = params.with_arguments(args);
        }
        if let Some(position) = weir_trace::current() {
            // As the protocol carries trace context, whatever the transport (SEP-414).
            let meta = params.meta.get_or_insert_with(RequestMetaObject::default);
            for (name, value) in position {
                meta.insert(name.to_owned(), Value::String(value));
            }
        }
        // A server of 2026-07-28 answers a call with what it wants to know, and is then called with that once more.
        for _ in 0..MOST_ROUNDS {
            match self.send(params.clone(), call).await? {
                ServerResult::InputRequiredResult(wanted) => {
                    let server = self.spec.server.as_deref().unwrap_or_default();
                    let answers = questions::answers(server, call, wanted.input_requests.unwrap_or_default()).await?;
                    params.input_responses = Some(answers);
                    params.request_state = wanted.request_state;
                }
                // Up to five megabytes of foreign content.
                given => return spawn_blocking(|| output(given)).await.unwrap_or_else(|error| Err(unreadable(&error))),
            }
        }
        Err(ToolError::new("input_required", "The tool asks again and again, and was stopped."))
    }
}

impl Offered {
    /// Calls it once.
    async fn send(&self, params: CallToolRequestParams, call: &Call) -> Result<ServerResult, ToolError> {
        let request = CallToolRequest::new(params);
        // Held until the call is known: its progress may be told before anything else.
        let mut calls = self.calls.lock().await;
        let options = PeerRequestOptions::no_options();
        let sent = self.peer.send_cancellable_request(ClientRequest::CallToolRequest(request), options).await;
        let mut handle = sent.map_err(|error| self.failed(&error))?;
        calls.insert(handle.progress_token.clone(), call.clone());
        drop(calls);
        let mut under_way = UnderWay {
            peer: self.peer.clone(),
            calls: self.calls.clone(),
            token: handle.progress_token.clone(),
            id: Some(handle.id.clone()),
        };
        let answered = (&mut handle.rx).await.unwrap_or(Err(ServiceError::TransportClosed));
        under_way.id = None;
        answered.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &ServiceError) -> ToolError {
        let server = self.spec.server.as_deref().unwrap_or_default();
        match error {
            ServiceError::McpError(error) => ToolError::new("tool_failed", readable(&error.message, 2000)),
            ServiceError::TransportClosed => {
                let why = self.fault.reason().map(|why| format!(" {why}")).unwrap_or_default();
                let message =
                    format!("The server {server} went away.{why} It is not known whether the tool did something.");
                ToolError::new("server_gone", message)
            }
            error if error.auth_challenge().is_some() => {
                let message = format!(
                    "The server {server} asks for a sign-in, or for more rights. An administrator connects it on the page of tools."
                );
                ToolError::new("sign_in_needed", message)
            }
            error => ToolError::new("server_failed", format!("The server {server} cannot be spoken to: {error}")),
        }
    }
}

fn unreadable(error: &JoinError) -> ToolError {
    tracing::error!(%error, "the output of an MCP server's tool cannot be read");
    ToolError::new("invalid_output", "The output of the tool cannot be read.")
}

/// A call whose answer is waited for. Dropped before that, it tells the server to stop.
struct UnderWay {
    peer: Peer<RoleClient>,
    calls: Calls,
    token: ProgressToken,
    id: Option<RequestId>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (peer, calls, token, id) = (self.peer.clone(), self.calls.clone(), self.token.clone(), self.id.take());
        runtime.spawn(async move {
            calls.lock().await.remove(&token);
            if let Some(id) = id {
                let cancelled =
                    CancelledNotificationParam::new(Some(id), Some("nobody waits for it any more".to_owned()));
                // A server that has gone has stopped as well.
                let _ = peer.notify_cancelled(cancelled).await;
            }
        });
    }
}
