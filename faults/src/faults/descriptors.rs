//! The server runs out of file descriptors: running answers go on, newcomers are told to come back, and then all is well.

use std::{process::Command, time::Duration};

use anyhow::{Result, bail};
use async_trait::async_trait;
use tokio::net::TcpStream;

use crate::{
    cluster::Setup,
    namespace::run,
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// What the server is allowed while it is short of descriptors.
const LIMIT: u64 = 120;

pub(crate) struct Descriptors;

#[async_trait]
impl Fault for Descriptors {
    fn name(&self) -> &'static str {
        "descriptors"
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Installed("prlimit", "util-linux")]
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 3)
    }

    fn load(&self) -> Load {
        // Who comes and goes would have to wait outside.
        Load { tokens: 600, rate: 60, readers: 1, socket: false, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        // Whoever reads already goes on as if nothing had happened.
        Tolerance { pause: Some(Duration::from_secs(2)), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        let (id, addr) = (scene.weir().process_id()?.as_raw_pid().to_string(), scene.weir().addr()?);
        run(Command::new("prlimit").args(["--pid", &id, &format!("--nofile={LIMIT}:")]))?;
        let mut idle = Vec::new();
        for _ in 0..LIMIT * 2 {
            idle.push(TcpStream::connect(addr).await?);
        }
        if !scene.refused_question(Duration::from_secs(5)).await? {
            scene.complaints.push("no newcomer is told to come back (503 with Retry-After)".to_owned());
        }
        scene.events(100).await?;
        drop(idle);
        run(Command::new("prlimit").args(["--pid", &id, "--nofile=20000:"]))?;
        let asked = tokio::time::timeout(Duration::from_secs(5), scene.ask(Load { questions: 1, ..self.load() })).await;
        let Ok(asked) = asked else {
            bail!("the server takes no questions for five seconds after it has descriptors again")
        };
        asked
    }
}
