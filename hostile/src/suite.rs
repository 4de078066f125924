//! Which plays are played, on which database, and the report.

use std::{
    env,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use tokio::time::timeout;
use weir_faults::{Database, duration};
use weir_services::Postgres;

use crate::{
    generate, odd_mcp,
    plays::{self, Play},
    scene::{Scene, Stage, lenient},
    table::{Line, Outcome, passed, table},
    watch::Seen,
};

/// The longest that a play may take.
const LIMIT: Duration = Duration::from_mins(5);
/// The longest that `/healthz` may take during an attack.
const HEALTH: Duration = Duration::from_millis(100);
/// The longest that 99 of 100 requests of another user may take during an attack.
const ME: Duration = Duration::from_millis(500);

/// Attacks a real server and fails when it ends, when another user has to wait, or when the attacker receives what they may not.
#[derive(Debug, Parser)]
#[command(name = "weir-hostile")]
pub struct Args {
    /// The seed of random input.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays only these; may be given more than once.
    #[arg(long)]
    only: Vec<String>,
    /// The database: sqlite or postgres; unset: both.
    #[arg(long, value_parser = database)]
    database: Option<Database>,
    /// The short part, which belongs to every test run.
    #[arg(long)]
    short: bool,
    /// Generates input for each parser for so long, such as 90s, 10m or 8h, instead of the plays.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    generate: Option<Duration>,
    /// Lists the plays or, with --generate, the generators.
    #[arg(long)]
    list: bool,
    /// Serves the tools of an MCP server of this kind, for the servers of a play.
    #[arg(long, hide = true)]
    mcp: Option<String>,
    /// The server; unset: `WEIR_BINARY`, or the one beside this program.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Plays what the arguments name and prints the table; returns whether every play passed.
///
/// # Errors
/// When the arguments or the machine do not allow it.
pub fn run(args: &Args) -> Result<bool> {
    if let Some(kind) = &args.mcp {
        return odd_mcp::serve(kind, args.seed).map(|()| true);
    }
    let names: Vec<&'static str> = match args.generate {
        Some(_) => generate::ALL.iter().map(|generator| generator.name()).collect(),
        None => plays::ALL.iter().map(|play| play.name()).collect(),
    };
    if let Some(unknown) = args.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("{unknown:?} is unknown; choose from: {}", names.join(", "));
    }
    let is_chosen = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    if args.list {
        names.iter().filter(|name| is_chosen(name)).for_each(|name| println!("{name}"));
        return Ok(true);
    }
    let binary = binary(args.binary.clone())?;
    // The usual one: the server must not depend on a stricter one.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o022));
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let lines = runtime.block_on(async {
        match args.generate {
            Some(time) => generate::run(&binary, args.seed, time, is_chosen).await,
            None => play_all(args, &binary, is_chosen).await,
        }
    });
    println!("\n{}", table(&lines));
    Ok(passed(&lines))
}

async fn play_all(args: &Args, binary: &Path, is_chosen: impl Fn(&str) -> bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for play in plays::ALL.iter().filter(|play| is_chosen(play.name())) {
        for database in [Database::Sqlite, Database::Postgres] {
            let is_wanted = match args.database {
                Some(only) => only == database,
                None => !args.short || play.short_databases().contains(&database),
            };
            if is_wanted {
                lines.push(play_one(*play, binary, database, args).await);
            }
        }
    }
    lines
}

async fn play_one(play: &dyn Play, binary: &Path, database: Database, args: &Args) -> Line {
    let (name, begun) = (play.name(), Instant::now());
    let database_name = label(database);
    let missing = (database == Database::Postgres && !Postgres::is_installed())
        .then(|| "needs PostgreSQL (Debian: postgresql)".to_owned());
    if let Some(why) = missing.or_else(|| play.missing()) {
        println!("{name} on {database_name}: not played: {why}");
        return Line { name, database: database_name, outcome: Outcome::Skipped(why) };
    }
    let (seen, violations) = match play_on(play, binary, database, args).await {
        Ok(outcome) => outcome,
        Err(error) => (Seen::default(), vec![format!("{error:#}")]),
    };
    let took = begun.elapsed().as_secs_f64();
    if violations.is_empty() {
        println!("{name} on {database_name}: passed in {took:.1} s");
    } else {
        println!("{name} on {database_name}: FAILED after {took:.1} s");
        for violation in &violations {
            println!("    {violation}");
        }
        println!("    again: cargo xtask hostile --only {name} --seed {}", args.seed);
    }
    Line { name, database: database_name, outcome: Outcome::Played(seen, violations) }
}

async fn play_on(play: &dyn Play, binary: &Path, database: Database, args: &Args) -> Result<(Seen, Vec<String>)> {
    let (model, settings) = (play.model(), play.settings());
    let stage = Stage { database, model, settings, seed: args.seed, is_short: args.short };
    let mut scene = Scene::open(binary, stage).await?;
    let watch = scene.watch()?;
    let attacked = timeout(LIMIT, play.attack(&mut scene)).await.context("the play does not end").flatten();
    let seen = watch.end()?;
    judge(&scene, &seen, play.memory_mib());
    if let Err(error) = attacked {
        scene.findings.add(format!("{error:#}"));
    } else if scene.weir().is_running() {
        let checked = timeout(LIMIT, play.aftermath(&mut scene)).await.context("the aftermath does not end").flatten();
        if let Err(error) = checked {
            scene.findings.add(format!("afterwards: {error:#}"));
        }
    }
    Ok((seen, violations(&scene)))
}

/// Returns all violations of a scene, and prints the end of the server's log when there are some.
pub(crate) fn violations(scene: &Scene) -> Vec<String> {
    let logs = scene.cluster.logs();
    scene.check(!logs.contains("panicked"), || "the server's log shows a panic".to_owned());
    let violations = scene.findings.list();
    if !violations.is_empty() {
        let lines: Vec<&str> = logs.lines().collect();
        eprintln!("--- the end of the server's log\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
    }
    violations
}

/// Compares what the watcher saw with the bounds.
pub(crate) fn judge(scene: &Scene, seen: &Seen, memory: u64) {
    let (health, me) = (lenient(HEALTH), lenient(ME));
    scene.check(seen.health <= health, || format!("/healthz took {:?}, more than {health:?}", seen.health));
    scene.check(seen.me <= me, || format!("p99 of the other user's /api/me is {:?}, more than {me:?}", seen.me));
    scene.check(seen.memory_mib <= memory, || {
        format!("the server and its children took {} MiB, more than {memory} MiB", seen.memory_mib)
    });
}

fn label(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "SQLite",
        Database::Postgres => "PostgreSQL",
    }
}

fn binary(given: Option<PathBuf>) -> Result<PathBuf> {
    let binary = match given.or_else(|| env::var_os("WEIR_BINARY").map(PathBuf::from)) {
        Some(binary) => binary,
        None => env::current_exe()?.with_file_name("weir"),
    };
    ensure!(binary.is_file(), "{} does not exist; build it with `cargo build`, or use --binary", binary.display());
    Ok(binary)
}

/// Each of the attacker's connections takes a file descriptor.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("the limit of file descriptors cannot be raised: {error}");
    }
}

fn database(text: &str) -> Result<Database, String> {
    match text {
        "sqlite" => Ok(Database::Sqlite),
        "postgres" => Ok(Database::Postgres),
        _ => Err(format!("{text:?} is neither sqlite nor postgres")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_play_and_generator_has_its_own_name_and_a_line_in_the_documentation() {
        let names = plays::ALL.iter().map(|play| play.name());
        let names: Vec<_> = names.chain(generate::ALL.iter().map(|generator| generator.name())).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hostile.md");
        let text = std::fs::read_to_string(path).unwrap();
        let missing: Vec<_> = names.into_iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/hostile.md lacks {missing:?}");
    }
}
