//! A scripted OpenAI-compatible server: real HTTP and real server-sent events, deterministic answers.

mod control;
mod http;
mod markdown;
mod script;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use control::{RequestRecord, RequestState};
pub use script::{Directives, Failure, answer};

/// How the upstream is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamOptions {
    /// Where it listens; port 0 picks a free one.
    pub addr: SocketAddr,
    /// What its answers are made from: the same seed, model and question give the same answer.
    pub seed: u64,
}

impl Default for UpstreamOptions {
    fn default() -> Self {
        Self { addr: SocketAddr::from(([127, 0, 0, 1], 0)), seed: 1 }
    }
}

/// The same on a command line.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct UpstreamArgs {
    /// The address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port to listen on; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// What the answers are made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl UpstreamArgs {
    /// Serves until the process ends. Its first line of output says where.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(self) -> io::Result<()> {
        let upstream = start(UpstreamOptions { addr: SocketAddr::new(self.host, self.port), seed: self.seed }).await?;
        println!("listening on http://{}", upstream.addr());
        std::future::pending().await
    }
}

/// A running upstream. Dropping it stops it: it accepts nothing more.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    seed: u64,
    requests: Arc<control::Requests>,
    _stop: DropGuard,
}

impl Upstream {
    /// The address to give as `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every chat completion asked for since the start, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.requests.snapshot()
    }

    /// Waits until a request satisfies `wanted`, and gives it; there is no limit in time.
    pub async fn request_where(&self, wanted: impl Fn(&RequestRecord) -> bool) -> RequestRecord {
        self.requests.wait_for(wanted).await
    }

    /// The whole text that `model` answers to `question`: the truth to compare with.
    pub fn answer(&self, model: &str, question: &str) -> String {
        answer(self.seed, model, question)
    }
}

/// Starts an upstream inside this process.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn start(options: UpstreamOptions) -> io::Result<Upstream> {
    let listener = TcpListener::bind(options.addr).await?;
    let addr = listener.local_addr()?;
    let requests = Arc::<control::Requests>::default();
    let stop = CancellationToken::new();
    let app = http::router(options.seed, Arc::clone(&requests));
    let stopped = stop.clone();
    tokio::spawn(async move { stopped.run_until_cancelled(http::serve(listener, app)).await });
    Ok(Upstream { addr, seed: options.seed, requests, _stop: stop.drop_guard() })
}
