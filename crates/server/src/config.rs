//! Configuration: the environment, or the same keys in `weir.toml`; the environment wins. Checked at start, all faults at
//! once.

mod limits;
mod mcp;
mod open_id;
mod public_url;
mod source;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use tracing_subscriber::EnvFilter;
use weir_protocol::AuthMode;
use weir_providers::{
    model_file::ModelSource,
    openai::{ApiKey, BaseUrl},
};
use weir_realtime::RedisBell;
use weir_store::{Durability, PostgresUrl};

use crate::{access::OpenIdSettings, limits::LimitOptions, mcp::ConfiguredServer};

pub use public_url::PublicUrl;
use source::Reading;
pub use source::Source;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// Where the server listens.
    pub addr: SocketAddr,
    /// Where everything is stored.
    pub data_dir: PathBuf,
    /// What is logged.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// The `PostgreSQL` that everything is stored in; none: `SQLite` in the data directory.
    pub postgres: Option<PostgresUrl>,
    /// The Redis that carries the bell between instances; none: `PostgreSQL` does.
    pub redis: Option<RedisBell>,
    /// What a commit holds through.
    pub durability: Durability,
    /// Whether people sign in.
    pub auth: AuthMode,
    /// The provider that lets people in without a password.
    pub open_id: Option<OpenIdSettings>,
    /// Where people reach this server.
    pub public_url: Option<PublicUrl>,
    /// Development servers in front of this one, whose pages may use it.
    pub dev_origins: Vec<PublicUrl>,
    /// The names this server is known by, beside IP addresses and names without a dot.
    pub hosts: Vec<String>,
    /// After how long a silent stream sends a comment.
    pub heartbeat: Duration,
    /// How long a log is kept after its run has ended.
    pub run_retention: Duration,
    /// How long a tool call outside of conversations is kept after it has ended.
    pub activity_retention: Duration,
    /// How long running answers may go on after a signal to stop.
    pub shutdown_grace: Duration,
    /// How long a tool call waits for a person's word before that is a denial.
    pub approval_timeout: Duration,
    /// How much each may ask for.
    pub limits: LimitOptions,
    /// The embedded model.
    pub local_model: ModelSource,
    /// The default model, as `provider/model`.
    pub model: Option<String>,
    /// An OpenAI-compatible server.
    pub openai: Option<OpenAi>,
    /// The MCP servers whose tools are offered.
    pub mcp_servers: Vec<ConfiguredServer>,
    /// Where traces are sent, if they are: the address without the path of the signal.
    pub collector: Option<String>,
    /// What was set but does nothing yet; told once at start.
    pub without_effect: Vec<String>,
}

/// An OpenAI-compatible server.
#[derive(Debug)]
pub struct OpenAi {
    /// Where it is.
    pub base_url: BaseUrl,
    /// What lets us in.
    pub api_key: Option<ApiKey>,
    /// The models to offer; none: asked of the server.
    pub models: Option<Vec<String>>,
    /// Whether it goes on from a partial answer.
    pub continues: Option<bool>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key.
    pub key: String,
    /// What it should be.
    pub message: String,
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The configuration cannot be used:")?;
        for Fault { key, message } in &self.0 {
            writeln!(f, "  {key}: {message}")?;
        }
        write!(f, "README.md lists every key; they are read from the environment and from weir.toml.")
    }
}

impl std::error::Error for ConfigFaults {}

/// Keys of the contract whose subject arrives with a later version. Setting them is harmless, so it is only told.
const LATER: [&str; 1] = ["ANTHROPIC_API_KEY"];

impl Config {
    /// Reads and checks every key.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(source: Source) -> Result<Self, ConfigFaults> {
        let mut reading = Reading::new(source);
        let addr: SocketAddr = reading
            .parsed("WEIR_ADDR", "an address and port such as 127.0.0.1:3000", str::parse::<SocketAddr>)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000)));
        let auth = reading
            .one_of("WEIR_AUTH", &[("open", AuthMode::Open), ("required", AuthMode::Required)])
            .unwrap_or_default();
        if auth == AuthMode::Open && !addr.ip().is_loopback() {
            reading.fault(
                "WEIR_AUTH",
                "an open server has one local user and no sign-in, so it listens on a loopback address only: set WEIR_AUTH=required, or WEIR_ADDR to 127.0.0.1",
            );
        }
        let public_url = reading.parsed(
            "WEIR_PUBLIC_URL",
            "where people reach this server, such as https://weir.example.org",
            str::parse::<PublicUrl>,
        );
        let mut hosts = reading.list("WEIR_HOSTS").unwrap_or_default();
        hosts.extend(public_url.iter().map(PublicUrl::host));
        let dev_origins = dev_origins(&mut reading, addr);
        let open_id = open_id::read(&mut reading, auth, public_url.as_ref());
        let postgres = reading.parsed(
            "DATABASE_URL",
            "a URL such as postgres://user:password@host:5432/database; unset, SQLite in WEIR_DATA_DIR is used",
            str::parse::<PostgresUrl>,
        );
        let redis = reading.parsed("REDIS_URL", "a URL such as redis://host:6379", RedisBell::new);
        let mut without_effect: Vec<_> =
            LATER.into_iter().filter(|key| reading.text(key).is_some()).map(str::to_owned).collect();
        if redis.is_some() && postgres.is_none() {
            without_effect.push("REDIS_URL without DATABASE_URL".to_owned());
        }
        let log = reading.text("WEIR_LOG").unwrap_or_else(|| "info,rmcp=error".to_owned());
        if EnvFilter::try_new(&log).is_err() {
            reading.fault(
                "WEIR_LOG",
                "must be a level (error, warn, info, debug, trace) or a filter such as info,sqlx=warn",
            );
        }
        let config = Self {
            addr,
            data_dir: reading.text("WEIR_DATA_DIR").unwrap_or_else(|| "./data".to_owned()).into(),
            log,
            postgres,
            redis,
            log_format: reading
                .one_of("WEIR_LOG_FORMAT", &[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)])
                .unwrap_or_default(),
            durability: reading
                .one_of("WEIR_DURABILITY", &[("disk", Durability::Disk), ("process", Durability::Process)])
                .unwrap_or_default(),
            auth,
            open_id,
            public_url,
            dev_origins,
            hosts,
            heartbeat: reading.duration("WEIR_HEARTBEAT", Duration::from_secs(15), Duration::from_millis(10)),
            activity_retention: reading.duration(
                "WEIR_ACTIVITY_RETENTION",
                Duration::from_hours(30 * 24),
                Duration::ZERO,
            ),
            run_retention: reading.duration("WEIR_RUN_RETENTION", Duration::from_hours(24), Duration::ZERO),
            approval_timeout: reading.duration(
                "WEIR_APPROVAL_TIMEOUT",
                weir_runs::APPROVAL_PATIENCE,
                Duration::from_secs(1),
            ),
            shutdown_grace: reading.duration("WEIR_SHUTDOWN_GRACE", Duration::from_secs(10), Duration::ZERO),
            limits: limits::read(&mut reading),
            local_model: ModelSource::from_setting(reading.text("WEIR_LOCAL_MODEL").as_deref()),
            model: model(&mut reading),
            openai: openai(&mut reading),
            mcp_servers: reading.mcp_servers(),
            collector: reading.parsed(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "an http or https URL such as http://127.0.0.1:4318",
                |text| text.parse::<BaseUrl>().map(|_| text.to_owned()),
            ),
            without_effect,
        };
        reading.finish().map(|()| config)
    }
}

/// Development servers of this machine. A page of one of them can do everything that an own page can.
fn dev_origins(reading: &mut Reading, addr: SocketAddr) -> Vec<PublicUrl> {
    const EXPECTED: &str = "origins on this machine such as http://localhost:3000, separated by commas";
    let words = reading.list("WEIR_DEV_ORIGIN").unwrap_or_default();
    let origins: Result<Vec<PublicUrl>, _> = words.iter().map(|word| word.parse()).collect();
    let origins = origins.ok().filter(|origins| origins.iter().all(PublicUrl::is_loopback));
    if origins.is_none() {
        reading.fault("WEIR_DEV_ORIGIN", &format!("must be {EXPECTED}"));
    } else if !words.is_empty() && !addr.ip().is_loopback() {
        reading.fault(
            "WEIR_DEV_ORIGIN",
            "is for development on one machine: unset it, or set WEIR_ADDR to a loopback address",
        );
    }
    origins.unwrap_or_default()
}

fn model(reading: &mut Reading) -> Option<String> {
    reading.parsed("WEIR_MODEL", "provider/model, for instance openai/gpt-5", |text| {
        let well_formed =
            text.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty());
        well_formed.then(|| text.to_owned()).ok_or(())
    })
}

fn openai(reading: &mut Reading) -> Option<OpenAi> {
    let base_url = reading.parsed(
        "OPENAI_BASE_URL",
        "an http or https URL such as http://127.0.0.1:8080/v1",
        str::parse::<BaseUrl>,
    );
    let api_key = reading.parsed("OPENAI_API_KEY", "a key of visible ASCII characters", str::parse::<ApiKey>);
    let models = reading.list("OPENAI_MODELS");
    if models.as_ref().is_some_and(Vec::is_empty) {
        reading.fault("OPENAI_MODELS", "names no model; leave it unset to ask the server");
    }
    let continues = reading.one_of("OPENAI_CONTINUES", &[("true", true), ("false", false)]);
    let base_url = match (base_url, &api_key) {
        (Some(base_url), _) => base_url,
        (None, Some(_)) => BaseUrl::OPENAI.parse().ok()?,
        (None, None) => {
            if models.is_some() {
                reading.fault("OPENAI_MODELS", "needs OPENAI_BASE_URL or OPENAI_API_KEY beside it");
            }
            return None;
        }
    };
    Some(OpenAi { base_url, api_key, models, continues })
}

#[cfg(test)]
mod tests;
