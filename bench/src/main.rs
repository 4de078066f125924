//! `weir-bench`: the repeatable measurements.

mod bells;
mod connections;
mod machine;
mod process;
mod reader;
mod relay;
mod revocations;
mod start;

use clap::{Parser, Subcommand};
use weir_bench::upstream::UpstreamArgs;

/// Measures a release build of Weir; bench/README.md says how to read the figures.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What the bell between two instances adds to a token's way.
    Bells(bells::BellsArgs),
    /// Processor time of the server for each token relayed, and what it adds to the token's way.
    Relay(relay::RelayArgs),
    /// How long what is open in somebody's name at one instance outlives its revocation at another.
    Revocations(revocations::RevocationsArgs),
    /// Memory for each WebSocket and each reader that is open and silent.
    Connections(connections::ConnectionsArgs),
    /// Time from the start of the process to readiness, and memory when idle.
    Start(start::StartArgs),
    /// The scripted OpenAI-compatible upstream by itself.
    Upstream(UpstreamArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Bells(args) => bells::run(&args).await,
        Command::Relay(args) => relay::run(&args).await,
        Command::Revocations(args) => revocations::run(&args).await,
        Command::Connections(args) => connections::run(&args).await,
        Command::Start(args) => start::run(&args).await,
        Command::Upstream(args) => Ok(args.serve().await?),
    }
}
