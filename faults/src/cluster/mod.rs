//! What a play happens on: servers, their services, and the upstream that knows the truth.

mod disk;
mod instance;
mod network;
mod process;

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::net::TcpListener;
use weir_bench::upstream::{self, Upstream, UpstreamOptions};

pub(crate) use disk::Disk;
pub use instance::Instance;
pub(crate) use network::Network;
pub(crate) use process::{Process, has_program};

use crate::client::Doors;

/// The model that answers: 200 tokens a second unless the question says otherwise.
const MODEL: &str = "scripted-fast";

/// Where the truth is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// In the data directory of the only instance.
    #[default]
    Sqlite,
}

/// What a play needs.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Where the truth is kept.
    pub database: Database,
    /// Puts the data directory on a disk of its own, with so many MiB.
    pub disk_mib: Option<u64>,
    /// Settings of every instance beside the usual ones.
    pub settings: Vec<(&'static str, String)>,
}

/// Servers and all they need; everything stops when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The instances, in the order of their numbers.
    pub instances: Vec<Instance>,
    /// The scripted model.
    pub upstream: Upstream,
    /// The disk of the data directory, if it has one of its own.
    pub(crate) disk: Option<Disk>,
    /// Goes away with the cluster.
    _folder: TempDir,
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
        let data = folder.path().join("data");
        let disk = match setup.disk_mib {
            Some(size) => Some(Disk::make(folder.path(), &data, size)?),
            None => None,
        };
        let mut settings = BTreeMap::from([
            ("WEIR_LOCAL_MODEL", "off".to_owned()),
            ("WEIR_MODEL", format!("openai/{MODEL}")),
            ("WEIR_HEARTBEAT", "1s".to_owned()),
            ("WEIR_LOG", "warn".to_owned()),
            ("OPENAI_BASE_URL", upstream.base_url()),
            ("OPENAI_CONTINUES", "true".to_owned()),
            ("WEIR_DATA_DIR", data.display().to_string()),
            ("WEIR_ADDR", free_address().await?.to_string()),
        ]);
        settings.extend(setup.settings.iter().cloned());
        let log = folder.path().join("weir.log");
        let instances = vec![Instance::new(binary, folder.path(), &log, settings)?];
        Ok(Self { instances, upstream, disk, _folder: folder })
    }

    /// The whole text that the upstream answers to `question` when nobody disturbs it.
    pub fn truth(&self, question: &str) -> String {
        self.upstream.answer(MODEL, question)
    }

    /// Where clients knock.
    pub(crate) fn doors(&self) -> Doors {
        Doors::new(self.instances.iter().map(Instance::url).collect())
    }

    /// What the servers wrote to their logs, for somebody who looks for the cause of a failure.
    pub(crate) fn logs(&self) -> String {
        let texts = self.instances.iter().map(|instance| std::fs::read_to_string(instance.log()).unwrap_or_default());
        texts.collect()
    }
}

/// A port of 127.0.0.1 that nobody listens on.
async fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("a free port")?;
    Ok(listener.local_addr()?)
}
