//! Clients that misbehave while others read: one never reads, one reads a byte a second, one vanishes without a word.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use weir_testkit::{Event, EventParser, Heard};

use crate::{
    client::Answer,
    cluster::{Network, Setup},
    oracle::Tolerance,
    play::{Fault, Need},
    scene::{Load, Scene},
};

/// Nobody else may notice: the longest pause of the readers that read.
const OTHERS: Duration = Duration::from_secs(2);
/// For so long they misbehave.
const MISBEHAVING: Duration = Duration::from_secs(8);

/// A client that never reads, and one that reads a byte a second. Both read on later and have missed nothing.
pub(crate) struct SlowClients;

#[async_trait]
impl Fault for SlowClients {
    fn name(&self) -> &'static str {
        "slow-clients"
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 3)
    }

    fn load(&self) -> Load {
        Load { questions: 3, tokens: 3000, rate: 400, readers: 2 }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(OTHERS), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let answer = scene.journals[0].answer.clone();
        let mut never = connect(scene, &answer).await?;
        let mut slow = connect(scene, &answer).await?;
        let (mut bytes, until) = (Vec::new(), Instant::now() + MISBEHAVING);
        while Instant::now() < until {
            bytes.push(slow.read_u8().await?);
            sleep(Duration::from_secs(1)).await;
        }
        let slow_read = read_on(&mut slow, bytes).await.context("the client that read a byte a second")?;
        let never_read = read_on(&mut never, Vec::new()).await.context("the client that never read")?;
        for read in [slow_read, never_read] {
            let journal = scene.journal_only(&answer);
            for event in read {
                journal.lock().write(event);
            }
            // It waited because it wanted to.
            journal.lock().longest_pause = Duration::ZERO;
        }
        Ok(())
    }
}

/// Follows an answer over a socket with as little room as the kernel allows.
async fn connect(scene: &mut Scene, answer: &Answer) -> Result<TcpStream> {
    let addr: SocketAddr = scene.weir().addr()?;
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(2048)?;
    let mut stream = socket.connect(addr).await?;
    let request = format!("GET /api/realtime/{} HTTP/1.0\r\nhost: {addr}\r\n\r\n", answer.run);
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Everything that is left on the socket, as events.
async fn read_on(stream: &mut TcpStream, mut bytes: Vec<u8>) -> Result<Vec<Event>> {
    timeout(Duration::from_mins(1), stream.read_to_end(&mut bytes)).await.context("the stream has no end")??;
    let body = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no response")?;
    let events = EventParser::default().push(&bytes[body + 4..]).into_iter().filter_map(|heard| match heard {
        Heard::Event(event) => Some(event),
        Heard::Comment(_) => None,
    });
    Ok(events.collect())
}

/// Clients that vanish without a word: their packets are dropped from one moment on, and nobody ever closes.
pub(crate) struct HalfOpen;

#[async_trait]
impl Fault for HalfOpen {
    fn name(&self) -> &'static str {
        "half-open"
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::Namespace, Need::Installed("nft", "nftables")]
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 2)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        Setup { settings: vec![("WEIR_HEARTBEAT", "1s".to_owned())], ..Setup::default() }
    }

    fn load(&self) -> Load {
        Load { tokens: 3000, rate: 60, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { pause: Some(OTHERS), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let answer = scene.journals[0].answer.clone();
        let mut vanished = Vec::new();
        for _ in 0..20 {
            vanished.push(connect(scene, &answer).await?);
        }
        scene.events(20).await?;
        let before = open_sockets(scene)?;
        let network = Network::open()?;
        for stream in &vanished {
            let port = stream.local_addr()?.port();
            network.drop_port(port)?;
        }
        let begun = Instant::now();
        let mut after = before;
        while after + 20 > before && begun.elapsed() < Duration::from_secs(90) {
            scene.pass(Duration::from_secs(1)).await;
            after = open_sockets(scene)?;
        }
        if after + 20 > before {
            scene.complaints.push(format!("half-open connections are held for more than {:?}", begun.elapsed()));
        }
        Ok(())
    }
}

/// How many sockets the server holds.
fn open_sockets(scene: &mut Scene) -> Result<usize> {
    let folder = format!("/proc/{}/fd", scene.weir().process_id()?.as_raw_pid());
    let links = std::fs::read_dir(folder)?.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    Ok(links.filter(|link| link.to_string_lossy().starts_with("socket:")).count())
}
