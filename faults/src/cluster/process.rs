//! A process that is started, stopped, frozen and killed on purpose.

use std::{
    env,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// Longer than anything may take to end after it was asked to.
const ENDING: Duration = Duration::from_secs(30);

/// A running process; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts it without input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("{} cannot be started", program(command)))?;
        Ok(Self { child })
    }

    /// What it writes to its output; given once.
    pub(crate) fn output(&mut self) -> Option<tokio::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Its id.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn id(&self) -> Result<Pid> {
        let id = self.child.id().context("the process has ended")?;
        Pid::from_raw(i32::try_from(id)?).context("an odd process id")
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.id()?, signal)?)
    }

    /// Whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(timeout(ENDING, self.child.wait()).await.context("the process does not end")??)
    }
}

fn program(command: &Command) -> String {
    command.as_std().get_program().to_string_lossy().into_owned()
}

/// Whether a program is installed, as the shell would find it, or by its whole path.
pub(crate) fn has_program(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    Path::new(name).is_file() || env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
