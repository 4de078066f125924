//! The watcher: what a monitor and another user notice of an attack.
//!
//! It has a thread and connections of its own, and asks from another loopback address than the attacker.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::{findings::Findings, processes};

/// The loopback address of everyone but the attacker.
pub(crate) const OTHER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// How often `/healthz` and `/api/me` are asked for, and how often memory is read.
const INTERVAL: Duration = Duration::from_millis(50);
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// A server beyond this is killed before the machine runs out of memory, in MiB.
const TOO_MUCH_MIB: u64 = 3 * 1024;

/// What the watcher saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The longest that `/healthz` took.
    pub(crate) health: Duration,
    /// The 99th percentile of the other user's `/api/me`.
    pub(crate) me: Duration,
    /// The most memory of the server and its children, in MiB.
    pub(crate) memory_mib: u64,
}

/// A watcher at work.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Seen>>>,
}

impl Watch {
    /// Starts to watch the process that serves `base`, as the user of `token`.
    pub(crate) fn start(pid: Pid, base: &str, token: &str, findings: &Findings) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (base, token, findings, stopped) = (base.to_owned(), token.to_owned(), findings.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(watch(pid, &base, &token, &findings, &stopped))
        });
        Self { stop, thread: Some(thread) }
    }

    /// Stops and returns what was seen.
    ///
    /// # Errors
    /// When the watcher could not work.
    pub(crate) fn end(mut self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("the watcher was stopped before")?;
        thread.join().map_err(|_| anyhow::anyhow!("the watcher panicked"))?
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn watch(pid: Pid, base: &str, token: &str, findings: &Findings, stop: &AtomicBool) -> Result<Seen> {
    let client = || Client::builder().no_proxy().tcp_nodelay(true).local_address(OTHER_ADDRESS).timeout(PATIENCE);
    // A monitor connects anew each time; a user has a connection.
    let (monitor, user) = (client().pool_max_idle_per_host(0).build()?, client().build()?);
    let health = ask_again(&monitor, format!("{base}/healthz"), None, findings, stop);
    let me = ask_again(&user, format!("{base}/api/me"), Some(token), findings, stop);
    let (health, me, memory_mib) = tokio::join!(health, me, memory(pid, findings, stop));
    Ok(Seen { health: health.into_iter().max().unwrap_or_default(), me: p99(me), memory_mib })
}

/// Asks for a URL until `stop` is set; returns how long each answer took.
async fn ask_again(
    http: &Client,
    url: String,
    token: Option<&str>,
    findings: &Findings,
    stop: &AtomicBool,
) -> Vec<Duration> {
    let path = url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let mut request = http.get(&url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let begun = Instant::now();
        match request.send().await {
            Ok(response) if response.status() == 200 => {}
            Ok(response) => {
                findings.add(format!("the other user's /{path} was answered with {}", response.status().as_u16()));
            }
            Err(error) if error.is_timeout() => findings.add(format!("no answer to /{path} within {PATIENCE:?}")),
            Err(_) => findings.add(format!("/{path} cannot be reached")),
        }
        let took = begun.elapsed();
        // Those that would have been asked meanwhile have waited too.
        times.extend((0..).map_while(|missed| took.checked_sub(INTERVAL * missed)));
        sleep(INTERVAL.saturating_sub(took)).await;
    }
    times
}

/// Reads memory until `stop` is set; returns the most, in MiB. Stops a server that takes too much.
async fn memory(pid: Pid, findings: &Findings, stop: &AtomicBool) -> u64 {
    let (id, mut most) = (pid.as_raw_pid(), 0);
    while !stop.load(Ordering::Relaxed) {
        if !processes::is_alive(id) {
            findings.add("the server's process ended");
            break;
        }
        most = most.max(processes::memory_kib(id) / 1024);
        if most > TOO_MUCH_MIB {
            findings.add(format!("the server was killed because it took {most} MiB"));
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(INTERVAL).await;
    }
    most
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let place = (times.len() * 99).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_leaves_out_one_of_a_hundred() {
        let times = |count: u64| (1..=count).map(Duration::from_millis).collect();
        assert_eq!(p99(times(200)), Duration::from_millis(198));
        assert_eq!(p99(times(1)), Duration::from_millis(1));
        assert_eq!(p99(Vec::new()), Duration::ZERO);
    }
}
