//! A proxy between a server and its database that can lose what is on its way.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use url::Url;

/// Forwards connections to a server. A connection can be made half-open: it stays established, and nothing arrives any more.
#[derive(Debug)]
pub struct Proxy {
    /// Connections that were accepted under an older number are half-open.
    era: Arc<watch::Sender<u64>>,
}

impl Proxy {
    /// A proxy for the server of a URL such as `postgres://user@127.0.0.1:5432/weir`, and the URL that leads through it.
    pub async fn to(url: &str) -> (Self, String) {
        let mut url = Url::parse(url).unwrap();
        let target = (url.host_str().unwrap_or("127.0.0.1").to_owned(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let era = Arc::new(watch::Sender::new(0));
        let current = era.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else { continue };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(forward(from_client, to_server, current.subscribe()));
                tokio::spawn(forward(from_server, to_client, current.subscribe()));
            }
        });
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        (Self { era }, url.to_string())
    }

    /// Makes every connection that is open now half-open. New ones work.
    pub fn lose_connections(&self) {
        self.era.send_modify(|era| *era += 1);
    }
}

/// Forwards bytes, and drops them once the connection is half-open.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, era: watch::Receiver<u64>) -> io::Result<()> {
    let begun = *era.borrow();
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        if *era.borrow() == begun {
            if count == 0 {
                return to.shutdown().await;
            }
            to.write_all(&bytes[..count]).await?;
        } else if count == 0 {
            // Even its end is not heard on the other side.
            std::future::pending::<()>().await;
        }
    }
}
