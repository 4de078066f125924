//! Raw connections: bytes as the attacker chooses them.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The longest wait for the first line of a response.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connects and sends `bytes`.
///
/// # Errors
/// When the server does not accept the connection.
pub(crate) async fn open(addr: SocketAddr, bytes: &[u8]) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(bytes).await?;
    Ok(stream)
}

/// Connects with the smallest receive buffer that the kernel allows, and sends `bytes`.
///
/// # Errors
/// When the server does not accept the connection.
pub(crate) async fn open_narrow(addr: SocketAddr, bytes: &[u8]) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(2048)?;
    let mut stream = socket.connect(addr).await?;
    stream.write_all(bytes).await?;
    Ok(stream)
}

/// Reads the status of the response.
///
/// # Errors
/// When there is none in time.
pub(crate) async fn status(stream: &mut TcpStream) -> Result<u16> {
    let mut line = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut line)).await.context("no response")??;
    let text = std::str::from_utf8(&line)?;
    Ok(text.rsplit(' ').next().context("no status")?.parse()?)
}

/// Waits until the server closes the connection; false when it does not in time.
pub(crate) async fn is_closed_within(stream: &mut TcpStream, limit: Duration) -> bool {
    let mut bytes = [0; 4096];
    let reading = async { while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {} };
    timeout(limit, reading).await.is_ok()
}
