//! Finding 9: readers of one run without end, on one token.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::Play;
use crate::{connection, scene::Scene};

pub(crate) struct Readers;

#[async_trait]
impl Play for Readers {
    fn name(&self) -> &'static str {
        "readers"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let started = scene.attacker.ask("Say little. [[fail=silent after=5]]").await?;
        let (addr, credential) = (scene.addr()?, scene.attacker.credential());
        let request = format!("GET /api/realtime/{} HTTP/1.1\r\nhost: {addr}\r\n{credential}\r\n", started.run);
        let (mut readers, mut refused) = (Vec::new(), 0);
        for _ in 0..scene.count(600, 1_200) {
            let mut stream = connection::open(addr, request.as_bytes()).await?;
            match connection::status(&mut stream).await? {
                200 => readers.push(stream),
                429 => refused += 1,
                status => scene.findings.add(format!("a reader was answered with {status}")),
            }
        }
        scene.check(refused > 0, || format!("one token holds {} readers", readers.len()));
        // A place is free again when its reader has gone.
        drop(readers);
        scene.pass(Duration::from_secs(1)).await;
        let mut stream = connection::open(addr, request.as_bytes()).await?;
        let status = connection::status(&mut stream).await?;
        scene.check(status == 200, || format!("after the others have gone a reader is answered with {status}"));
        drop(started.response);
        Ok(())
    }
}
