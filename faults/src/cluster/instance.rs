//! One server.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{ChildStdout, Command},
    time::timeout,
};

use super::Process;

/// The longest wait for a server that starts.
const STARTING: Duration = Duration::from_secs(30);

/// A server that is started and stopped again and again, always with the same address and data.
#[derive(Debug)]
pub struct Instance {
    binary: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    settings: BTreeMap<&'static str, String>,
    process: Option<Process>,
    /// What it prints after it is ready.
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Instance {
    pub(crate) fn new(
        binary: &Path,
        folder: &Path,
        log: &Path,
        settings: BTreeMap<&'static str, String>,
    ) -> Result<Self> {
        let binary = binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?;
        Ok(Self { binary, folder: folder.to_owned(), log: log.to_owned(), settings, process: None, output: None })
    }

    /// Where it listens, `http://…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.settings["WEIR_ADDR"])
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When it is told something that is no address.
    pub fn addr(&self) -> Result<SocketAddr> {
        Ok(self.settings["WEIR_ADDR"].parse()?)
    }

    /// What it is told; takes effect with the next start.
    pub fn set(&mut self, key: &'static str, value: &str) {
        self.settings.insert(key, value.to_owned());
    }

    /// What it is told.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// Where its data is.
    pub fn data_dir(&self) -> &Path {
        Path::new(&self.settings["WEIR_DATA_DIR"])
    }

    /// The file it writes its log to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it runs, be it frozen or not.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Starts it, and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it ends at once, or does not become ready.
    pub async fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut process = Process::spawn(self.command().stdout(Stdio::piped()).stderr(log))?;
        let mut lines = BufReader::new(process.output().context("no output")?).lines();
        let line = timeout(STARTING, lines.next_line()).await.context("a server does not become ready")??;
        match line {
            Some(line) if line.starts_with("Weir is ready") => {
                self.process = Some(process);
                self.output = Some(lines);
            }
            other => bail!("a server does not start; it said {other:?}, and in its log:\n{}", self.tail()),
        }
        Ok(())
    }

    /// Reads the secret of the setup link, which a server without an administrator prints when it is ready.
    ///
    /// # Errors
    /// When the server prints no link.
    pub async fn setup_secret(&mut self) -> Result<String> {
        let lines = self.output.as_mut().context("the server does not run")?;
        while let Some(line) =
            timeout(STARTING, lines.next_line()).await.context("the server prints no setup link")??
        {
            if let Some((_, secret)) = line.split_once("/setup#") {
                return Ok(secret.to_owned());
            }
        }
        bail!("the server ended before it printed a setup link")
    }

    /// Runs it as one that is expected to end by itself.
    ///
    /// # Errors
    /// When it does not.
    pub async fn run(&self) -> Result<Output> {
        self.run_command(&[]).await
    }

    /// Runs a command of the binary, with the settings of the server.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn run_command(&self, args: &[&str]) -> Result<Output> {
        let mut command = self.command();
        command.args(args);
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(timeout(STARTING, command.output()).await.context("the server does not end")??)
    }

    /// Ends it as a power cut would, without a word of warning. One that does not run stays as it is.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Asks it to stop, and returns at once.
    ///
    /// # Errors
    /// When it does not run.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Stops the process where it stands; the kernel goes on answering for its sockets.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let status = self.process.as_mut().context("the server does not run")?.ended().await?;
        self.process = None;
        Ok(status)
    }

    /// Its process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn process_id(&self) -> Result<Pid> {
        self.process.as_ref().context("the server does not run")?.id()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.process.as_ref().context("the server does not run")?.signal(signal)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        // Neither a weir.toml nor the settings of whoever runs the suite have a say.
        command.current_dir(&self.folder).env_clear().envs(&self.settings);
        command
    }

    /// The last lines of its log.
    fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}
