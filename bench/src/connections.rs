//! Memory for each connection that is open and silent.

use std::{fmt, fs, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    machine,
    process::{self, Running},
};

/// Connections that are opened at the same time.
const TOGETHER: usize = 64;
/// The longest wait for the first bytes of a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many, and how long they are left alone.
#[derive(Args)]
pub(crate) struct ConnectionsArgs {
    /// Connections at the same time; each number is measured with a server of its own.
    #[arg(long, value_delimiter = ',', default_values_t = [2000, 8000, 16000])]
    counts: Vec<usize>,
    /// How long they are left alone before memory is read, in milliseconds.
    #[arg(long, default_value_t = 3000)]
    idle: u64,
}

/// What is opened.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A WebSocket session that follows the inbox.
    WebSocket,
    /// A reader of an answer that says nothing just now.
    Events,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WebSocket => "WebSocket",
            Self::Events => "SSE",
        })
    }
}

pub(crate) async fn run(args: &ConnectionsArgs) -> Result<()> {
    raise_limit();
    let binary = process::weir_binary()?;
    println!("{}", machine::description());
    for kind in [Kind::WebSocket, Kind::Events] {
        for count in &args.counts {
            let dir = tempfile::tempdir()?;
            let upstream = process::start_upstream().await?;
            let (weir, _) = process::start_weir(&binary, dir.path(), Some(upstream.addr)).await?;
            measure(kind, *count, &weir, args).await?;
            weir.stop().await?;
            upstream.stop().await?;
        }
    }
    Ok(())
}

async fn measure(kind: Kind, count: usize, weir: &Running, args: &ConnectionsArgs) -> Result<()> {
    let (path, answering) = match kind {
        Kind::WebSocket => ("/api/ws".to_owned(), None),
        Kind::Events => {
            let (run, socket) = start_run(weir.addr, "").await?;
            (format!("/api/realtime/{run}"), Some(socket))
        }
    };
    // What the first ones cost beside their own memory is not what is measured.
    let warm = open_all(kind, weir.addr, &path, 64).await?;
    sleep(Duration::from_millis(args.idle)).await;
    let (before, kernel_before) = (machine::resident_kib(weir.pid()?)?, kernel_kib()?);
    let open = open_all(kind, weir.addr, &path, count).await?;
    sleep(Duration::from_millis(args.idle)).await;
    let (after, kernel_after) = (machine::resident_kib(weir.pid()?)?, kernel_kib()?);
    #[expect(clippy::cast_precision_loss)]
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / count as f64;
    println!(
        "{kind:9}  {count:6} connections  {:6.2} KiB each in the server  {:6.2} KiB each in the kernel, both ends  \
         {:6.1} MiB in all",
        each(before, after),
        each(kernel_before, kernel_after),
        each(0, after) * mebi(count),
    );
    drop((warm, open, answering));
    Ok(())
}

#[expect(clippy::cast_precision_loss)]
fn mebi(count: usize) -> f64 {
    count as f64 / 1024.0
}

async fn open_all(kind: Kind, addr: SocketAddr, path: &str, count: usize) -> Result<Vec<TcpStream>> {
    let opening = (0..count).map(|_| async move {
        let opened = timeout(PATIENCE, open(kind, addr, path, "")).await;
        opened.context("the server does not answer")?
    });
    stream::iter(opening).buffer_unordered(TOGETHER).try_collect().await
}

/// A connection that has got what there is to get. `credential` is a header with its line's end, or nothing.
pub(crate) async fn open(kind: Kind, addr: SocketAddr, path: &str, credential: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(addr).await?;
    let (wanted, headers) = match kind {
        Kind::WebSocket => (
            "\"welcome\"",
            "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: weir.v1\r\n",
        ),
        Kind::Events => ("event: token", "accept: text/event-stream\r\n"),
    };
    let head = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n{headers}{credential}\r\n");
    socket.write_all(head.as_bytes()).await?;
    read_until(&mut socket, wanted).await?;
    if matches!(kind, Kind::WebSocket) {
        // A masked text frame whose mask is zero (RFC 6455, 5.3).
        let text = br#"{"type":"subscribe","topic":"inbox"}"#;
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len())?, 0, 0, 0, 0];
        frame.extend_from_slice(text);
        socket.write_all(&frame).await?;
    }
    Ok(socket)
}

/// Starts an answer that falls silent after ten tokens. `credential` as in [`open`].
pub(crate) async fn start_run(addr: SocketAddr, credential: &str) -> Result<(String, TcpStream)> {
    let body = r#"{"prompt":"[[fail=silent after=10]]","model":"openai/scripted-fast"}"#;
    let mut socket = TcpStream::connect(addr).await?;
    let head = format!(
        "POST /api/realtime HTTP/1.1\r\nhost: {addr}\r\n{credential}content-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await?;
    let answer = timeout(PATIENCE, read_until(&mut socket, "event: token")).await??;
    let run = answer.lines().find_map(|line| line.strip_prefix("weir-run-id: ")).context("no run id")?;
    Ok((run.to_owned(), socket))
}

async fn read_until(socket: &mut TcpStream, wanted: &str) -> Result<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if text.contains(wanted) {
            return Ok(text.into_owned());
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            bail!("closed before {wanted}: {}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// What the kernel keeps for sockets: its slabs, and the pages of what is under way (proc(5), `sockstat`).
fn kernel_kib() -> Result<u64> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    let slab = memory.lines().find_map(|line| line.strip_prefix("Slab:")).context("no Slab in /proc/meminfo")?;
    Ok(slab.trim().trim_end_matches("kB").trim().parse()?)
}

/// Each connection is a file descriptor.
fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("the limit of file descriptors stays as it is: {error}");
    }
}
