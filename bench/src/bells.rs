//! What a bell between two instances adds to a token's way.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use reqwest::Client;

use crate::{
    machine::{self, quantile},
    process::{self, Running, Shared},
    reader::{self, Seen},
};

/// The load.
#[derive(Args)]
pub(crate) struct BellsArgs {
    /// Answers, one after another; each is read at both instances.
    #[arg(long, default_value_t = 5)]
    answers: u32,
    /// Tokens of each answer.
    #[arg(long, default_value_t = 200)]
    tokens: u32,
    /// Tokens a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

/// Measures each bell whose server is there: `WEIR_TEST_DATABASE_URL`, `WEIR_TEST_REDIS_URL`.
pub(crate) async fn run(args: &BellsArgs) -> Result<()> {
    let database = env::var("WEIR_TEST_DATABASE_URL")
        .context("WEIR_TEST_DATABASE_URL names no PostgreSQL; `cargo xtask services` starts one")?;
    println!("{} answers of {} tokens, {}/s; {}", args.answers, args.tokens, args.rate, machine::description());
    measure("LISTEN/NOTIFY", args, Shared { database: database.clone(), redis: None, people_sign_in: false }).await?;
    let Ok(redis) = env::var("WEIR_TEST_REDIS_URL") else {
        println!("WEIR_TEST_REDIS_URL names no Redis: its bell is SKIPPED");
        return Ok(());
    };
    measure("Redis", args, Shared { database, redis: Some(redis), people_sign_in: false }).await
}

async fn measure(name: &str, args: &BellsArgs, shared: Shared) -> Result<()> {
    let binary = process::weir_binary()?;
    let dir = tempfile::tempdir()?;
    let upstream = process::start_upstream().await?;
    let start = || process::start_shared_weir(&binary, dir.path(), upstream.addr, &shared);
    let (here, there) = (start().await?, start().await?);
    let client = reader::client()?;
    let (mut near, mut far) = (Seen::default(), Seen::default());
    for _ in 0..args.answers {
        let (one, other) = answer(&client, &here, &there, args).await?;
        near.delays.extend(one.delays);
        far.delays.extend(other.delays);
    }
    print(name, "where it is written", &near);
    print(name, "at the other instance", &far);
    here.stop().await?;
    there.stop().await
}

/// One answer, read where it is written and at the other instance.
async fn answer(client: &Client, here: &Running, there: &Running, args: &BellsArgs) -> Result<(Seen, Seen)> {
    let question = format!("[[tokens={} rate={} stamp]]", args.tokens, args.rate);
    let response = reader::ask(client, &format!("http://{}", here.addr), &question).await?;
    let run = response.headers()["weir-run-id"].to_str()?.to_owned();
    let followed = client.get(format!("http://{}/api/realtime/{run}", there.addr)).send().await?.error_for_status()?;
    let (near, far) = tokio::try_join!(reader::follow_weir(response), reader::follow_weir(followed))?;
    if !near.complete || !far.complete || near.delays.len() != far.delays.len() {
        bail!("{} tokens were seen here and {} there", near.delays.len(), far.delays.len());
    }
    Ok((near, far))
}

fn print(name: &str, place: &str, seen: &Seen) {
    let millis = |share| quantile(&seen.delays, share).unwrap_or(Duration::ZERO).as_secs_f64() * 1e3;
    println!("{name:<14} {place:<22} delay p50 {:6.2} ms  p99 {:6.2} ms", millis(0.5), millis(0.99));
}
