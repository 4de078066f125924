//! The server's clock goes wrong in mid-answer: an hour ahead, then an hour behind, and back again.
//!
//! `libfaketime` stands between the server and the system's clock; what it says is read from a file, anew at each look.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;

use crate::{
    cluster::Setup,
    play::{Fault, Need},
    scene::{Load, Scene},
};

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

pub(crate) struct Clock;

#[async_trait]
impl Fault for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Installed(LIBRARY, "libfaketime")]
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 5)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let file = std::env::temp_dir().join(format!("weir-faults-clock-{:x}", random.u64(..)));
        let settings = vec![
            ("LD_PRELOAD", LIBRARY.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // The other clock of the system, which counts from its start, is never set.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        Setup { settings, ..Setup::default() }
    }

    fn load(&self) -> Load {
        Load { tokens: 300, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let file = scene.weir().setting("FAKETIME_TIMESTAMP_FILE").context("no clock")?.to_owned();
        for offset in ["+1h", "-1h", "+0"] {
            std::fs::write(&file, offset)?;
            scene.pass(Duration::from_secs(1)).await;
            scene.ask(Load { questions: 1, tokens: 60, ..self.load() }).await?;
            if scene.random.bool() {
                scene.weir().kill().await?;
                scene.weir().start().await?;
            }
        }
        Ok(std::fs::remove_file(file)?)
    }
}
