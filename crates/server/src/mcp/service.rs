//! This server as an MCP server: its own tools for other people's clients, as jobs under the same permissions.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode, ErrorData, Implementation,
        JsonObject, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken,
        ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::{Peer, RequestContext},
    transport::{StreamableHttpServerConfig, StreamableHttpService},
};
use serde::Deserialize;
use serde_json::{Value, json};
use weir_protocol::{
    AccessScope, Approval, Caller, Failure, JobEvent, Permission, Seq, ToolCallId, ToolInfo, ToolSource, ToolUpdate,
    UserId, excerpt,
};
use weir_realtime::Reader;
use weir_runs::{Invocation, InvokeError};

use super::sessions::McpSessions;
use crate::{
    app::App,
    http::{ApiError, BodyFailure, Keeping, MAX_BODY_BYTES, Principal, TOO_MANY_VALUES, take_place},
    metrics::rate_limited,
};

/// What a client tells its model of this server.
const INSTRUCTIONS: &str = "Tools of a Weir server. Calls may wait until a person has approved them in Weir.";
/// The header that names a session (2025-11-25, Session Management).
const SESSION_ID: &str = "mcp-session-id";
/// Headers that the library repeats in its errors.
const ECHOED_HEADERS: [&str; 3] = ["mcp-protocol-version", "mcp-method", "mcp-name"];
/// The longest name of a method or id, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// Characters of a client's input that an error repeats.
const MAX_QUOTED_CHARS: usize = 500;
/// Each word of progress must be more than the one before (2025-11-25, Progress), also where it has come no further.
const LEAST_PROGRESS: f64 = 1e-6;

/// The service at `/mcp`: streamable HTTP of 2026-07-28, and of 2025-11-25 with sessions. The router has looked at names and
/// origins before.
pub(crate) fn router(app: &App) -> Router<App> {
    let sessions = McpSessions::new(app.limits.options().mcp_sessions);
    let swept = sessions.clone();
    app.lifecycle.optional("MCP session sweep", move || swept.clone().sweep());
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_sse_keep_alive(Some(app.heartbeat))
        .with_max_request_body_bytes(MAX_BODY_BYTES)
        .with_cancellation_token(app.closing.child_token());
    let made = Service { app: app.clone(), sessions: sessions.clone() };
    let service = StreamableHttpService::new(move || Ok(made.clone()), Arc::new(sessions.clone()), config);
    Router::new().route_service("/mcp", service).route_layer(from_fn_with_state((app.clone(), sessions), guard))
}

/// Checks a request before the library sees it: its user, its session and its limits. Each message is a POST, also one that
/// only reads, so the scope to read is enough here; calls check for more.
async fn guard(
    State((app, sessions)): State<(App, McpSessions)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let user = Principal::reader(request.extensions())?.user;
    if let Some(failure) = request.extensions().get::<BodyFailure>() {
        return Err((*failure).into());
    }
    let session = session_of(request.headers());
    let begins = session.is_none();
    if ECHOED_HEADERS.iter().any(|name| request.headers().get(*name).is_some_and(|value| value.len() > MAX_NAME_BYTES))
    {
        return Ok(invalid_request("A header of the protocol is too long."));
    }
    let in_use = session.and_then(|id| sessions.enter(id, user));
    if !begins && in_use.is_none() && request.method() == Method::DELETE {
        // As the library answers the other methods.
        return Ok((StatusCode::NOT_FOUND, "Not Found: Session not found").into_response());
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| ApiError::too_large(MAX_BODY_BYTES))?;
    if weir_protocol::has_too_many_values(&bytes) {
        return Err(ApiError::unreadable(TOO_MANY_VALUES));
    }
    let envelope = match Envelope::parse(&bytes) {
        Ok(envelope) => envelope,
        Err(why) => return Ok(invalid_request(why)),
    };
    if begins && sessions.is_full_for(user) && envelope.method.as_deref() == Some("initialize") {
        return Err(too_many_sessions());
    }
    let answering = match (session_of(&parts.headers), envelope.request_key()) {
        (Some(session), Some(key)) if in_use.is_some() => match sessions.begin_request(session, user, key) {
            Some(answering) => Some(answering),
            None => return Ok(invalid_request("A request with this id is in progress. Use another id.")),
        },
        _ => None,
    };
    let request = Request::from_parts(parts, Body::from(bytes));
    let place = take_place(&app, user)?;
    let served = sessions.serve(user, next.run(request)).await;
    let response = served.map_err(|_| too_many_sessions())?;
    let is_stream = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    Ok(if is_stream { Keeping::until_the_end(response, (place, in_use, answering)) } else { response })
}

fn too_many_sessions() -> ApiError {
    rate_limited("mcp_sessions");
    ApiError::too_many_mcp_sessions()
}

/// The session that a request names.
fn session_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION_ID)?.to_str().ok()
}

/// The members of a message that its response or error repeats.
#[derive(Default, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Id<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id<'a> {
    Number(serde_json::Number),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl<'a> Envelope<'a> {
    /// Reads a message. The library answers a text that is not JSON.
    fn parse(message: &'a [u8]) -> Result<Self, &'static str> {
        let envelope = match serde_json::from_slice::<Self>(message) {
            Ok(envelope) => envelope,
            Err(error) if error.is_data() => {
                return Err("The message is not a JSON-RPC request, notification or response.");
            }
            Err(_) => Self::default(),
        };
        let is_long = |text: &str| text.len() > MAX_NAME_BYTES;
        if envelope.method.as_deref().is_some_and(is_long) {
            return Err("The name of the method is too long.");
        }
        if matches!(&envelope.id, Some(Id::Text(id)) if is_long(id)) {
            return Err("The id is too long.");
        }
        Ok(envelope)
    }

    /// The id of a request as JSON.
    fn request_key(&self) -> Option<String> {
        self.method.as_ref()?;
        Some(match self.id.as_ref()? {
            // `7` and `7.0` are one number.
            Id::Number(number) if number.is_f64() => (number.as_f64()? + 0.0).to_string(),
            Id::Number(number) => number.to_string(),
            Id::Text(text) => Value::from(&**text).to_string(),
        })
    }
}

/// An error of JSON-RPC without the id of the request: that may be the id of another request.
fn invalid_request(why: &str) -> Response {
    let error = json!({ "code": ErrorCode::INVALID_REQUEST, "message": why });
    let body = json!({ "jsonrpc": "2.0", "id": null, "error": error });
    (StatusCode::BAD_REQUEST, crate::http::Json(body)).into_response()
}

/// The tools as a client sees them. Who asks is known from each request alone: a session is not a credential.
#[derive(Clone)]
pub(crate) struct Service {
    app: App,
    sessions: McpSessions,
}

/// Who asks, and whether their credential is good for this.
fn asks(context: &RequestContext<RoleServer>, scope: AccessScope) -> Result<UserId, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    let principal = parts.and_then(|parts| parts.extensions.get::<Principal>());
    match principal {
        Some(principal) if principal.may(scope) => Ok(principal.user),
        Some(_) => Err(ErrorData::invalid_request("This token is not good for that: it lacks the scope.", None)),
        None => Err(ErrorData::invalid_request("Send a token as Authorization: Bearer.", None)),
    }
}

impl ServerHandler for Service {
    fn get_info(&self) -> ServerConfig {
        let weir = Implementation::new("weir", env!("CARGO_PKG_VERSION")).with_title("Weir");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(weir)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let user = asks(&context, AccessScope::Read)?;
        let tools = self.app.runs.jobs().built_in_tools(user).await.map_err(|error| internal(&error))?;
        let permitted = |tool: &ToolInfo| tool.permission != Permission::Deny || !tool.rules.is_empty();
        let own = tools.into_iter().filter(permitted);
        Ok(ListToolsResult::with_all_items(own.map(described).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = self.app.runs.jobs().registry().find(name)?;
        let spec = tool.spec();
        let known = spec.source == ToolSource::BuiltIn;
        known.then(|| Tool::new(spec.name.clone(), spec.description.clone(), object(spec.input_schema.json().clone())))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let user = asks(&context, AccessScope::Write)?;
        if self.get_tool(&request.name).is_none() {
            let name = excerpt(&request.name, MAX_QUOTED_CHARS);
            return Err(ErrorData::invalid_params(format!("Unknown tool: {name}"), None));
        }
        // A session whose call waits for a person is silent, and not idle.
        let session = context.extensions.get::<Parts>().and_then(|parts| session_of(&parts.headers));
        let _in_use = session.and_then(|id| self.sessions.enter(id, user));
        // The call may outlast the response that its client reads.
        let key = serde_json::to_string(&context.id).unwrap_or_default();
        let _answering = session.and_then(|id| self.sessions.continue_request(id, user, key));
        let id = ToolCallId(self.app.clock.id());
        let call = Invocation {
            id,
            user,
            name: request.name.into_owned(),
            args: Value::Object(request.arguments.unwrap_or_default()),
            caller: Caller::Mcp,
            run: None,
            key: None,
        };
        let jobs = self.app.runs.jobs();
        match jobs.invoke(call).await {
            Ok(_) => {}
            Err(InvokeError::Store(error)) => return Err(internal(&error)),
            Err(error) => return Ok(failed(refusal(&error)).into()),
        }
        let token = context.meta.get_progress_token();
        let mut telling = Telling { peer: context.peer, token, told: 0.0 };
        let mut reader = self.app.log.job_reader(id, Seq::START);
        tokio::select! {
            biased;
            ended = self.follow(user, id, &mut reader, &mut telling) => ended,
            // The client does not want it any more, or has gone.
            () = context.ct.cancelled() => {
                if let Err(error) = jobs.cancel(user, id).await {
                    tracing::warn!(%error, job = %id, "a job that nobody waits for could not be cancelled");
                }
                Ok(failed("It was cancelled.".to_owned()).into())
            }
        }
    }
}

impl Service {
    /// Tells how the job comes along, and what came of it.
    async fn follow(
        &self,
        user: UserId,
        id: ToolCallId,
        reader: &mut Reader,
        telling: &mut Telling,
    ) -> Result<CallToolResponse, ErrorData> {
        while let Some(frames) = reader.next().await.map_err(|error| internal(&error))? {
            for frame in frames {
                match JobEvent::parse(frame.kind(), frame.data()) {
                    Ok(JobEvent::ToolUpdate(update)) => telling.tell(update).await,
                    Ok(JobEvent::Complete(complete)) => return Ok(given(complete.output).into()),
                    Ok(JobEvent::Error(error)) => return Ok(failed(error.message).into()),
                    Ok(JobEvent::PartialResult(_)) | Err(_) => {}
                }
            }
        }
        // The log is kept no longer, the row is.
        let job = self.app.store.job(user, id).await.map_err(|error| internal(&error))?.job;
        let gone = || Failure::new("interrupted", "What came of it is not known.");
        Ok(match job.output {
            Some(output) => given(output),
            None => failed(job.error.unwrap_or_else(gone).message),
        }
        .into())
    }
}

/// Progress, for a client that has asked for it.
struct Telling {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    told: f64,
}

impl Telling {
    async fn tell(&mut self, update: ToolUpdate) {
        let Some(token) = self.token.clone() else { return };
        let waits = update.approval == Some(Approval::Pending);
        let note = update.note.or_else(|| waits.then(|| "Waits for a person's approval in Weir".to_owned()));
        if update.progress.is_none() && note.is_none() {
            return;
        }
        self.told = update.progress.unwrap_or(0.0).max(self.told + LEAST_PROGRESS);
        let mut progress = ProgressNotificationParam::new(token, self.told).with_total(1.0);
        progress.message = note;
        // A client that has gone is told of by its request's end.
        let _ = self.peer.notify_progress(progress).await;
    }
}

/// A tool as the protocol describes it.
fn described(tool: ToolInfo) -> Tool {
    let hints = tool.annotations;
    let annotations = ToolAnnotations::with_title(tool.title.clone())
        .read_only(hints.read_only_hint)
        .destructive(hints.destructive_hint)
        .idempotent(hints.idempotent_hint)
        .open_world(hints.open_world_hint);
    let mut described = Tool::new(tool.name, tool.description, object(tool.input_schema))
        .with_title(tool.title)
        .with_annotations(annotations);
    described.output_schema = tool.output_schema.map(|schema| Arc::new(object(schema)));
    described
}

fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// An output as the protocol carries it: a text as one, content as what it is, all else as structured content.
fn given(output: Value) -> CallToolResult {
    if let Value::String(text) = output {
        return CallToolResult::success(vec![ContentBlock::text(text)]);
    }
    let content = output.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("content"));
    let blocks = content.and_then(|content| serde_json::from_value::<Vec<ContentBlock>>(content.clone()).ok());
    blocks.map_or_else(|| CallToolResult::structured(output), CallToolResult::success)
}

/// A failure that the client's model reads.
fn failed(message: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(message)])
}

fn refusal(error: &InvokeError) -> String {
    match error {
        InvokeError::Invalid(faults) => {
            let list: Vec<_> = faults.iter().map(|fault| format!("{} {}", fault.path, fault.message)).collect();
            format!("The arguments do not fit: {}.", excerpt(&list.join("; "), MAX_QUOTED_CHARS))
        }
        InvokeError::Denied(name) => format!("The person does not permit {name}."),
        InvokeError::TooMany { max } => {
            format!("{max} tool calls are unfinished, which is the limit. Try again when one has ended.")
        }
        InvokeError::Draining => "The server is restarting. Try again in a moment.".to_owned(),
        other => format!("It cannot be called: {other}."),
    }
}

fn internal(error: &weir_store::StoreError) -> ErrorData {
    if matches!(error, weir_store::StoreError::Gone) {
        return ErrorData::invalid_request("The account or the conversation was deleted.", None);
    }
    tracing::error!(%error, "a request of an MCP client failed");
    ErrorData::internal_error("Weir's database does not answer just now. Try again.", Some(json!({ "retry": true })))
}
