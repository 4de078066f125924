//! Packets between the clients and the server are lost by chance: 1, 5 and 20 in a hundred, in both directions.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use crate::{
    cluster::Network,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// Loses so many packets in a hundred.
pub(crate) struct Loss {
    pub(crate) name: &'static str,
    pub(crate) percent: u32,
}

#[async_trait]
impl Fault for Loss {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Namespace, Need::Installed("nft", "nftables")]
    }

    fn seeds(&self) -> (u64, u64) {
        (u64::from(self.percent == 20), 3)
    }

    fn load(&self) -> Load {
        Load { questions: 4, tokens: 250, rate: 50, readers: 3, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let network = Network::open()?;
        network.lose(scene.weir().addr()?.port(), self.percent)?;
        scene.ask(Load { questions: 1, ..self.load() }).await?;
        // Long enough for the kernel's patience with lost packets to double several times.
        scene.pass(Duration::from_secs(6)).await;
        network.heal()
    }
}
