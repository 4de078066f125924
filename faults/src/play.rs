//! One play of a fault.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;
use tokio::time::timeout;
use weir_services::{Postgres, Redis};

use crate::{
    cluster::{Setup, has_program},
    namespace,
    oracle::{self, Tolerance, Verdict},
    scene::{Load, Scene},
};

/// The longest a play may take.
const LIMIT: Duration = Duration::from_mins(5);

/// What a fault cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A network and mounts of its own, which root may make.
    Namespace,
    /// PostgreSQL's programs.
    Postgres,
    /// Redis.
    Redis,
    /// nginx.
    Nginx,
    /// A program or library, with the Debian package that brings it.
    Installed(&'static str, &'static str),
}

impl Need {
    /// Why it is not there, if it is not.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::Namespace if namespace::is_inside() => None,
            Self::Namespace => Some("needs root, for a network and mounts of its own".to_owned()),
            Self::Postgres if Postgres::is_installed() => None,
            Self::Postgres => Some("needs PostgreSQL (Debian: postgresql)".to_owned()),
            Self::Redis if Redis::is_installed() => None,
            Self::Redis => Some("needs Redis (Debian: redis-server)".to_owned()),
            Self::Nginx if weir_services::nginx().is_some() => None,
            Self::Nginx => Some("needs nginx (Debian: nginx-light)".to_owned()),
            Self::Installed(program, _) if has_program(program) => None,
            Self::Installed(program, package) => Some(format!("needs {program} (Debian: {package})")),
        }
    }
}

/// Something that goes wrong.
#[async_trait]
pub(crate) trait Fault: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it cannot do without.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// How many seeds are tried when nobody says: in the short suite, and in the whole one.
    fn seeds(&self) -> (u64, u64) {
        (1, 5)
    }

    /// What it happens to.
    fn setup(&self, _random: &mut Rng) -> Setup {
        Setup::default()
    }

    /// The questions that are under way when it strikes.
    fn load(&self) -> Load {
        Load::default()
    }

    /// What it may do to an answer.
    fn tolerance(&self, _setup: &Setup) -> Tolerance {
        Tolerance::default()
    }

    /// Lets it happen to running answers. At the end everything is as it was before, and the answers go on.
    async fn strike(&self, scene: &mut Scene) -> Result<()>;
}

/// Plays a fault with a seed, while so many plays go on: limits of time hold for one that has the machine to itself.
///
/// # Errors
/// When the play could not be carried to its end; that is as bad as a loss.
pub(crate) async fn play(fault: &dyn Fault, seed: u64, binary: &Path, company: u32) -> Result<Verdict> {
    let mut random = Rng::with_seed(seed);
    let setup = fault.setup(&mut random);
    let mut tolerance = fault.tolerance(&setup);
    tolerance.pause = tolerance.pause.map(|limit| limit * company);
    let mut scene = Scene::open(binary, &setup, random).await?;
    let played = async {
        scene.ask(fault.load()).await?;
        fault.strike(&mut scene).await?;
        scene.all_ended().await?;
        oracle::judge(&mut scene, tolerance).await
    };
    let verdict = timeout(LIMIT, played).await.context("the play does not end").flatten();
    let is_good = verdict.as_ref().is_ok_and(Verdict::is_good);
    if !is_good {
        let logs = scene.cluster.logs();
        let lines: Vec<&str> = logs.lines().collect();
        eprintln!("--- the servers' last words\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    verdict
}
