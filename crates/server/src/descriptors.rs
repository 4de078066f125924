//! Who is let in. A server that runs out of file descriptors keeps some for the work under way, and tells newcomers to come
//! back instead of leaving them before a door that does not open.

use std::{io, net::SocketAddr, os::fd::AsRawFd as _, time::Duration};

use axum::serve::Listener;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::http::ApiError;

/// File descriptors that connections leave to everything else: the database, the models' servers, files.
const RESERVE: u64 = 64;
/// The longest wait for a newcomer's request, so that the answer to it is not lost with the connection.
const PATIENCE: Duration = Duration::from_millis(500);
/// A listener that keeps [`RESERVE`] file descriptors free.
pub(crate) struct Door(TcpListener);

impl Door {
    /// Lets in as many as the process may have file descriptors.
    pub(crate) fn new(listener: TcpListener) -> Self {
        raise_limit();
        Self(listener)
    }
}

/// What becomes of a newcomer.
enum Welcome {
    Enter,
    ComeBack,
    /// Closed without a word: even an answer needs a file descriptor for a moment.
    Nothing,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, addr) = Listener::accept(&mut self.0).await;
            match welcome(&stream) {
                Welcome::Enter => return (stream, addr),
                Welcome::ComeBack => {
                    // Whoever is gone already needs no answer.
                    tokio::spawn(turn_away(stream));
                }
                Welcome::Nothing => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The system gives the lowest number that is free, so a high number means that all below it are taken.
fn welcome(stream: &TcpStream) -> Welcome {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return Welcome::Enter };
    let left = limit.saturating_sub(u64::try_from(stream.as_raw_fd()).unwrap_or_default());
    let reserve = RESERVE.min(limit / 4);
    if left > reserve {
        Welcome::Enter
    } else if left > reserve / 2 {
        Welcome::ComeBack
    } else {
        Welcome::Nothing
    }
}

/// Tells a newcomer to come back, if they say in time what they want.
pub(crate) async fn turn_away(stream: TcpStream) {
    let _ = timeout(PATIENCE, tell_to_come_back(stream)).await;
}

async fn tell_to_come_back(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await?;
    let body = serde_json::to_string(&ApiError::no_room().into_problem())?;
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         retry-after: 1\r\nweir-protocol: 1\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

/// Takes all that the process may have: each open page holds a connection.
fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of file descriptors stays as it is");
    }
}
