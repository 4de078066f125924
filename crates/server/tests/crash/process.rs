//! A `weir` process with a data directory and an upstream.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use weir_bench::upstream::{self, Upstream, UpstreamOptions};
use weir_testkit::soon;

/// What outlives the processes: their data, and the upstream that knows the truth.
pub(crate) struct World {
    pub(crate) upstream: Upstream,
    folder: TempDir,
    settings: BTreeMap<&'static str, String>,
}

/// A running server.
pub(crate) struct Weir {
    /// `http://127.0.0.1:…`
    pub(crate) url: String,
    child: Child,
}

impl World {
    pub(crate) async fn new(settings: &[(&'static str, &str)]) -> Self {
        // Whoever sends a request first would have to do this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let upstream = upstream::start(UpstreamOptions::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut all = BTreeMap::from([
            ("WEIR_ADDR", "127.0.0.1:0".to_owned()),
            ("WEIR_DATA_DIR", folder.path().join("data").display().to_string()),
            ("WEIR_LOCAL_MODEL", "off".to_owned()),
            ("WEIR_MODEL", "openai/scripted-fast".to_owned()),
            ("OPENAI_BASE_URL", upstream.base_url()),
            ("OPENAI_CONTINUES", "true".to_owned()),
        ]);
        all.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        Self { upstream, folder, settings: all }
    }

    pub(crate) fn set(&mut self, key: &'static str, value: &str) {
        self.settings.insert(key, value.to_owned());
    }

    /// Goes away with the world.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the servers keep their data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the upstream answers to `question` when nobody disturbs it.
    pub(crate) fn truth(&self, question: &str) -> String {
        self.upstream.answer("scripted-fast", question)
    }

    /// Starts a server and waits until it says that it is ready.
    pub(crate) async fn start(&self) -> Weir {
        let mut child = self.command(&[]).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon("the server to be ready", lines.next_line()).await.unwrap().expect("the server lives");
        let url = line.strip_prefix("Weir is ready: ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let weir = Weir { url, child };
        assert_eq!(weir.get("/readyz").await.status(), 200);
        weir
    }

    /// Runs a server that is expected to end by itself.
    pub(crate) async fn run(&self) -> Output {
        self.command_to_the_end(&[]).await
    }

    /// Runs a command of the binary to its end.
    pub(crate) async fn command_to_the_end(&self, args: &[&str]) -> Output {
        soon("the process to end", self.command(args).stderr(Stdio::piped()).output()).await.unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args);
        // Neither a weir.toml nor the settings of whoever runs the tests have a say.
        command.current_dir(self.folder.path()).env_clear().envs(&self.settings).env("WEIR_LOG", "error");
        // Where PostgreSQL's programs are.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command
    }
}

fn binary() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_weir")).to_owned()
}

impl Weir {
    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let sent = reqwest::Client::new().get(format!("{}{path}", self.url)).send();
        soon("an answer", sent).await.unwrap()
    }

    /// Ends it as a power cut would, without a word of warning.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Lets it have so many file descriptors from now on.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_descriptors(&self, count: u64) {
        let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limit.current = Some(count);
        let id = Pid::from_raw(i32::try_from(self.child.id().expect("it runs")).unwrap());
        rustix::process::prlimit(id, rustix::process::Resource::Nofile, limit).unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let id = i32::try_from(self.child.id().expect("it runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        soon("the process to end", self.child.wait()).await.unwrap()
    }
}
