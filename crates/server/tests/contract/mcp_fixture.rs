//! An MCP server that a test holds in its hand, over streamable HTTP.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::Router;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequestParams, ErrorData,
        InputRequest, InputRequiredResult, JsonObject, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ProtocolVersion, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
        ToolListChangedNotification,
    },
    service::{RequestContext, SubscriptionContext},
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use tokio_util::task::AbortOnDropHandle;

/// The server; it ends with this value.
pub(crate) struct Fixture {
    pub(crate) addr: SocketAddr,
    pub(crate) held: Arc<Held>,
    _serving: AbortOnDropHandle<()>,
}

/// What the test holds.
#[derive(Default)]
pub(crate) struct Held {
    /// Whether there is a tool `new`.
    grown: AtomicBool,
    changed: watch::Sender<()>,
    /// Further tools, each with the schema of its arguments.
    pub(crate) more: Mutex<Vec<(&'static str, Value)>>,
    /// A call of `slow` was told to stop.
    pub(crate) cancelled: Notify,
    /// Ends a call of `slow`.
    pub(crate) finish: Notify,
}

impl Held {
    /// From now on there is a tool `new`.
    pub(crate) fn grow(&self) {
        self.grown.store(true, Ordering::Relaxed);
        self.changed.send_replace(());
    }
}

impl Fixture {
    /// A server that speaks up to this version.
    pub(crate) async fn start(version: &ProtocolVersion) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let held = Arc::new(Held::default());
        let router = router(&held, version);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, held, _serving: AbortOnDropHandle::new(serving) }
    }

    /// As a server that is to be added.
    pub(crate) fn to_add(&self, name: &str) -> Value {
        let headers = json!({ "Authorization": "Bearer let-me-in" });
        let transport = json!({ "type": "http", "url": format!("http://{}/mcp", self.addr), "headers": headers });
        json!({ "name": name, "transport": transport })
    }
}

/// The server as a router, at `/mcp`. It wants to hear "let-me-in".
pub(crate) fn router(held: &Arc<Held>, version: &ProtocolVersion) -> Router {
    let (held, versions) = (held.clone(), ProtocolVersion::known_up_to(version));
    let service = StreamableHttpService::new(
        move || Ok(Handler { held: held.clone(), versions }),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    Router::new().route_service("/mcp", service)
}

struct Handler {
    held: Arc<Held>,
    versions: &'static [ProtocolVersion],
}

/// What `ask` asks.
fn question() -> Value {
    let age = json!({ "type": "integer", "minimum": 0, "maximum": 150 });
    let schema = json!({ "type": "object", "properties": { "age": age }, "required": ["age"] });
    json!({ "mode": "form", "message": "How old are you?", "requestedSchema": schema })
}

fn schema(schema: Value) -> JsonObject {
    serde_json::from_value(schema).unwrap()
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
    }

    fn supported_protocol_versions(&self) -> std::borrow::Cow<'static, [ProtocolVersion]> {
        self.versions.into()
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changed = self.held.changed.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                _ = changed.changed() => drop(context.sink().send(ToolListChangedNotification::default().into()).await),
            }
        }
    }

    async fn on_initialized(&self, context: rmcp::service::NotificationContext<RoleServer>) {
        let mut changed = self.held.changed.subscribe();
        tokio::spawn(async move {
            while changed.changed().await.is_ok() && context.peer.notify_tool_list_changed().await.is_ok() {}
        });
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let parts = context.extensions.get::<axum::http::request::Parts>().unwrap();
        assert_eq!(parts.headers["authorization"], "Bearer let-me-in");
        let text = json!({ "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] });
        let any = json!({ "type": "object" });
        let mut tools = vec![
            Tool::new("say it", "Says what it is told.\u{202e}", schema(text)),
            Tool::new("slow", "Takes its time.", schema(any.clone())),
            Tool::new("fail", "Fails.", schema(any.clone())),
            Tool::new("ask", "Asks for an age.", schema(any.clone())),
        ];
        let more = self.held.more.lock().unwrap().clone();
        tools.extend(more.into_iter().map(|(name, arguments)| Tool::new(name, "One more.", schema(arguments))));
        if self.held.grown.load(Ordering::Relaxed) {
            tools.push(Tool::new("new", "New.", schema(any)));
        }
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = |text: &str| vec![ContentBlock::text(text)];
        let result = match &*request.name {
            "say it" => CallToolResult::success(text(request.arguments.unwrap()["text"].as_str().unwrap())),
            "slow" => {
                let token = context.meta.get_progress_token().expect("progress is asked for");
                let progress = ProgressNotificationParam::new(token, 3.0).with_total(4.0).with_message("nearly");
                context.peer.notify_progress(progress).await.unwrap();
                tokio::select! {
                    () = self.held.finish.notified() => CallToolResult::structured(json!({ "slow": true })),
                    () = context.ct.cancelled() => {
                        self.held.cancelled.notify_one();
                        CallToolResult::error(text("cancelled"))
                    }
                }
            }
            "ask" if self.versions.contains(&ProtocolVersion::V_2026_07_28) => match request.input_responses {
                None => {
                    let request = json!({ "method": "elicitation/create", "params": question() });
                    let request: InputRequest = serde_json::from_value(request).unwrap();
                    let wanted = [("age".to_owned(), request)].into();
                    return Ok(InputRequiredResult::new(Some(wanted), Some("state".to_owned())).into());
                }
                Some(answers) => {
                    assert_eq!(request.request_state.as_deref(), Some("state"));
                    CallToolResult::structured(answers["age"].clone())
                }
            },
            "ask_often" => {
                let times = request.arguments.unwrap()["times"].as_u64().unwrap();
                let asked: ElicitRequestParams = serde_json::from_value(question()).unwrap();
                let mut asking: FuturesUnordered<_> =
                    (0..times).map(|_| context.peer.create_elicitation(asked.clone())).collect();
                let first = asking.next().await.unwrap().unwrap();
                CallToolResult::structured(serde_json::to_value(first).unwrap())
            }
            "ask" => {
                let asked: ElicitRequestParams = serde_json::from_value(question()).unwrap();
                let answer = context.peer.create_elicitation(asked).await.unwrap();
                CallToolResult::structured(serde_json::to_value(answer).unwrap())
            }
            _ => CallToolResult::error(text("It does not work.")),
        };
        Ok(result.into())
    }
}
