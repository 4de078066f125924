//! `weir mcp`: a client that starts programs speaks over standard input and output with the server that runs.
//!
//! The tools are that server's: its data directory is its own, and approvals are given in its app.

use std::{io, net::SocketAddr, time::Duration};

use rmcp::{
    RoleClient, RoleServer,
    transport::{
        IntoTransport, StreamableHttpClientTransport, Transport, stdio,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};

/// How long the server may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is nothing to speak with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BridgeError {
    /// No server answers.
    #[error("no Weir answers at {0}: {1}. Start one (`weir serve`), or set WEIR_ADDR to where it listens")]
    NoServer(SocketAddr, String),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Carries messages between standard input and output and the server, until either ends.
pub(crate) fn run(addr: SocketAddr, token: Option<String>) -> Result<(), BridgeError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(carry(addr, token))
}

async fn carry(addr: SocketAddr, token: Option<String>) -> Result<(), BridgeError> {
    let no_server = |error: reqwest::Error| BridgeError::NoServer(addr, error.without_url().to_string());
    // The server is on this machine: no proxy stands before it.
    let http = reqwest::Client::builder().no_proxy().build().map_err(no_server)?;
    let alive = http.get(format!("http://{addr}/healthz")).timeout(PATIENCE).send().await;
    alive.and_then(reqwest::Response::error_for_status).map_err(no_server)?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(format!("http://{addr}/mcp"));
    config.auth_header = token;
    let mut server = StreamableHttpClientTransport::with_client(http, config);
    let mut client = IntoTransport::<RoleServer, _, _>::into_transport(stdio());
    loop {
        tokio::select! {
            said = client.receive() => match said {
                Some(message) => Transport::<RoleClient>::send(&mut server, message).await.map_err(io::Error::other)?,
                None => break,
            },
            said = server.receive() => match said {
                Some(message) => client.send(message).await?,
                None => return Err(BridgeError::NoServer(addr, "it closed the connection".to_owned())),
            },
        }
    }
    Ok(server.close().await.map_err(io::Error::other)?)
}
