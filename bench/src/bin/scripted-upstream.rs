//! The scripted upstream as a process of its own, for end-to-end tests and measurements.

use clap::Parser;
use weir_bench::upstream::UpstreamArgs;

#[derive(Parser)]
#[command(about = "A scripted OpenAI-compatible server; bench/README.md names its models and directives")]
struct Args {
    #[command(flatten)]
    upstream: UpstreamArgs,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Args::parse().upstream.serve().await?;
    Ok(())
}
