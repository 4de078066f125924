//! Time to readiness, and memory when idle.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::time::sleep;

use crate::{
    machine::{self, median, quantile},
    process,
};

/// How often, and how long idle.
#[derive(Args)]
pub(crate) struct StartArgs {
    /// How often it is started; the median counts.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// How long it is left alone before its memory is read, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    idle: u64,
}

pub(crate) async fn run(args: &StartArgs) -> Result<()> {
    let binary = process::weir_binary()?;
    let size = std::fs::metadata(&binary)?.len();
    println!("{} rounds; {}", args.rounds, machine::description());
    let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let dir = tempfile::tempdir()?;
        let (weir, took) = process::start_weir(&binary, dir.path(), None).await?;
        first.push(took);
        weir.stop().await?;
        let (weir, took) = process::start_weir(&binary, dir.path(), None).await?;
        again.push(took);
        sleep(Duration::from_millis(args.idle)).await;
        memory.push(machine::resident_kib(weir.pid()?)?);
        weir.stop().await?;
    }
    let millis = |times: &[Duration], share| quantile(times, share).unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        "start to ready, empty data folder:    median {:6.1} ms, worst {:6.1} ms",
        millis(&first, 0.5),
        millis(&first, 1.0)
    );
    println!(
        "start to ready, existing data folder: median {:6.1} ms, worst {:6.1} ms",
        millis(&again, 0.5),
        millis(&again, 1.0)
    );
    #[expect(clippy::cast_precision_loss)]
    let mebibytes = |kib: u64| kib as f64 / 1024.0;
    println!("memory when idle, no model loaded:    median {:6.1} MiB", mebibytes(median(&memory).unwrap_or_default()));
    println!("size of the binary:                          {:6.1} MiB", mebibytes(size / 1024));
    Ok(())
}
