//! One connection to a server, from its start to its end.

use std::{io, path::Path, sync::Arc, time::Duration};

use reqwest::redirect;
use rmcp::{
    RoleClient,
    model::{
        ClientRequest, ListToolsRequest, PaginatedRequestParams, ProtocolVersion, ServerNotification, ServerPeerInfo,
        ServerResult, SubscriptionFilter, Tool,
    },
    service::{
        ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, Peer, RunningServiceCancellationToken,
    },
    transport::{
        IntoTransport, StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use weir_protocol::McpTransport;

use super::{
    address,
    fault::ConnectionFault,
    line_transport::LineTransport,
    listener::{Calls, Listener},
    log::Log,
    names::readable,
    oauth::Badge,
    process::Process,
};

/// How long a server may take to answer what is asked of it beside calls: programs that are fetched first take a while.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long an address may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries to be told of other tools.
const SUBSCRIBE_PAUSE: Duration = Duration::from_secs(5);
/// The most pages of tools, and tools, that are read.
const MOST_PAGES: usize = 50;
const MOST_TOOLS: usize = 500;
/// Bytes of a server's tool definitions. 500 tools have 2 KiB each.
const MAX_DEFINITION_BYTES: usize = 1024 * 1024;
/// The longest part of a sentence that is somebody else's, in characters.
const MOST_WORDS: usize = 300;

/// Why a server was not reached.
enum NotOpened {
    /// It says that it speaks only older versions.
    Older,
    /// A sentence.
    Because(String),
}

impl From<String> for NotOpened {
    fn from(sentence: String) -> Self {
        Self::Because(sentence)
    }
}

/// A server that has answered. Dropped, it is left, and its program ends.
pub(super) struct Connection {
    pub(super) peer: Peer<RoleClient>,
    listener: Listener,
    closed: CancellationToken,
    _running: AbortOnDropHandle<()>,
    close: RunningServiceCancellationToken,
    process: Option<Process>,
    _subscription: Option<AbortOnDropHandle<()>>,
}

impl Connection {
    /// Starts the server, by `launcher` if there is one, or reaches it with this badge, and agrees with it on a version of the
    /// protocol. A breach of the protocol is reported to `fault`.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn open(
        name: &str,
        transport: &McpTransport,
        log: &Log,
        fault: &ConnectionFault,
        badge: Option<&Badge>,
        launcher: Option<&Path>,
    ) -> Result<Self, String> {
        let either = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::V_2025_11_25),
        };
        match Self::open_as(name, transport, log, fault, badge, launcher, either).await {
            // It answered in the form of 2026-07-28 that it speaks older versions only.
            Err(NotOpened::Older) => {
                Self::open_as(name, transport, log, fault, badge, launcher, ClientLifecycleMode::Initialize).await
            }
            opened => opened,
        }
        .map_err(|error| match error {
            NotOpened::Because(sentence) => fault.reason().unwrap_or(sentence),
            NotOpened::Older => "It speaks no version of the protocol that is known here.".to_owned(),
        })
    }

    async fn open_as(
        name: &str,
        transport: &McpTransport,
        log: &Log,
        fault: &ConnectionFault,
        badge: Option<&Badge>,
        launcher: Option<&Path>,
        lifecycle: ClientLifecycleMode,
    ) -> Result<Self, NotOpened> {
        let listener = Listener::new(name, log.clone());
        match transport {
            McpTransport::Stdio { command, args, env } => {
                let (process, output, input) =
                    Process::start(launcher, command, args, env, log).map_err(|error| not_started(command, &error))?;
                let transport = LineTransport::new(output, input, fault.clone(), log.clone());
                match Self::greet(listener, transport, lifecycle).await {
                    Ok(connection) => Ok(Self { process: Some(process), ..connection }),
                    Err(NotOpened::Older) => Err(NotOpened::Older),
                    Err(error) if fault.reason().is_some() => Err(error),
                    Err(error) => Err(process.ended().await.map_or(error, |status| {
                        let sentence =
                            format!("{command} ended ({status}) before it said anything. Its log may tell why.");
                        NotOpened::Because(sentence)
                    })),
                }
            }
            McpTransport::Http { url, headers, .. } => {
                let badge = badge.cloned().ok_or_else(|| "The HTTP client cannot be set up.".to_owned())?;
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(address::headers(headers));
                Self::greet(listener, StreamableHttpClientTransport::with_client(badge, config), lifecycle).await
            }
        }
    }

    async fn greet<T, E, A>(listener: Listener, transport: T, lifecycle: ClientLifecycleMode) -> Result<Self, NotOpened>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let running = timeout(PATIENCE, listener.clone().serve_with_lifecycle(transport, lifecycle))
            .await
            .map_err(|_| format!("It did not answer within {} s.", PATIENCE.as_secs()))?
            .map_err(|error| not_greeted(&error))?;
        let (peer, close) = (running.peer().clone(), running.cancellation_token());
        let subscription = subscription(&peer, &listener);
        let closed = CancellationToken::new();
        let seen = closed.clone();
        let running = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = running.waiting().await;
            seen.cancel();
        }));
        Ok(Self { peer, listener, closed, close, process: None, _running: running, _subscription: subscription })
    }

    /// What the server says of itself.
    pub(super) fn info(&self) -> Option<Arc<ServerPeerInfo>> {
        self.peer.peer_info()
    }

    /// The calls under way.
    pub(super) fn calls(&self) -> &Calls {
        &self.listener.calls
    }

    /// Rings when the list of tools is another one.
    pub(super) fn changed(&self) -> Arc<Notify> {
        self.listener.changed.clone()
    }

    /// Every tool that it offers now.
    ///
    /// # Errors
    /// A sentence.
    pub(super) async fn tools(&self) -> Result<Vec<Tool>, String> {
        if self.info().is_some_and(|info| info.capabilities.tools.is_none()) {
            return Ok(Vec::new());
        }
        let (mut tools, mut cursor, mut bytes) = (Vec::new(), None, 0);
        for _ in 0..MOST_PAGES {
            let request = ListToolsRequest::with_param(PaginatedRequestParams::default().with_cursor(cursor));
            let answered = timeout(PATIENCE, self.peer.send_request(ClientRequest::ListToolsRequest(request)))
                .await
                .map_err(|_| format!("It did not name its tools within {} s.", PATIENCE.as_secs()))?
                .map_err(|error| format!("It did not name its tools: {}.", words(&error)))?;
            let ServerResult::ListToolsResult(page) = answered else {
                return Err("It named its tools in a form that cannot be read.".to_owned());
            };
            for tool in page.tools.into_iter().take(MOST_TOOLS - tools.len()) {
                bytes += size(&tool);
                tools.push(tool);
            }
            if bytes > MAX_DEFINITION_BYTES {
                let (bytes, limit) = (bytes.div_ceil(1024), MAX_DEFINITION_BYTES / 1024);
                return Err(format!(
                    "Its tool definitions take {bytes} KiB or more. The limit is {limit} KiB for an MCP server."
                ));
            }
            cursor = page.next_cursor;
            if cursor.is_none() || tools.len() >= MOST_TOOLS {
                break;
            }
        }
        Ok(tools)
    }

    /// Returns when the server has gone.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Leaves it. The sentence tells how its program ended, where that says something.
    pub(super) async fn leave(self) -> Option<String> {
        self.close.cancel();
        let process = self.process?;
        Some(match process.end().await {
            Some(status) => format!("its program ended ({status})"),
            None => "its program does not end".to_owned(),
        })
    }
}

/// The size of a tool definition as JSON.
fn size(tool: &Tool) -> usize {
    serde_json::to_vec(tool).map_or(usize::MAX / 1024, |text| text.len())
}

/// The client that asks servers over HTTP.
pub(super) fn http_client() -> Option<reqwest::Client> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // What is sent may hold a key: it goes to the address that was given, and nowhere else.
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true);
    client.build().inspect_err(|error| tracing::error!(%error, "the HTTP client cannot be set up")).ok()
}

/// Hears of other tools where servers tell only who has asked to be told (2026-07-28).
fn subscription(peer: &Peer<RoleClient>, listener: &Listener) -> Option<AbortOnDropHandle<()>> {
    let info = peer.peer_info()?;
    let tells = info.capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed == Some(true));
    if info.protocol_version.has_initialize() || !tells {
        return None;
    }
    let (peer, changed) = (peer.clone(), listener.changed.clone());
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        while !peer.is_transport_closed() {
            let filter = SubscriptionFilter::builder().tools_list_changed().build();
            if let Ok(mut subscription) = peer.listen(filter).await {
                // What changed before nobody was told of.
                changed.notify_one();
                while let Ok(Some(told)) = subscription.next().await {
                    if matches!(told, ServerNotification::ToolListChangedNotification(_)) {
                        changed.notify_one();
                    }
                }
            }
            sleep(SUBSCRIBE_PAUSE).await;
        }
    })))
}

fn not_started(command: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("There is no program {command:?}. Install it, or give its whole path."),
        _ => format!("{command:?} cannot be started: {error}."),
    }
}

fn not_greeted(error: &ClientInitializeError) -> NotOpened {
    let sentence = match error {
        // Some that know no discovery answer whatever they do not know with an empty result.
        ClientInitializeError::NoCompatibleProtocolVersion { .. }
        | ClientInitializeError::ExpectedInitResult(Some(ServerResult::EmptyResult(_))) => return NotOpened::Older,
        ClientInitializeError::ConnectionClosed(_) => "It closed the connection before it answered.".to_owned(),
        error => format!("It did not answer as an MCP server: {}.", words(error)),
    };
    NotOpened::Because(sentence)
}

/// An error with what lies below it, in few words.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text = format!("{text}: {error}");
        below = error.source();
    }
    readable(text.trim_end_matches('.'), MOST_WORDS)
}
