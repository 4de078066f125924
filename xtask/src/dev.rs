//! `cargo xtask dev`: Next's dev server with hot reload in front of the Rust server, which is rebuilt and restarted when its
//! sources change.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::model;
use crate::process;
use crate::setup::{self, Purpose};
use crate::stamp;
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// Where the browser goes: Next's dev server.
const WEB_PORT: u16 = 3000;
/// Where Next's dev server passes requests on to: the Rust server.
const SERVER_PORT: u16 = 3001;
/// How often sources and children are looked at.
const POLL: Duration = Duration::from_millis(500);
/// How long a child may take to end before it is killed; the server's own grace ends earlier.
const GRACE: Duration = Duration::from_secs(12);
/// How often an ending child is looked at.
const END_POLL: Duration = Duration::from_millis(20);

/// Runs both servers until Ctrl-C, or until Next's ends.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let pnpm = setup::run(workspace, Purpose::Run)?;
    for port in [WEB_PORT, SERVER_PORT] {
        if TcpListener::bind(address(port)).is_err() {
            bail!("port {port} is taken: end the program that listens on it, then try again");
        }
    }
    terminal::step("Server", || build_server(workspace))?;
    model::pull_if_wanted(&workspace.binary(Profile::Dev));
    terminal::heading("Development servers");

    let stop = process::stop_request()?;
    let mut sources = Sources::new(workspace)?;
    let mut server = Service::start("server", &mut server_command(workspace))?;
    let mut web = pnpm.web_script("dev");
    web.args(["--hostname", "127.0.0.1", "--port", &WEB_PORT.to_string()])
        .env("WEIR_DEV_SERVER", format!("http://{}", address(SERVER_PORT)));
    let mut web = Service::start("web", &mut web)?;

    let mut announced = false;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(POLL);
        if let Some(status) = web.newly_ended()? {
            bail!("Next's dev server has ended ({status})");
        }
        if let Some(status) = server.newly_ended()? {
            println!("[xtask] the Rust server has ended ({status}); it is started again when crates/ change");
        }
        if sources.have_settled_anew()? {
            println!("[xtask] crates/ have changed: building");
            match build_server(workspace) {
                Ok(()) => {
                    server.stop()?;
                    server = Service::start("server", &mut server_command(workspace))?;
                }
                Err(_) => println!("[xtask] that did not compile: the server of before stays"),
            }
        }
        if !announced && [WEB_PORT, SERVER_PORT].iter().all(|port| TcpStream::connect(address(*port)).is_ok()) {
            println!("[xtask] open http://{} (Ctrl-C ends both servers)", address(WEB_PORT));
            announced = true;
        }
    }
    web.stop()?;
    server.stop()
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn build_server(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args(["build", "--package", "weir-server"]))
}

fn server_command(workspace: &Workspace) -> Command {
    let mut command = Command::new(workspace.binary(Profile::Dev));
    command.current_dir(workspace.root()).arg("serve").env("WEIR_ADDR", address(SERVER_PORT).to_string());
    if std::env::var_os("WEIR_DEV_ORIGIN").is_none() {
        // Pages come from Next's dev server, under either name of this machine.
        command.env("WEIR_DEV_ORIGIN", format!("http://{},http://localhost:{WEB_PORT}", address(WEB_PORT)));
    }
    if std::env::var_os("WEIR_SHUTDOWN_GRACE").is_none() {
        // Nobody wants to wait for open streams after each edit.
        command.env("WEIR_SHUTDOWN_GRACE", "1s");
    }
    command
}

/// A server in a process group of its own, so that it can be ended together with everything that it has started.
struct Service {
    name: &'static str,
    child: Child,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Running,
    Ended,
}

impl Service {
    fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{}`", process::describe(command)))?;
        Ok(Self { name, child, state: State::Running })
    }

    /// How it ended, told once.
    fn newly_ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.state == State::Ended {
            return Ok(None);
        }
        let ended = self.child.try_wait().with_context(|| format!("lost the {} server", self.name))?;
        if ended.is_some() {
            self.state = State::Ended;
        }
        Ok(ended)
    }

    /// Asks it to end, and makes it when it does not.
    fn stop(&mut self) -> Result<()> {
        if self.state == State::Ended {
            return Ok(());
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while self.newly_ended()?.is_none() {
            if Instant::now() > deadline {
                self.signal(Signal::KILL);
                self.child.wait().with_context(|| format!("lost the {} server", self.name))?;
                self.state = State::Ended;
                return Ok(());
            }
            thread::sleep(END_POLL);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // The group may just have ended by itself, which is what is wanted.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // On the way out with an error that is already being told.
        let _ = self.stop();
    }
}

/// The files that the Rust server is made of, watched by their times and sizes.
struct Sources {
    folder: PathBuf,
    manifests: [PathBuf; 2],
    built: Vec<Fingerprint>,
    seen: Vec<Fingerprint>,
}

type Fingerprint = (PathBuf, Option<SystemTime>, u64);

impl Sources {
    fn new(workspace: &Workspace) -> Result<Self> {
        let root = workspace.root();
        let mut sources = Self {
            folder: root.join("crates"),
            manifests: [root.join("Cargo.toml"), root.join("Cargo.lock")],
            built: Vec::new(),
            seen: Vec::new(),
        };
        sources.seen = sources.fingerprints()?;
        sources.built.clone_from(&sources.seen);
        Ok(sources)
    }

    /// Whether they differ from the last time that this was so, and have not changed since the last look: an editor or a
    /// `git switch` may be in the middle of its work.
    fn have_settled_anew(&mut self) -> Result<bool> {
        let now = self.fingerprints()?;
        let settled = now == self.seen;
        self.seen = now;
        if !settled || self.seen == self.built {
            return Ok(false);
        }
        self.built.clone_from(&self.seen);
        Ok(true)
    }

    fn fingerprints(&self) -> Result<Vec<Fingerprint>> {
        let mut paths = stamp::files(&self.folder, |name| !name.starts_with('.'))?;
        paths.extend(self.manifests.iter().cloned());
        // A file that has vanished since it was listed will be missing at the next look.
        let known = paths.into_iter().filter_map(|path| {
            let file = path.metadata().ok()?;
            Some((path, file.modified().ok(), file.len()))
        });
        Ok(known.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::process::test_kill_process_group;

    use super::*;

    #[test]
    fn sources_settle_once_after_each_change() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-sources-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("lib.rs"), "1").unwrap();
        let manifests = [folder.join("Cargo.toml"), folder.join("Cargo.lock")];
        let mut sources = Sources { folder: folder.clone(), manifests, built: Vec::new(), seen: Vec::new() };
        sources.seen = sources.fingerprints().unwrap();
        sources.built.clone_from(&sources.seen);

        assert!(!sources.have_settled_anew().unwrap());
        fs::write(folder.join("lib.rs"), "changed").unwrap();
        assert!(!sources.have_settled_anew().unwrap(), "it may still be changing");
        assert!(sources.have_settled_anew().unwrap());
        assert!(!sources.have_settled_anew().unwrap(), "one change is one build");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_service_ends_with_everything_that_it_started() {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "sleep 600 & wait"]);
        let mut service = Service::start("test", &mut shell).unwrap();
        let start = Instant::now();
        service.stop().unwrap();
        assert!(start.elapsed() < GRACE);
        let group = Pid::from_child(&service.child);
        let gone = (0..100).any(|_| {
            thread::sleep(END_POLL);
            test_kill_process_group(group).is_err()
        });
        assert!(gone, "a process of the group is still there");
    }
}
