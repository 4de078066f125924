//! `cargo xtask services`, and the same servers for the commands that run tests.
//!
//! The servers are held by a process of their own, which ends them as soon as the process that asked for them is gone,
//! whether that ended, failed, or was killed.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use weir_services::Services;

use crate::process;
use crate::setup;

/// Names and values of variables for the programs that run tests.
pub(crate) type Environment = BTreeMap<String, String>;

/// The argument that stands for [`Lifetime::Parent`]; it is for our own use, so the help is silent about it.
const FOR_PARENT: &str = "--until-stdin-closes";
/// How often the end is looked for.
const POLL: Duration = Duration::from_millis(50);

/// How long the servers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Until Ctrl-C.
    Interrupt,
    /// As long as the process that holds the other end of our standard input.
    Parent,
}

impl Lifetime {
    /// Reads the arguments of the command; nothing when they make no sense.
    pub(crate) fn parse(arguments: &[String]) -> Option<Self> {
        match arguments {
            [] => Some(Self::Interrupt),
            [only] if only == FOR_PARENT => Some(Self::Parent),
            _ => None,
        }
    }
}

/// Starts the servers, prints the variables by which tests find them, and ends them at the end of their lifetime.
pub(crate) fn run(lifetime: Lifetime) -> Result<()> {
    let stop = process::stop_request()?;
    if lifetime == Lifetime::Interrupt {
        setup::servers()?;
    } else {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            // An error is an end as well.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            stop.store(true, Ordering::Relaxed);
        });
    }
    let services = Services::start()?;
    let mut stdout = io::stdout();
    for (name, value) in services.environment() {
        writeln!(stdout, "export {name}='{value}'")?;
    }
    // Whoever waits for the variables has them all at an empty line.
    writeln!(stdout)?;
    if lifetime == Lifetime::Interrupt {
        writeln!(stdout, "Enter these in the terminal that runs the tests; Ctrl-C here ends the servers.")?;
    }
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(POLL);
    }
    drop(services);
    Ok(())
}

/// Servers that run as long as this value, and never longer than this process.
pub(crate) struct Running {
    holder: Child,
    environment: Environment,
}

impl Running {
    /// Starts the servers and waits until they answer. What keeps them from it stands on stderr.
    pub(crate) fn start() -> Result<Self> {
        let mut holder = Command::new(own_program()?)
            .args(["services", FOR_PARENT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for us alone: the holder notices our end.
            .process_group(0)
            .spawn()
            .context("cannot start the holder of the servers")?;
        let output = holder.stdout.take();
        let mut running = Self { holder, environment: Environment::new() };
        running.environment = output.map_or_else(|| Ok(Environment::new()), read_exports)?;
        Ok(running)
    }

    /// The variables by which tests find the servers.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // On the way out, where nobody could do anything about an error.
        let _ = self.holder.wait();
    }
}

/// This very program. A build in between may have put another one in its place, so on Linux it is not found by its name.
fn own_program() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    env::current_exe().context("cannot find our own program")
}

/// Reads `export NAME='VALUE'` up to an empty line.
fn read_exports(output: impl Read) -> Result<Environment> {
    let mut environment = Environment::new();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read the servers' variables")?;
        if line.is_empty() {
            return Ok(environment);
        }
        let export = line.strip_prefix("export ").and_then(|export| export.split_once('='));
        let Some((name, value)) = export else { bail!("`{line}` is no variable") };
        environment.insert(name.to_owned(), value.trim_matches('\'').to_owned());
    }
    bail!("the servers did not start")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_up_to_the_empty_line() {
        let output = "export WEIR_TEST_REDIS_URL='redis://:secret=1@127.0.0.1:20001'\nexport OTHER='x y'\n\nrest\n";
        let environment = read_exports(output.as_bytes()).unwrap();
        assert_eq!(environment["WEIR_TEST_REDIS_URL"], "redis://:secret=1@127.0.0.1:20001");
        assert_eq!(environment["OTHER"], "x y");
        assert_eq!(environment.len(), 2);
    }

    #[test]
    fn an_end_before_the_empty_line_is_a_failed_start() {
        let error = read_exports("export ONE='1'\n".as_bytes()).unwrap_err().to_string();
        assert!(error.contains("did not start"), "{error}");
    }

    #[test]
    fn only_our_own_argument_is_known() {
        assert_eq!(Lifetime::parse(&[]), Some(Lifetime::Interrupt));
        assert_eq!(Lifetime::parse(&[FOR_PARENT.to_owned()]), Some(Lifetime::Parent));
        assert_eq!(Lifetime::parse(&["--fast".to_owned()]), None);
    }
}
