//! Clients that misbehave while others read: one never reads, one reads a byte a second, one vanishes without a word.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
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
/// In so long the server has to notice that a client is gone.
const NOTICED: Duration = Duration::from_secs(45);
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
        (0, 3)
    }

    fn load(&self) -> Load {
        Load { questions: 3, tokens: 3000, rate: 400, ..Load::default() }
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
        // Said for longer than the server may take to notice.
        Load { tokens: 20_000, rate: 40, questions: 2, ..Load::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { partial: true, pause: Some(OTHERS), ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let answer = scene.journals[0].answer.clone();
        let mut vanished = Vec::new();
        for _ in 0..20 {
            vanished.push(connect(scene, &answer).await?);
        }
        scene.events(20).await?;
        let ports = vanished.iter().map(|stream| Ok(stream.local_addr()?.port())).collect::<Result<BTreeSet<_>>>()?;
        ensure!(held(scene, &ports)? == ports.len(), "the clients are not connected");
        let network = Network::open()?;
        for port in &ports {
            network.drop_port(*port)?;
        }
        let begun = Instant::now();
        while held(scene, &ports)? > 0 {
            scene.pass(Duration::from_millis(200)).await;
            if scene.all_done() || begun.elapsed() > NOTICED {
                scene.complaints.push(format!("half-open connections are held for more than {:.1?}", begun.elapsed()));
                break;
            }
        }
        scene.cancel_all().await
    }
}

/// How many connections from these ports the server still holds, whatever the kernel has left to say to them (proc(5),
/// `/proc/net/tcp`; a socket that the process has closed has the inode 0).
fn held(scene: &mut Scene, ports: &BTreeSet<u16>) -> Result<usize> {
    let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", scene.weir().process_id()?.as_raw_pid()))?;
    let own = scene.weir().addr()?.port();
    let is_held = |line: &&str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let port =
            |place: usize| fields.get(place)?.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        port(1) == Some(own) && port(2).is_some_and(|port| ports.contains(&port)) && fields.get(9) != Some(&"0")
    };
    Ok(table.lines().filter(is_held).count())
}
