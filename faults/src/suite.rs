//! Which faults are played with which seeds, and what is said of it.

use std::{
    env,
    ops::Range,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use futures_util::{StreamExt as _, stream};

use crate::{
    faults, marks, namespace,
    oracle::Verdict,
    play::{Fault, Need, play},
    table::{Line, held, table},
};

/// Plays of the short suite that go on at the same time: most of their time they wait.
const SHORT_JOBS: u32 = 3;

/// Lets real faults happen to a real Weir and fails when an answer suffers; `docs/reliability.md` says what each does.
#[derive(Debug, Parser)]
#[command(name = "weir-faults")]
pub struct Args {
    /// The first seed; the same seed is the same play, as far as the machine lets it be.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds of each fault; unset: what suits the fault.
    #[arg(long)]
    seeds: Option<u64>,
    /// Goes round all faults with ever new seeds for so long, such as 90s, 10m or 8h.
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Plays this fault only; may be given more than once.
    #[arg(long)]
    only: Vec<String>,
    /// Plays that go on at the same time; unset: 3 in the short suite, else 1. Limits of time are longer by as much.
    #[arg(long)]
    jobs: Option<u32>,
    /// The short suite of every test run.
    #[arg(long)]
    short: bool,
    /// Names the faults and ends.
    #[arg(long)]
    list: bool,
    /// Serves the tool that leaves marks in this file, for the servers of a play.
    #[arg(long, hide = true)]
    marks: Option<PathBuf>,
    /// The server; unset: `WEIR_BINARY`, or the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Plays what was asked for and prints the table; tells whether every promise held.
///
/// # Errors
/// When the command line or the machine does not allow it.
pub fn run(args: &Args) -> Result<bool> {
    if let Some(file) = &args.marks {
        return marks::serve(file).map(|()| true);
    }
    let chosen = chosen(&args.only)?;
    if args.list {
        for fault in chosen {
            println!("{}", fault.name());
        }
        return Ok(true);
    }
    let binary = binary(args.binary.clone())?;
    namespace::enter()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let lines = runtime.block_on(play_all(args, &chosen, &binary));
    println!("\n{}", table(&lines));
    Ok(held(&lines))
}

async fn play_all(args: &Args, chosen: &[&'static dyn Fault], binary: &Path) -> Vec<Line> {
    let begun = Instant::now();
    let mut lines: Vec<Line> = chosen.iter().map(|fault| line_of(*fault)).collect();
    let jobs = args.jobs.unwrap_or(if args.short { SHORT_JOBS } else { 1 }).max(1);
    let playable: Vec<usize> = (0..chosen.len()).filter(|place| matches!(lines[*place], Line::Played { .. })).collect();
    let is_over = || args.duration.is_some_and(|limit| begun.elapsed() > limit);
    for round in (0..).take_while(|round| *round == 0 || args.duration.is_some()) {
        let plays = playable.iter().flat_map(|place| seeds(args, chosen[*place], round).map(|seed| (*place, seed)));
        let played = stream::iter(plays.take_while(|_| !is_over())).map(|(place, seed)| {
            let (fault, binary) = (chosen[place], binary.to_owned());
            async move { (place, tokio::spawn(async move { play_one(fault, seed, &binary, jobs).await }).await) }
        });
        let mut played = std::pin::pin!(played.buffer_unordered(jobs as usize));
        while let Some((place, outcome)) = played.next().await {
            let Line::Played { seeds, verdict, failed, .. } = &mut lines[place] else { continue };
            let (of_play, is_good) = outcome.unwrap_or_default();
            *seeds += 1;
            *failed += u64::from(!is_good);
            verdict.add(of_play);
        }
        if is_over() || playable.is_empty() {
            break;
        }
    }
    lines
}

/// The seeds of a fault in one round.
fn seeds(args: &Args, fault: &dyn Fault, round: u64) -> Range<u64> {
    let (short, whole) = fault.seeds();
    let count = match (args.duration, args.seeds) {
        (Some(_), _) => 1,
        (None, Some(count)) => count,
        (None, None) => {
            if args.short {
                short
            } else {
                whole
            }
        }
    };
    args.seed + round * count..args.seed + (round + 1) * count
}

fn line_of(fault: &dyn Fault) -> Line {
    let name = fault.name();
    match fault.needs().into_iter().find_map(Need::missing) {
        Some(why) => Line::Skipped { name, why },
        None => Line::Played { name, seeds: 0, verdict: Verdict::default(), failed: 0 },
    }
}

async fn play_one(fault: &dyn Fault, seed: u64, binary: &Path, jobs: u32) -> (Verdict, bool) {
    let (name, begun) = (fault.name(), Instant::now());
    let verdict = play(fault, seed, binary, jobs)
        .await
        .unwrap_or_else(|error| Verdict { complaints: vec![format!("{error:#}")], ..Verdict::default() });
    let took = begun.elapsed().as_secs_f64();
    if verdict.is_good() {
        println!("{name} --seed {seed}: held, {} answers in {took:.1} s", verdict.runs);
    } else {
        println!(
            "{name} --seed {seed}: FAILED after {took:.1} s; lost {}, doubled {}, out of order {}",
            verdict.lost, verdict.doubled, verdict.disordered
        );
        for complaint in &verdict.complaints {
            println!("    {complaint}");
        }
        println!("    again: cargo xtask faults --only {name} --seed {seed} --seeds 1");
    }
    let is_good = verdict.is_good();
    (verdict, is_good)
}

fn chosen(only: &[String]) -> Result<Vec<&'static dyn Fault>> {
    for name in only {
        ensure!(
            faults::ALL.iter().any(|fault| fault.name() == name),
            "there is no fault {name:?}; there are: {}",
            faults::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ")
        );
    }
    let is_chosen = |fault: &&&dyn Fault| only.is_empty() || only.iter().any(|name| name == fault.name());
    Ok(faults::ALL.iter().filter(is_chosen).copied().collect())
}

fn binary(given: Option<PathBuf>) -> Result<PathBuf> {
    let binary = match given.or_else(|| env::var_os("WEIR_BINARY").map(PathBuf::from)) {
        Some(binary) => binary,
        None => env::current_exe()?.with_file_name("weir"),
    };
    if !binary.is_file() {
        bail!("{} is not there; build it with `cargo build`, or give --binary", binary.display());
    }
    Ok(binary)
}

/// Parses `90s`, `10m` or `8h`.
///
/// # Errors
/// When the text is no duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    let hint = || format!("{text:?} is no duration such as 90s, 10m or 8h");
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(hint)?;
    let count: u64 = count.parse().map_err(|_| hint())?;
    let seconds = match unit {
        "s" => Some(count),
        "m" => count.checked_mul(60),
        "h" => count.checked_mul(3600),
        _ => None,
    };
    seconds.map(Duration::from_secs).ok_or_else(hint)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_a_line_in_the_documentation() {
        let names: BTreeSet<_> = faults::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), faults::ALL.len());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md");
        let text = std::fs::read_to_string(path).unwrap();
        let missing: Vec<_> = names.into_iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/reliability.md says nothing of {missing:?}");
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert!(duration("10").is_err() && duration("").is_err() && duration("µ").is_err());
    }

    #[test]
    fn a_fault_that_is_not_there_is_named() {
        assert!(chosen(&["nothing".to_owned()]).is_err());
        assert_eq!(chosen(&[]).unwrap().len(), faults::ALL.len());
    }
}
