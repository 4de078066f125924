//! Servers that are cut off from what they share, while their clients still reach them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;

use super::{POLL, TAKE_OVER, shared};
use crate::{
    cluster::{Network, Setup, address_for, port_of},
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// For so long nothing comes through.
const CUT: Duration = Duration::from_secs(8);

/// The longest pause of a reader whose server is cut off: it is let go and asked to come back a second later, while another
/// server takes its answer over. Nobody waits for the end of the cut.
const LET_GO: Duration = TAKE_OVER.saturating_add(Duration::from_secs(1));

/// A server is cut off from PostgreSQL and from Redis: it cannot know what happens, sends its readers away, and the other one
/// takes over.
pub(crate) struct CutOff;

#[async_trait]
impl Fault for CutOff {
    fn name(&self) -> &'static str {
        "cut-off"
    }

    fn needs(&self) -> Vec<Need> {
        [shared(), vec![Need::Namespace, Need::Installed("nft", "nftables")]].concat()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 5)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        Setup { redis: random.bool(), ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 800, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(LET_GO), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        let network = Network::open()?;
        let address = address_for(scene.random.usize(1..=2));
        for port in scene.cluster.shared_ports()? {
            network.drop_address(&address, port)?;
        }
        scene.pass(CUT).await;
        network.heal()
    }
}

/// Two servers are cut off from each other: nothing comes through Redis, which is all that is between them, and both still
/// reach PostgreSQL. Each hears of the other's events by looking, once a second.
pub(crate) struct CutApart;

#[async_trait]
impl Fault for CutApart {
    fn name(&self) -> &'static str {
        "cut-apart"
    }

    fn needs(&self) -> Vec<Need> {
        [shared(), vec![Need::Namespace, Need::Installed("nft", "nftables")]].concat()
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 5)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        Setup { redis: true, ..Setup::cluster(2) }
    }

    fn load(&self) -> Load {
        Load { tokens: 500, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(POLL), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        let redis = scene.cluster.redis.as_ref().context("no Redis")?.url();
        let network = Network::open()?;
        network.drop_port(port_of(&redis)?)?;
        scene.pass(CUT).await;
        network.heal()
    }
}
