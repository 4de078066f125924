//! What a play happens on: servers, their services, and the upstream that knows the truth.

mod disk;
mod instance;
mod network;
mod process;
mod proxy;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use weir_bench::upstream::{self, Upstream, UpstreamOptions};
use weir_services::{Postgres, Redis};

pub(crate) use disk::Disk;
pub use instance::Instance;
pub(crate) use network::Network;
pub(crate) use process::{Process, has_program};
use proxy::Proxy;

use crate::{client::Doors, marks};

/// The model that answers: 200 tokens a second unless the question says otherwise.
const MODEL: &str = "scripted-fast";

/// Where the truth is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// In the data directory of the only instance.
    #[default]
    Sqlite,
    /// In a PostgreSQL that all instances share.
    Postgres,
}

/// What a play needs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many servers; more than one need PostgreSQL.
    pub instances: usize,
    /// Where the truth is kept.
    pub database: Database,
    /// Whether Redis carries the bell.
    pub redis: bool,
    /// Whether clients come through nginx, which sends them to the instances in turn.
    pub proxy: bool,
    /// Puts the data directory on a disk of its own, with so many MiB.
    pub disk_mib: Option<u64>,
    /// Whether there is a tool that must not be run twice, and can tell.
    pub marks: bool,
    /// Settings of every instance beside the usual ones.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            instances: 1,
            database: Database::Sqlite,
            redis: false,
            proxy: false,
            disk_mib: None,
            marks: false,
            settings: Vec::new(),
        }
    }
}

impl Setup {
    /// Several servers on one PostgreSQL.
    pub fn cluster(instances: usize) -> Self {
        Self { instances, database: Database::Postgres, ..Self::default() }
    }
}

/// Servers and all they need; everything stops when it is dropped.
pub struct Cluster {
    /// The instances, in the order of their numbers.
    pub instances: Vec<Instance>,
    /// The scripted model.
    pub upstream: Upstream,
    /// The disk of the data directory, if it has one of its own.
    pub(crate) disk: Option<Disk>,
    postgres: Option<Postgres>,
    pub(crate) redis: Option<Redis>,
    proxy: Option<Proxy>,
    /// Goes away with the cluster.
    folder: TempDir,
}

impl Cluster {
    /// Makes everything ready and starts every instance of `binary`.
    ///
    /// # Errors
    /// When something does not start; with what it said.
    pub async fn start(binary: &Path, setup: &Setup) -> Result<Self> {
        let mut cluster = Self::prepare(binary, setup).await?;
        for instance in &mut cluster.instances {
            instance.start().await?;
        }
        Ok(cluster)
    }

    /// Makes everything ready, and starts no instance.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn prepare(binary: &Path, setup: &Setup) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("weir-faults-").tempdir()?;
        let upstream = upstream::start(UpstreamOptions::default()).await?;
        let postgres = if setup.database == Database::Postgres { Some(Postgres::start()?) } else { None };
        let redis = if setup.redis { Some(Redis::start()?) } else { None };
        let disk = match setup.disk_mib {
            Some(size) => Some(Disk::make(folder.path(), &folder.path().join("data-1"), size)?),
            None => None,
        };
        if setup.marks {
            fs::write(folder.path().join("weir.toml"), marks_config(&folder.path().join(MARKS))?)?;
        }
        let mut instances = Vec::new();
        for number in 1..=setup.instances {
            let mut settings = BTreeMap::from([
                ("WEIR_LOCAL_MODEL", "off".to_owned()),
                ("WEIR_MODEL", format!("openai/{MODEL}")),
                ("WEIR_HEARTBEAT", "1s".to_owned()),
                ("WEIR_LOG", "warn".to_owned()),
                ("OPENAI_BASE_URL", upstream.base_url()),
                ("OPENAI_CONTINUES", "true".to_owned()),
                ("WEIR_DATA_DIR", folder.path().join(format!("data-{number}")).display().to_string()),
                ("WEIR_ADDR", free_address()?.to_string()),
            ]);
            settings.extend(postgres.iter().map(|server| ("DATABASE_URL", as_seen_by(number, &server.url()))));
            settings.extend(redis.iter().map(|server| ("REDIS_URL", as_seen_by(number, &server.url()))));
            settings.extend(setup.settings.iter().cloned());
            let log = folder.path().join(format!("weir-{number}.log"));
            instances.push(Instance::new(binary, folder.path(), &log, settings)?);
        }
        let proxy = if setup.proxy { Some(Proxy::start(folder.path(), &instances).await?) } else { None };
        Ok(Self { instances, upstream, disk, postgres, redis, proxy, folder })
    }

    /// The whole text that the upstream answers to `question` when nobody disturbs it.
    pub fn truth(&self, question: &str) -> String {
        self.upstream.answer(MODEL, question)
    }

    /// Where clients knock.
    pub(crate) fn doors(&self) -> Doors {
        match &self.proxy {
            Some(proxy) => Doors::new(vec![proxy.url()]),
            None => Doors::new(self.instances.iter().map(Instance::url).collect()),
        }
    }

    /// Where the tool that must not be run twice leaves its marks.
    pub(crate) fn marks(&self) -> PathBuf {
        self.folder.path().join(MARKS)
    }

    /// The database server.
    ///
    /// # Errors
    /// When this cluster has none.
    pub fn postgres(&self) -> Result<&Postgres> {
        self.postgres.as_ref().context("no PostgreSQL")
    }

    /// Runs statements in PostgreSQL as its superuser, and returns the values, one row a line.
    ///
    /// # Errors
    /// When this cluster has no PostgreSQL, or it refuses; with what it said.
    pub(crate) fn sql(&self, statements: &str) -> Result<String> {
        let server = self.postgres()?;
        let mut psql = Command::new(server.psql());
        psql.arg(server.admin_url()).args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
        let output = psql.args(["--set=ON_ERROR_STOP=1", "--command", statements]).output()?;
        ensure!(output.status.success(), "psql failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The ports of what the instances share.
    ///
    /// # Errors
    /// When an address has none.
    pub(crate) fn shared_ports(&self) -> Result<Vec<u16>> {
        let urls = [self.postgres.as_ref().map(Postgres::url), self.redis.as_ref().map(Redis::url)];
        urls.iter().flatten().map(|url| port_of(url)).collect()
    }

    /// What the servers wrote to their logs, for somebody who looks for the cause of a failure.
    pub fn logs(&self) -> String {
        let texts = self.instances.iter().map(|instance| std::fs::read_to_string(instance.log()).unwrap_or_default());
        texts.collect()
    }
}

/// The file of the marks, in a cluster's folder.
const MARKS: &str = "marks.txt";

/// What a `weir.toml` says of the tool that must not be run twice: it is this program.
fn marks_config(file: &Path) -> Result<String> {
    let program = std::env::current_exe()?;
    let (program, file) = (program.display().to_string(), file.display().to_string());
    Ok(format!("[[mcp]]\nname = {:?}\ncommand = {program:?}\nargs = [\"--marks\", {file:?}]\n", marks::SERVER))
}

/// The address of a shared server that only this instance uses, so that it can be cut off alone.
fn as_seen_by(number: usize, url: &str) -> String {
    url.replace("@127.0.0.1:", &format!("@{}:", address_for(number)))
}

/// Where an instance finds PostgreSQL and Redis.
pub(crate) fn address_for(number: usize) -> String {
    if cfg!(target_os = "linux") { format!("127.0.1.{number}") } else { "127.0.0.1".to_owned() }
}

/// The port that an address such as `redis://:password@127.0.0.1:6379` names.
pub(crate) fn port_of(url: &str) -> Result<u16> {
    let (_, rest) = url.rsplit_once(':').context("no port")?;
    Ok(rest.split('/').next().unwrap_or_default().parse()?)
}

/// An address that nobody listens on.
fn free_address() -> Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], weir_services::free_port()?)))
}
