//! Finding 3: requests whose bodies or heads never come to their end.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::Play;
use crate::{connection, scene::Scene};

/// How long a body may take before the server gives it up, with what it takes to notice.
const GIVEN_UP: Duration = Duration::from_secs(45);

pub(crate) struct SlowBodies;

#[async_trait]
impl Play for SlowBodies {
    fn name(&self) -> &'static str {
        "slow-bodies"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let (addr, credential) = (scene.addr()?, scene.attacker.credential());
        let (each, seconds) = (scene.count(300, 400), scene.count(5, 12));
        let mut held = Vec::new();
        for (path, credential) in
            [("/api/auth/sign-in", ""), ("/api/realtime", credential.as_str()), ("/mcp", credential.as_str())]
        {
            for number in 0..each {
                // They are many, not sudden: what they hold is attacked, not the processor.
                if number % 20 == 0 {
                    scene.pass(Duration::from_millis(25)).await;
                }
                held.push((path, connection::open(addr, begun(addr, path, credential).as_bytes()).await?));
            }
        }
        let mut heads = Vec::new();
        for _ in 0..200 {
            heads.push(connection::open(addr, b"GET /api/me HTTP/1.1\r\nx").await?);
        }
        for _ in 0..seconds {
            scene.pass(Duration::from_secs(1)).await;
            trickle(&mut heads).await;
        }
        if scene.is_short {
            return Ok(());
        }
        // One of each kind stands for all.
        for path in ["/api/auth/sign-in", "/api/realtime", "/mcp"] {
            let Some((_, stream)) = held.iter_mut().find(|(held, _)| *held == path) else { continue };
            let is_closed = connection::is_closed_within(stream, GIVEN_UP).await;
            scene.check(is_closed, || format!("{path} waits for a body for more than {GIVEN_UP:?}"));
        }
        Ok(())
    }
}

/// A request whose body has one byte of a hundred.
fn begun(addr: SocketAddr, path: &str, credential: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {addr}\r\n{credential}content-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: 100\r\n\r\n{{"
    )
}

/// Sends one byte more on each connection; those that the server has closed stay as they are.
async fn trickle(streams: &mut [TcpStream]) {
    for stream in streams {
        let _ = stream.write_all(b"x").await;
    }
}
