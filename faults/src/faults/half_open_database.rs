//! Single connections between the servers and PostgreSQL go dead, packets dropped in both directions, and never come back.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;

use super::{TAKE_OVER, shared};
use crate::{
    cluster::{Network, Setup},
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// How long a statement on a dead connection is waited for.
const STATEMENT: Duration = Duration::from_secs(5);
/// Connections that go dead at a time.
const CONNECTIONS: usize = 3;

pub(crate) struct HalfOpenDatabase;

#[async_trait]
impl Fault for HalfOpenDatabase {
    fn name(&self) -> &'static str {
        "half-open-database"
    }

    fn needs(&self) -> Vec<Need> {
        [shared(), vec![Need::Namespace, Need::Installed("nft", "nftables")]].concat()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 10)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 800, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        // A statement may meet a second dead connection when it is tried again.
        Tolerance { pause: Some(2 * STATEMENT + TAKE_OVER), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let network = Network::open()?;
        for _ in 0..3 {
            scene.a_moment().await?;
            let ports = scene.cluster.sql(
                "SELECT client_port FROM pg_stat_activity
                 WHERE datname = 'weir' AND client_port > 0 AND pid <> pg_backend_pid() ORDER BY client_port",
            )?;
            let mut ports: Vec<u16> =
                ports.lines().map(str::parse).collect::<Result<_, _>>().context("no port of a connection")?;
            scene.random.shuffle(&mut ports);
            for port in ports.into_iter().take(CONNECTIONS) {
                network.drop_port(port)?;
            }
        }
        // They stay dead until every answer has ended.
        scene.all_ended().await
    }
}
