//! The scripted upstream as a process of its own, for end-to-end tests and measurements.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Parser;
use weir_bench::upstream::{self, UpstreamOptions};

/// A scripted OpenAI-compatible server; see `bench/README.md` for its models and directives.
#[derive(Parser)]
struct Args {
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let options = UpstreamOptions { addr: SocketAddr::new(args.host, args.port), seed: args.seed };
    let upstream = upstream::start(options).await?;
    println!("listening on http://{}", upstream.addr());
    std::future::pending::<()>().await;
    Ok(())
}
