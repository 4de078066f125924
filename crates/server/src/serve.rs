//! The life of the server: open, take over, listen, drain, close.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use axum::serve::ListenerExt as _;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use weir_protocol::{AuthMode, InviteId};
use weir_providers::{
    Pacer, Provider, ProviderError,
    openai::{OpenAiOptions, OpenAiProvider},
};
use weir_realtime::{Broadcaster, CommitterOptions, EventLog, PostgresBell, RedisBell};
use weir_runs::{Contact, Providers, Runs, StoredHistory};
use weir_store::{Clock, Store, StoreError, SystemClock};
use weir_tools::{Outside, Registry, SANDBOX_TIME, Sandbox, builtin::Surroundings};

use crate::{
    access::{Access, Secret},
    app::{App, LOCAL_USER, Parts},
    config::Config,
    connections::{self, CONNECTIONS_AN_ADDRESS, Guests},
    data_dir::DataDir,
    descriptors::Door,
    http::{self, Sessions},
    lifecycle::{Lifecycle, TaskFailure, exit_after},
    limits::{Limits, Shared},
    maintenance::{self, Retention},
    mcp::Fleet,
    metrics::{Metrics, Sampler, Sources, watch_runtime},
    telemetry,
};

/// How often the model servers' sockets are looked at while answers come. More than the committer's window, so that what was
/// found is committed at once, and with the commit just below the 40 ms that are promised.
const PACE: Duration = Duration::from_millis(38);
/// What was sent may be unacknowledged by the other side's kernel for two heartbeats, each at least this long.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(5);

/// The grace of answers when a critical task has failed: time to hand them over.
const FAILURE_GRACE: Duration = Duration::from_secs(2);
/// The stages of a stop. Together they are shorter than [`STOP_TIME`].
///
/// How long answers that were left may take to be committed and handed over, after the grace.
const HAND_OVER_TIME: Duration = Duration::from_millis(1500);
/// How long open connections and child processes may take to end.
const CONNECTIONS_TIME: Duration = Duration::from_secs(2);
/// How long the database may take to be closed.
const CLOSE_TIME: Duration = Duration::from_millis(750);
/// After so long, beyond the grace of answers, the process ends whatever is still under way.
const STOP_TIME: Duration = Duration::from_millis(4750);
/// How long the last traces may take to be sent.
const TRACES_TIME: Duration = Duration::from_secs(2);

/// Why the server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error("the data directory {} cannot be used: {error}", path.display())]
    DataDir {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The address.
    #[error("{addr} cannot be listened on: {error}; set WEIR_ADDR to another address")]
    Listen {
        /// Which one.
        addr: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A provider's settings.
    #[error("a provider cannot be set up: {0}")]
    Provider(#[from] ProviderError),
    /// The provider of `OpenID` Connect.
    #[error("OpenID Connect cannot be set up: {0}")]
    OpenId(String),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A critical task has ended.
    #[error("{0}; the process ends, so that another one takes over")]
    Task(#[from] TaskFailure),
    /// The server stopped before everything was committed.
    #[error("stopped, but not everything was committed: the next start continues from what is stored")]
    Uncommitted,
}

/// Serves until a signal to stop.
///
/// # Errors
/// When the server cannot start, a critical task ends, or not everything was committed at the stop.
pub fn run(config: Config) -> Result<(), ServeError> {
    // Two crypto libraries may be linked; which one is used is said here, once.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = telemetry::start(telemetry::filter(&config.log), config.log_format, config.collector.as_deref());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build()?;
    let served = runtime.block_on(async move {
        let Some(mut exporter) = exporter else { return serve(config).await };
        let mut serving = pin!(serve(config));
        let served = tokio::select! {
            served = &mut serving => served,
            () = exporter.work() => {
                tracing::error!("the exporter of traces ended; the server continues without it");
                serving.await
            }
        };
        // What happened last is part of a trace too.
        let _ = timeout(TRACES_TIME, exporter.finish()).await;
        served
    });
    // Blocking work that hangs must not keep the process.
    runtime.shutdown_background();
    served
}

/// One core is left to the thread that commits and to the engine. A worker more than there is work for costs each token a
/// wake-up of its own.
fn workers() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

async fn serve(mut config: Config) -> Result<(), ServeError> {
    for key in &config.without_effect {
        tracing::warn!(key, "is set, but has no effect in this version");
    }
    let listener =
        TcpListener::bind(config.addr).await.map_err(|error| ServeError::Listen { addr: config.addr, error })?;
    let addr = listener.local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let metrics = Metrics::start(clock.now());
    let (store, data_dir) = open_store(&config).await?;
    let store = store.with_storage_limit(config.limits.storage);
    let limits = limits(&config, &store, clock.clone());
    let access = match (config.open_id.take(), config.public_url.clone()) {
        (Some(settings), Some(public_url)) => Access::with_open_id(public_url, settings).map_err(ServeError::OpenId)?,
        (_, public_url) => Access::new(config.auth, public_url),
    };
    for origin in &config.dev_origins {
        tracing::warn!(origin = origin.origin(), "pages of a development server can use this server (WEIR_DEV_ORIGIN)");
    }
    let access = access.with_dev_origins(std::mem::take(&mut config.dev_origins));
    let setup = match config.auth {
        AuthMode::Open => {
            store.ensure_user(LOCAL_USER, "You", clock.now()).await?;
            None
        }
        AuthMode::Required => setup_link(&store, &access, addr, &*clock).await?,
    };
    let lifecycle = Lifecycle::default();
    let (log, committer) = open_log(&store, config.redis.take(), &lifecycle);
    let embedded = Embedded::new(&config)?;
    let pacer = Pacer::start(PACE)?;
    let providers = Providers::new(providers(&config, &embedded, &pacer)?, config.model.clone());
    let surroundings = surroundings(&store)?;
    let sandbox = surroundings.sandbox.clone();
    let checked = sandbox.clone();
    // It ends when it has looked.
    tokio::spawn(async move { checked.warn_of_missing_protections().await });
    let tools = Registry::with_sandbox(weir_tools::builtin::all(surroundings), sandbox);
    let configured = std::mem::take(&mut config.mcp_servers);
    let fleet = Fleet::new(configured, store.clone(), tools.clone(), Outside::default(), clock.clone());
    let runs = Runs::new(store.clone(), log.clone(), providers, tools, clock.clone(), config.approval_timeout);
    let closing = CancellationToken::new();
    let contact = Contact::new(closing.clone());
    let app = App::new(Parts {
        store: store.clone(),
        log,
        runs: runs.clone(),
        sessions: Sessions::default(),
        fleet: fleet.clone(),
        access: access.clone(),
        metrics: metrics.clone(),
        limits,
        clock: clock.clone(),
        hosts: config.hosts,
        heartbeat: config.heartbeat,
        retention: config.run_retention,
        draining: CancellationToken::new(),
        closing,
        contact: contact.clone(),
        lifecycle: lifecycle.clone(),
    });
    fleet.launch_through(std::env::current_exe()?);
    fleet.start().await?;
    if store.is_shared() {
        let (followed, closing) = (fleet.clone(), app.closing.clone());
        lifecycle.optional("MCP server follower", move || {
            let (followed, closing) = (followed.clone(), closing.clone());
            async move {
                closing.run_until_cancelled(followed.follow()).await;
            }
        });
    }
    runs.join().await?;
    let taken_over = runs.take_over_orphans().await?;
    if taken_over > 0 {
        tracing::info!(runs = taken_over, "went on with the answers of a server that died");
    }
    lifecycle.critical("lease keeper", runs.clone().keep(contact));
    lifecycle.critical("revocation watcher", access.watches().clone().keep(store.clone(), clock.clone()));
    let sources =
        Sources { runs: runs.clone(), sessions: app.sessions.clone(), store: store.clone(), clock: clock.clone() };
    lifecycle.optional("metrics sampler", move || Sampler::new(metrics.clone(), sources.clone()).work());
    lifecycle.optional("runtime watch", watch_runtime);
    let (swept, retention) =
        (store.clone(), Retention { logs: config.run_retention, activity: config.activity_retention });
    lifecycle.optional("sweep", move || maintenance::sweep(swept.clone(), clock.clone(), retention));
    if !store.is_shared() {
        // Elsewhere the heartbeat writes all the time.
        let (probed, instance) = (store.clone(), runs.instance());
        lifecycle.optional("write probe", move || maintenance::probe_writes(probed.clone(), instance));
    }

    let patience = 2 * config.heartbeat.max(SHORTEST_PATIENCE);
    let listener = Door::new(listener).tap_io(move |socket| {
        // A token is a small packet that must not wait for the next one.
        let _ = socket.set_nodelay(true);
        // Pings into the kernel's buffer do not tell that nobody is there any more (tcp(7), RFC 5482).
        let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&*socket, milliseconds);
    });
    let guests = Guests::new(CONNECTIONS_AN_ADDRESS, config.limits.trusted_proxies);
    let serving = connections::serve(listener, http::router(app.clone()), guests, app.closing.clone());
    let server = lifecycle.critical_to_its_end("HTTP server", serving);
    // Whoever reads the next line may send one at once.
    let mut signals = Signals::listen()?;
    println!("Weir is ready: http://{addr}");
    if let Some(link) = setup {
        println!("Nobody has an account yet. Open this link once to become the administrator: {link}");
    }

    let failure = tokio::select! {
        () = signals.next() => None,
        failure = lifecycle.failed() => Some(failure),
    };
    let grace = if failure.is_some() { config.shutdown_grace.min(FAILURE_GRACE) } else { config.shutdown_grace };
    tracing::info!(?grace, "stopping; a second signal stops at once");
    exit_after(grace + STOP_TIME);
    let is_committed = AtomicBool::new(false);
    // The committer ends when no writer is left.
    drop((runs, fleet));
    let stop = Stop { app, committer, server, embedded, pacer };
    tokio::select! {
        () = stop.in_stages(grace, &is_committed) => {}
        () = signals.next() => {}
    }
    drop(data_dir);
    match failure {
        Some(failure) => Err(failure.into()),
        None if is_committed.into_inner() => Ok(()),
        None => Err(ServeError::Uncommitted),
    }
}

/// What is stopped.
struct Stop {
    app: App,
    committer: JoinHandle<()>,
    server: JoinHandle<()>,
    embedded: Embedded,
    pacer: Pacer,
}

impl Stop {
    /// Stops everything, stage by stage, and notes when all answers are committed and handed over. It takes no longer than
    /// `grace` and the limits of the stages, whatever the database does.
    async fn in_stages(self, grace: Duration, is_committed: &AtomicBool) {
        let Self { app, committer, server, embedded, pacer } = self;
        let (lifecycle, store) = (app.lifecycle.clone(), app.store.clone());
        lifecycle.stop();
        app.draining.cancel();
        lifecycle.stage("answers", grace + HAND_OVER_TIME, app.runs.drain(grace)).await;
        let left = app.runs.under_way() + app.runs.jobs().under_way();
        is_committed.store(left == 0, Ordering::Relaxed);
        app.log.stop_appending();
        app.closing.cancel();
        let requests = app.limits.admission().requests_ended();
        let connections = async { tokio::join!(server, app.sessions.closed(), requests) };
        let children = async { tokio::join!(embedded.shutdown(), app.fleet.stop()) };
        tokio::join!(
            lifecycle.stage("connections", CONNECTIONS_TIME, connections),
            lifecycle.stage("child processes", CONNECTIONS_TIME, children),
        );
        lifecycle.end();
        drop((app, pacer));
        let closing = async {
            // It ends when no writer is left.
            let _ = committer.await;
            store.close().await;
        };
        lifecycle.stage("database", CLOSE_TIME, closing).await;
    }
}

/// The link that makes the administrator, while there is none. Each start makes a new one, and the one before is dead.
async fn setup_link(
    store: &Store,
    access: &Access,
    addr: SocketAddr,
    clock: &dyn Clock,
) -> Result<Option<String>, ServeError> {
    if !store.needs_setup().await? {
        return Ok(None);
    }
    let secret = Secret::plain().map_err(io::Error::other)?;
    store.replace_setup_link(InviteId(clock.id()), &secret.hash, clock.now()).await?;
    let origin = access.public_url().map_or_else(|| format!("http://{addr}"), |url| url.origin().to_owned());
    Ok(Some(format!("{origin}/setup#{}", secret.text)))
}

/// The limits, together with those of the other instances where there may be others.
fn limits(config: &Config, store: &Store, clock: Arc<dyn Clock>) -> Limits {
    let shared = store.is_shared().then(|| match &config.redis {
        Some(redis) => Shared::redis(redis.client()),
        None => Shared::postgres(store.clone()),
    });
    Limits::new(config.limits.clone(), shared, clock)
}

/// What the built-in tools need.
fn surroundings(store: &Store) -> io::Result<Surroundings> {
    Ok(Surroundings {
        history: Arc::new(StoredHistory::new(store.clone())),
        outside: Outside::default(),
        sandbox: Sandbox::new(std::env::current_exe()?, SANDBOX_TIME),
    })
}

/// The store; and the data directory, which is one process's alone, where everything is in it.
async fn open_store(config: &Config) -> Result<(Store, Option<DataDir>), ServeError> {
    if let Some(url) = &config.postgres {
        return Ok((Store::connect(url, config.durability).await?, None));
    }
    let data_dir = DataDir::open(&config.data_dir)
        .map_err(|error| ServeError::DataDir { path: config.data_dir.clone(), error })?;
    Ok((Store::open(&data_dir.database(), config.durability).await?, Some(data_dir)))
}

/// The log, with its committer and the bell that other instances hear at work.
fn open_log(store: &Store, redis: Option<RedisBell>, lifecycle: &Lifecycle) -> (EventLog, JoinHandle<()>) {
    let options = CommitterOptions::default();
    if !store.is_shared() {
        let (log, committing) = EventLog::open(store.clone(), options);
        return (log, lifecycle.critical_to_its_end("committer", committing));
    }
    let broadcaster: Arc<dyn Broadcaster> = match redis {
        Some(redis) => Arc::new(redis),
        None => Arc::new(PostgresBell::new(store.clone())),
    };
    let (log, committing, ringing) = EventLog::open_shared(store.clone(), options, broadcaster);
    lifecycle.critical("bell", ringing);
    (log, lifecycle.critical_to_its_end("committer", committing))
}

/// The embedded model's provider, in a build that has one.
struct Embedded {
    #[cfg(feature = "embedded-model")]
    provider: Arc<weir_providers::embedded::EmbeddedProvider>,
}

impl Embedded {
    #[cfg(feature = "embedded-model")]
    fn new(config: &Config) -> io::Result<Self> {
        use weir_providers::embedded::{EmbeddedOptions, EmbeddedProvider};
        let options = EmbeddedOptions::new(config.local_model.clone(), std::env::current_exe()?);
        Ok(Self { provider: Arc::new(EmbeddedProvider::new(options)) })
    }

    #[cfg(not(feature = "embedded-model"))]
    fn new(_: &Config) -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(feature = "embedded-model")]
    fn add_to(&self, providers: &mut Vec<Arc<dyn Provider>>) {
        providers.push(self.provider.clone());
    }

    #[cfg(not(feature = "embedded-model"))]
    fn add_to(&self, _: &mut Vec<Arc<dyn Provider>>) {}

    #[cfg(feature = "embedded-model")]
    async fn shutdown(&self) {
        self.provider.shutdown().await;
    }

    #[cfg(not(feature = "embedded-model"))]
    async fn shutdown(&self) {}
}

/// The providers that are set up, the embedded model last.
fn providers(config: &Config, embedded: &Embedded, pacer: &Pacer) -> Result<Vec<Arc<dyn Provider>>, ServeError> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(openai) = &config.openai {
        let options = OpenAiOptions {
            base_url: openai.base_url.clone(),
            api_key: openai.api_key.clone(),
            models: openai.models.clone(),
            continues: openai.continues,
            ..OpenAiOptions::default()
        };
        providers.push(pacer.pace(Arc::new(OpenAiProvider::new(options)?)));
    }
    embedded.add_to(&mut providers);
    Ok(providers)
}

/// The signals to stop, heard from the start on.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
