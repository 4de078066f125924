//! Processor time for each token relayed.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use futures_util::future::try_join_all;
use reqwest::Client;

use crate::{
    machine::{self, median, quantile},
    process::{self, Running},
    reader::{self, Dialect},
};

/// The load, and how often it is applied.
#[derive(Args)]
pub(crate) struct RelayArgs {
    /// Streams at the same time, each with a reader.
    #[arg(long, default_value_t = 20)]
    streams: u32,
    /// Tokens a second of each stream.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// How long each round lasts, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// How often everything is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Fails when Weir needs more microseconds of processor time for a token than this.
    #[arg(long)]
    budget: Option<f64>,
}

/// One server under the load.
struct Target<'a> {
    name: &'static str,
    dialect: Dialect,
    addr: SocketAddr,
    /// The process whose time is counted; `None` where nothing stands between reader and upstream.
    process: Option<&'a Running>,
    rounds: Vec<Round>,
}

/// What one round gave.
#[derive(Clone, Copy)]
struct Round {
    /// Microseconds of processor time a token.
    cpu: Option<f64>,
    tokens_per_second: f64,
    p50: Duration,
    p99: Duration,
}

pub(crate) async fn run(args: &RelayArgs) -> Result<()> {
    let binary = process::weir_binary()?;
    let dir = tempfile::tempdir()?;
    let upstream = process::start_upstream().await?;
    let (weir, _) = process::start_weir(&binary, dir.path(), Some(upstream.addr)).await?;
    let nginx_dir = tempfile::tempdir()?;
    let nginx = process::start_nginx(nginx_dir.path(), upstream.addr).await?;
    let client = reader::client()?;

    println!(
        "{} streams × {} tokens/s, {} rounds of {} s; {}",
        args.streams,
        args.rate,
        args.rounds,
        args.seconds,
        machine::description()
    );
    let target = |name, dialect, addr, process| Target { name, dialect, addr, process, rounds: Vec::new() };
    let mut targets = vec![
        target("nobody", Dialect::OpenAi, upstream.addr, None),
        target("weir", Dialect::Weir, weir.addr, Some(&weir)),
    ];
    match &nginx {
        Some(nginx) => targets.push(target("nginx", Dialect::OpenAi, nginx.addr, Some(nginx))),
        None => println!("nginx is not installed: the comparison with it is SKIPPED (apt-get install nginx)"),
    }
    for target in &targets {
        // What is done once only, connections and first pages of memory, is not what is measured.
        load(&client, target, args, 1).await?;
    }
    for _ in 0..args.rounds {
        for target in &mut targets {
            let round = measure(&client, target, args).await?;
            print(target.name, &round);
            target.rounds.push(round);
        }
    }

    println!("\nmedian of {} rounds", args.rounds);
    let mut weir_cpu = None;
    for target in &targets {
        let of =
            |value: fn(&Round) -> f64| median(&target.rounds.iter().map(value).collect::<Vec<_>>()).unwrap_or_default();
        let round = Round {
            cpu: target.process.map(|_| of(|round| round.cpu.unwrap_or_default())),
            tokens_per_second: of(|round| round.tokens_per_second),
            p50: Duration::from_secs_f64(of(|round| round.p50.as_secs_f64())),
            p99: Duration::from_secs_f64(of(|round| round.p99.as_secs_f64())),
        };
        print(target.name, &round);
        if target.name == "weir" {
            weir_cpu = round.cpu;
        }
    }
    if let Some(times) = times_nginx(&targets) {
        println!("weir needs {times:.2} times the processor time of nginx");
    }
    println!("weir's memory after the load: {:.1} MiB", mebibytes(machine::resident_kib(weir.pid()?)?));
    if let (Some(budget), Some(cpu)) = (args.budget, weir_cpu)
        && cpu > budget
    {
        bail!("{cpu:.1} µs a token are more than the budget of {budget} µs");
    }
    Ok(())
}

/// How many times the processor time of nginx Weir needs: the median of rounds, each with its own nginx.
fn times_nginx(targets: &[Target<'_>]) -> Option<f64> {
    let needed = |name| {
        let target = targets.iter().find(|target| target.name == name)?;
        Some(target.rounds.iter().filter_map(|round| round.cpu))
    };
    let times: Vec<f64> = needed("weir")?.zip(needed("nginx")?).map(|(weir, nginx)| weir / nginx).collect();
    median(&times)
}

async fn measure(client: &Client, target: &Target<'_>, args: &RelayArgs) -> Result<Round> {
    let used = || target.process.map(|process| machine::cpu_time(process.pid()?)).transpose();
    let (before, begun) = (used()?, Instant::now());
    let delays = load(client, target, args, args.rate * args.seconds).await?;
    let (after, wall) = (used()?, begun.elapsed());
    #[expect(clippy::cast_precision_loss)]
    let tokens = delays.len() as f64;
    let cpu = before.zip(after).map(|(before, after)| after.saturating_sub(before).as_secs_f64() * 1e6 / tokens);
    let share = |share| quantile(&delays, share).unwrap_or_default();
    Ok(Round { cpu, tokens_per_second: tokens / wall.as_secs_f64(), p50: share(0.5), p99: share(0.99) })
}

/// Runs all streams to their ends, `tokens` each, and gives every token's delay. Fails when a single token is missing.
async fn load(client: &Client, target: &Target<'_>, args: &RelayArgs, tokens: u32) -> Result<Vec<Duration>> {
    let question = format!("[[tokens={tokens} rate={} stamp]]", args.rate);
    let base = format!("http://{}", target.addr);
    let readers = (0..args.streams).map(|_| {
        let (client, base, question) = (client.clone(), base.clone(), question.clone());
        let dialect = target.dialect;
        async move { tokio::spawn(async move { reader::read(&client, dialect, &base, &question).await }).await? }
    });
    let mut delays = Vec::new();
    for seen in try_join_all(readers).await? {
        if !seen.complete || seen.delays.len() != tokens as usize {
            bail!("{}: {} of {tokens} tokens came, complete: {}", target.name, seen.delays.len(), seen.complete);
        }
        delays.extend(seen.delays);
    }
    Ok(delays)
}

fn print(name: &str, round: &Round) {
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let cpu = round.cpu.map_or_else(|| "      –".to_owned(), |cpu| format!("{cpu:7.1}"));
    println!(
        "through {name:<7} {cpu} µs CPU/token  {:7.0} tokens/s  delay p50 {:6.2} ms  p99 {:6.2} ms",
        round.tokens_per_second,
        millis(round.p50),
        millis(round.p99)
    );
}

#[expect(clippy::cast_precision_loss)]
fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
