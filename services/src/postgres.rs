//! A PostgreSQL server of our own, with one role that owns a database and is no superuser.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::place;
use crate::program::{self, find_program};

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// How often another port is tried when the first was taken between look and start.
const TRIES: usize = 3;
/// How long a start or a stop may take, in seconds.
const PATIENCE: &str = "30";

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Open connections are ended, and everything is written.
    Fast,
    /// As in a crash: the next start recovers from the write-ahead log.
    Immediate,
}

/// A running PostgreSQL server; it ends, and its data with it, when the value is dropped.
pub struct Postgres {
    programs: PathBuf,
    account: Option<Account>,
    folder: TempDir,
    port: u16,
    password: String,
}

/// The user that the server runs as, when we are root, as whom PostgreSQL refuses to run.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Whether the server's programs are there.
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// Makes a cluster, starts it, and makes the role and the database `weir`.
    ///
    /// # Errors
    /// It is not installed, or does not start; the error ends with what it wrote.
    pub fn start() -> Result<Self> {
        let folder = place::folder("postgres")?;
        let mut server = Self {
            programs: programs().context("PostgreSQL is not installed")?,
            account: if geteuid().is_root() { Some(Account::of("postgres")?) } else { None },
            folder,
            port: 0,
            password: place::password()?,
        };
        server.make_cluster()?;
        for last in (1..=TRIES).map(|attempt| attempt == TRIES) {
            server.port = place::free_port()?;
            match server.start_again() {
                Err(error) if last => return Err(error),
                Err(_) => {}
                Ok(()) => break,
            }
        }
        server.make_role()?;
        Ok(server)
    }

    /// The database `weir`, for the role that owns it.
    pub fn url(&self) -> String {
        self.url_of("weir", "weir")
    }

    /// The same database, for the superuser.
    pub fn admin_url(&self) -> String {
        self.url_of("postgres", "weir")
    }

    /// PostgreSQL's command line client.
    pub fn psql(&self) -> PathBuf {
        self.programs.join("psql")
    }

    /// The process that all others of the server descend from.
    ///
    /// # Errors
    /// The server is not running.
    pub fn pid(&self) -> Result<Pid> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).context("PostgreSQL is not running")?;
        let number = file.lines().next().and_then(|line| line.trim().parse().ok());
        number.and_then(Pid::from_raw).context("PostgreSQL's postmaster.pid names no process")
    }

    /// Stops the server and waits for its end; the data stay.
    ///
    /// # Errors
    /// It is not running, or does not stop.
    pub fn stop(&self, shutdown: Shutdown) -> Result<()> {
        let mode = match shutdown {
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        program::run(self.control().args(["--mode", mode, "stop"]))
    }

    /// Starts the server after a stop, where it was before.
    ///
    /// # Errors
    /// It does not start; the error ends with what it wrote.
    pub fn start_again(&self) -> Result<()> {
        let log = self.folder.path().join("log");
        let port = format!("-p {}", self.port);
        program::run(self.control().args(["--options", &port]).arg("--log").arg(&log).arg("start"))
            .with_context(|| place::tail(&log))
    }

    fn url_of(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make_cluster(&self) -> Result<()> {
        let secret = self.folder.path().join("password");
        fs::write(&secret, &self.password).context("cannot write PostgreSQL's password")?;
        if let Some(Account { user, group }) = self.account {
            for path in [self.folder.path(), &secret] {
                chown(path, Some(user), Some(group)).context("cannot give the folder to PostgreSQL")?;
            }
        }
        program::run(
            self.command("initdb")
                .arg("--pgdata")
                .arg(self.data())
                .arg("--pwfile")
                .arg(&secret)
                .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"])
                .arg("--no-sync"),
        )?;
        let mut settings = OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"))
            .context("cannot open PostgreSQL's settings")?;
        // The data live as long as the process, so that nothing has to survive a power cut.
        let ours = "listen_addresses = '127.0.0.1,127.0.1.1,127.0.1.2,127.0.1.3'\nunix_socket_directories = ''\nmax_connections = 200\n\
                    shared_buffers = '64MB'\nfsync = off\nfull_page_writes = off\n";
        settings.write_all(ours.as_bytes()).context("cannot write PostgreSQL's settings")
    }

    fn make_role(&self) -> Result<()> {
        let role = format!("create role weir login password '{}'", self.password);
        program::run(
            self.command("psql")
                .arg(self.url_of("postgres", "postgres"))
                .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", &role])
                .args(["--command", "create database weir owner weir"]),
        )
    }

    fn control(&self) -> Command {
        let mut command = self.command("pg_ctl");
        command.arg("--pgdata").arg(self.data()).args(["--silent", "--wait", "--timeout", PATIENCE]);
        command
    }

    /// One of PostgreSQL's programs, as the server's user, free of the settings of whoever runs the tests.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path());
        for (variable, _) in env::vars_os() {
            if variable.to_str().is_some_and(|variable| variable.starts_with("PG")) {
                command.env_remove(variable);
            }
        }
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Ok(pid) = self.pid() else { return };
        // A test may have left it stopped, and then it would hear nothing.
        let _ = kill_process(pid, Signal::CONT);
        if self.stop(Shutdown::Immediate).is_err() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Account {
    fn of(name: &str) -> Result<Self> {
        let id = |option: &str| -> Result<u32> {
            let output = Command::new("id").args([option, name]).output().context("cannot run `id`")?;
            if !output.status.success() {
                bail!("PostgreSQL does not run as root, and this machine has no user `{name}`");
            }
            String::from_utf8_lossy(&output.stdout).trim().parse().context("`id` told no number")
        };
        Ok(Self { user: id("-u")?, group: id("-g")? })
    }
}

/// The folder of the server's programs: beside the `pg_ctl` on `PATH`, else that of the newest version.
fn programs() -> Option<PathBuf> {
    let on_path = find_program("pg_ctl").and_then(|path| fs::canonicalize(path).ok()?.parent().map(Path::to_path_buf));
    on_path.or_else(|| {
        let versions = fs::read_dir(VERSIONS).ok()?.flatten();
        let newest = versions
            .filter(|entry| entry.path().join("bin/initdb").is_file())
            .max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0))?;
        Some(newest.path().join("bin"))
    })
}
