//! The MCP servers that are set, in `weir.toml` and in the app, and how each of them is.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, interval},
};
use weir_protocol::{
    McpLogLine, McpServer, McpServerLog, McpServerSource, McpServerStatus, McpSignIn, McpTransport, Timestamp,
    UpdateMcpServer,
};
use weir_store::{Clock, McpGrantRecord, Store, StoreError, StoredMcpServer};
use weir_tools::{
    Outside, Registry,
    mcp::{Servers, SignIns, State, Wanted},
};

use super::{
    grants::{StoredGrants, read},
    sign_in::{mark, words},
};

/// How often another instance's changes are looked for.
const LOOK: Duration = Duration::from_secs(5);

/// An MCP server of `weir.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredServer {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub transport: McpTransport,
    /// Whether it is to run.
    pub enabled: bool,
}

/// Why a server was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// It is set in `weir.toml`.
    #[error("it is set in weir.toml")]
    Configured,
    /// Values are left open that are not known from before.
    #[error("values are missing")]
    Invalid(Vec<weir_protocol::FieldError>),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Every MCP server. Cheap to clone.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    configured: Vec<ConfiguredServer>,
    store: Store,
    servers: Servers,
    sign_ins: SignIns,
    clock: Arc<dyn Clock>,
    /// Reads of the list of servers that have begun.
    reads: AtomicU64,
    /// The read that is in effect.
    newest: Mutex<u64>,
}

impl Fleet {
    /// The servers of the configuration, and those of the store. None is started yet. Their tools will be in this registry; where
    /// people sign in for them is asked through this guard.
    pub fn new(
        configured: Vec<ConfiguredServer>,
        store: Store,
        registry: Registry,
        outside: Outside,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let grants = StoredGrants::new(store.clone(), clock.clone());
        let sign_ins = SignIns::new(Arc::new(grants), outside);
        let servers = Servers::new(registry, sign_ins.clone());
        let (reads, newest) = (AtomicU64::default(), Mutex::default());
        Self(Arc::new(Inner { configured, store, servers, sign_ins, clock, reads, newest }))
    }

    /// Starts programs through `weir launch-mcp`, which restricts them first. `weir` is the path of this program.
    pub fn launch_through(&self, weir: PathBuf) {
        self.0.servers.launch_through(weir);
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.0.servers
    }

    pub(super) fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Starts those that are to run and are not running, and ends the others.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(&self) -> Result<(), StoreError> {
        let order = self.0.reads.fetch_add(1, Ordering::Relaxed);
        let (all, grants) = (self.all().await?, self.grants().await?);
        let wanted = all.into_iter().filter(|(_, (_, enabled, _))| *enabled).map(|(name, (transport, ..))| {
            let grant = grants.get(&name).map(|record| mark(record.id));
            (name, Wanted { transport, grant })
        });
        let wanted = wanted.collect();
        let mut newest = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // What was read before something that is already in effect may be outdated.
        if order >= *newest {
            *newest = order;
            self.0.servers.set(wanted);
        }
        Ok(())
    }

    /// Starts and ends what other instances have added and taken away, again and again.
    pub async fn follow(self) {
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            if let Err(error) = self.start().await {
                tracing::warn!(%error, "the MCP servers could not be read");
            }
        }
    }

    /// Ends all of them.
    pub async fn stop(&self) {
        self.0.servers.stop().await;
    }

    /// Every server, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<McpServer>, StoreError> {
        let states = self.0.servers.states();
        let (all, grants) = (self.all().await?, self.grants().await?);
        Ok(all.into_iter().map(|(name, set)| self.told(&name, set, states.get(&name), grants.get(&name))).collect())
    }

    /// Tells whenever a server of this instance is not as it was.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.servers.changes()
    }

    /// One server.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and when the database fails.
    pub async fn get(&self, name: &str) -> Result<McpServer, StoreError> {
        let set = self.all().await?.remove(name).ok_or(StoreError::NotFound("MCP server"))?;
        let grant = self.0.store.mcp_grant(name).await?;
        Ok(self.told(name, set, self.0.servers.states().get(name), grant.as_ref()))
    }

    /// Adds a server and starts it.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], and when the database fails.
    pub async fn add(&self, server: StoredMcpServer) -> Result<McpServer, StoreError> {
        if self.is_configured(&server.name) {
            return Err(StoreError::NameTaken);
        }
        self.0.store.add_mcp_server(&server).await?;
        self.start().await?;
        self.get(&server.name).await
    }

    /// Changes a server that was added in the app.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub async fn change(&self, name: &str, change: UpdateMcpServer) -> Result<McpServer, FleetError> {
        let mut server = self.stored(name).await?;
        if let Some(transport) = change.transport {
            server.transport = transport.with_secrets_of(&server.transport);
            let open = server.transport.open_values("transport");
            if !open.is_empty() {
                return Err(FleetError::Invalid(open));
            }
        }
        server.enabled = change.enabled.unwrap_or(server.enabled);
        self.0.store.set_mcp_server(&server).await?;
        let record = self.0.store.mcp_grant(name).await?;
        if record.is_some_and(|record| !fits(&server.transport, &record)) {
            // It is another server now, or another client of it.
            self.disconnect(name).await?;
        }
        self.start().await?;
        Ok(self.get(name).await?)
    }

    /// Forgets a server that was added in the app, and ends it.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub async fn forget(&self, name: &str) -> Result<(), FleetError> {
        self.stored(name).await?;
        self.0.store.forget_mcp_server(name).await?;
        self.disconnect(name).await?;
        Ok(self.start().await?)
    }

    /// Starts a server anew.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, and when the database fails.
    pub async fn restart(&self, name: &str) -> Result<McpServer, StoreError> {
        self.0.servers.restart(name);
        self.get(name).await
    }

    /// What a server said beside the protocol.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, and when the database fails.
    pub async fn log(&self, name: &str) -> Result<McpServerLog, StoreError> {
        self.get(name).await?;
        let lines = self.0.servers.log(name).unwrap_or_default();
        let lines = lines.into_iter().map(|line| McpLogLine { at: self.time_of(line.at), text: line.text });
        Ok(McpServerLog { lines: lines.collect() })
    }

    fn is_configured(&self, name: &str) -> bool {
        self.0.configured.iter().any(|server| server.name == name)
    }

    async fn stored(&self, name: &str) -> Result<StoredMcpServer, FleetError> {
        if self.is_configured(name) {
            return Err(FleetError::Configured);
        }
        let stored = self.0.store.mcp_servers().await?;
        Ok(stored.into_iter().find(|server| server.name == name).ok_or(StoreError::NotFound("MCP server"))?)
    }

    /// What is set, by name. The configuration wins.
    pub(super) async fn all(&self) -> Result<BTreeMap<String, Set>, StoreError> {
        let stored = self.0.store.mcp_servers().await?.into_iter();
        let stored = stored.map(|server| (server.name, (server.transport, server.enabled, McpServerSource::App)));
        let configured = self.0.configured.iter().cloned();
        let configured =
            configured.map(|server| (server.name, (server.transport, server.enabled, McpServerSource::Config)));
        Ok(stored.chain(configured).collect())
    }

    /// What was granted, by server.
    async fn grants(&self) -> Result<BTreeMap<String, McpGrantRecord>, StoreError> {
        let grants = self.0.store.mcp_grants().await?.into_iter();
        Ok(grants.map(|record| (record.server.clone(), record)).collect())
    }

    fn told(
        &self,
        name: &str,
        (transport, enabled, source): Set,
        state: Option<&State>,
        record: Option<&McpGrantRecord>,
    ) -> McpServer {
        let sign_in = record.filter(|record| transport.may_sign_in() && fits(&transport, record)).and_then(sign_in);
        let mut server = McpServer {
            name: name.to_owned(),
            source,
            transport: transport.without_secrets(),
            enabled,
            status: if enabled { McpServerStatus::Connecting } else { McpServerStatus::Off },
            tools: Vec::new(),
            title: None,
            protocol_version: None,
            error: None,
            retry_at: None,
            sign_in,
        };
        match state.filter(|_| enabled) {
            None | Some(State::Connecting) => {}
            Some(State::Ready { tools, title, protocol_version }) => {
                server.status = McpServerStatus::Ready;
                server.tools.clone_from(tools);
                server.title.clone_from(title);
                server.protocol_version.clone_from(protocol_version);
            }
            Some(State::NeedsSignIn { why }) => {
                server.status = McpServerStatus::NeedsSignIn;
                server.error = Some(why.clone());
            }
            Some(State::Failed { error, retry_at }) => {
                server.status = McpServerStatus::Failed;
                server.error = Some(error.clone());
                server.retry_at = Some(self.time_of(*retry_at));
            }
        }
        server
    }

    /// The time of a moment near to now.
    fn time_of(&self, moment: Instant) -> Timestamp {
        let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let (now, there) = (self.0.clock.now().0, Instant::now());
        Timestamp(
            now + milliseconds(moment.saturating_duration_since(there))
                - milliseconds(there.saturating_duration_since(moment)),
        )
    }
}

/// Whether what was granted is for a server that is reached like this.
fn fits(transport: &McpTransport, record: &McpGrantRecord) -> bool {
    match transport {
        McpTransport::Stdio { .. } => false,
        McpTransport::Http { url, oauth, .. } => read(record).is_some_and(|grant| grant.fits(url, oauth.as_ref())),
    }
}

/// What is told of a grant; none when it has ended.
fn sign_in(record: &McpGrantRecord) -> Option<McpSignIn> {
    let grant = read(record).filter(weir_tools::mcp::Grant::is_good)?;
    Some(McpSignIn {
        since: record.made_at,
        issuer: grant.issuer().map(str::to_owned),
        scopes: grant.scopes().to_vec(),
        missing: words(&record.missing),
    })
}

/// How a server is reached, whether it is to run, and where that was set.
pub(super) type Set = (McpTransport, bool, McpServerSource);
