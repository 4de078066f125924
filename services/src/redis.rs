//! A Redis server of our own, which keeps nothing on disk.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;
use tempfile::TempDir;

use crate::place;
use crate::program::find_program;

/// How often another port is tried when the first was taken between look and start.
const TRIES: usize = 3;
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a starting server is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A running Redis server; it ends when the value is dropped.
pub struct Redis {
    folder: TempDir,
    port: u16,
    password: String,
    child: Child,
}

impl Redis {
    /// Whether the server's program is there.
    pub fn is_installed() -> bool {
        find_program("redis-server").is_some()
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// It is not installed, or does not start; the error ends with what it wrote.
    pub fn start() -> Result<Self> {
        let folder = place::folder("redis")?;
        let password = place::password()?;
        for last in (1..=TRIES).map(|attempt| attempt == TRIES) {
            let port = place::free_port()?;
            match spawn(&folder, port, &password) {
                Err(error) if last => return Err(error),
                Err(_) => {}
                Ok(child) => return Ok(Self { folder, port, password, child }),
            }
        }
        bail!("Redis was given no try")
    }

    /// Where it is, with the password.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends it at once; there is nothing that it could keep.
    ///
    /// # Errors
    /// The process is not ours any more.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot end Redis")?;
        self.child.wait().context("lost Redis")?;
        Ok(())
    }

    /// Starts it after an end, empty, where it was before.
    ///
    /// # Errors
    /// It does not start; the error ends with what it wrote.
    pub fn start_again(&mut self) -> Result<()> {
        self.kill()?;
        self.child = spawn(&self.folder, self.port, &self.password)?;
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Starts a server in a process group of its own, which Ctrl-C does not reach, and waits until it answers.
fn spawn(folder: &TempDir, port: u16, password: &str) -> Result<Child> {
    let log = folder.path().join("log");
    let mut child = Command::new(find_program("redis-server").context("Redis is not installed")?)
        .arg("-")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start redis-server")?;
    // On standard input, because every user of the machine can read a command line.
    let settings = format!(
        "bind 127.0.0.1 -127.0.1.1 -127.0.1.2 -127.0.1.3\nport {port}\nrequirepass {password}\nsave \"\"\nappendonly no\nlogfile \"{}\"\n",
        log.display()
    );
    if let Some(mut input) = child.stdin.take() {
        input.write_all(settings.as_bytes()).context("cannot write Redis's settings")?;
    }
    let start = Instant::now();
    while !answers(port) {
        if let Some(status) = child.try_wait().context("lost Redis")? {
            bail!("Redis ended at its start ({status}): {}", place::tail(&log));
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            bail!("Redis does not answer: {}", place::tail(&log));
        }
        thread::sleep(POLL);
    }
    Ok(child)
}

/// Whether a server says anything on this port: without the password that is a refusal, which is an answer too.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let mut byte = [0];
    stream.set_read_timeout(Some(PATIENCE)).is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut byte).is_ok()
}
