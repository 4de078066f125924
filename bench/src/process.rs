//! The processes that are measured, each stopped when it is dropped.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    time::{sleep, timeout},
};

/// The longest wait for a process to be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// A running process.
pub(crate) struct Running {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// What it writes, line by line; who is measured writes two lines at most.
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Running {
    /// The secret of the link that makes the first person an administrator.
    pub(crate) async fn setup_secret(&mut self) -> Result<String> {
        let lines = self.output.as_mut().context("the process says nothing")?;
        while let Some(line) = timeout(READY_TIMEOUT, lines.next_line()).await.context("it tells no link")?? {
            if let Some((_, secret)) = line.split_once("/setup#") {
                return Ok(secret.to_owned());
            }
        }
        bail!("the process ended")
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the process has ended")
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid =
            i32::try_from(self.pid()?).ok().and_then(rustix::process::Pid::from_raw).context("an odd process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        timeout(READY_TIMEOUT, self.child.wait()).await.context("the process does not end")??;
        Ok(())
    }
}

/// The `weir` binary: `WEIR_BINARY`, or the release build beside this one.
pub(crate) fn weir_binary() -> Result<PathBuf> {
    let binary = match env::var_os("WEIR_BINARY") {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?.with_file_name("weir"),
    };
    if !binary.is_file() {
        bail!("{} is not there; build it with `cargo build --release`, or set WEIR_BINARY", binary.display());
    }
    Ok(binary)
}

/// Starts the scripted upstream in a process of its own.
pub(crate) async fn start_upstream() -> Result<Running> {
    let mut child = Command::new(env::current_exe()?)
        .arg("upstream")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the upstream cannot be started")?;
    let stdout = child.stdout.take().context("the upstream has no output")?;
    let line = BufReader::new(stdout).lines().next_line().await?.context("the upstream ended at once")?;
    let addr = line.rsplit_once("http://").context("the upstream does not say where it is")?.1.parse()?;
    Ok(Running { child, addr, output: None })
}

/// Starts Weir on `data_dir` without a local model, and gives it with the time until it said that it is ready.
pub(crate) async fn start_weir(
    binary: &Path,
    data_dir: &Path,
    upstream: Option<SocketAddr>,
) -> Result<(Running, Duration)> {
    spawn_weir(binary, data_dir, upstream, None).await
}

/// What several instances share.
pub(crate) struct Shared {
    /// The URL of a PostgreSQL.
    pub(crate) database: String,
    /// The URL of a Redis, for the bell.
    pub(crate) redis: Option<String>,
    /// Whether nobody is let in without a credential.
    pub(crate) people_sign_in: bool,
}

/// Starts an instance of Weir that is not the only one.
pub(crate) async fn start_shared_weir(
    binary: &Path,
    data_dir: &Path,
    upstream: SocketAddr,
    shared: &Shared,
) -> Result<Running> {
    Ok(spawn_weir(binary, data_dir, Some(upstream), Some(shared)).await?.0)
}

async fn spawn_weir(
    binary: &Path,
    data_dir: &Path,
    upstream: Option<SocketAddr>,
    shared: Option<&Shared>,
) -> Result<(Running, Duration)> {
    let addr = free_address().await?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"))
        .env("WEIR_ADDR", addr.to_string())
        .env("WEIR_DATA_DIR", data_dir)
        .env("WEIR_LOCAL_MODEL", "off")
        .env("WEIR_DURABILITY", "disk")
        .env("WEIR_LOG", "warn")
        .current_dir(data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if let Some(shared) = shared {
        command.env("WEIR_AUTH", if shared.people_sign_in { "required" } else { "open" });
        command.env("DATABASE_URL", &shared.database);
        command.envs(shared.redis.iter().map(|redis| ("REDIS_URL", redis)));
    }
    if let Some(upstream) = upstream {
        command.env("OPENAI_BASE_URL", format!("http://{upstream}/v1"));
    }
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{} cannot be started", binary.display()))?;
    while !answers(addr, "/readyz").await {
        if let Some(status) = child.try_wait()? {
            bail!("{} ended at once: {status}", binary.display());
        }
        if begun.elapsed() > READY_TIMEOUT {
            bail!("{} does not become ready", binary.display());
        }
        sleep(Duration::from_millis(1)).await;
    }
    let output = child.stdout.take().map(|output| BufReader::new(output).lines());
    Ok((Running { child, addr, output }, begun.elapsed()))
}

/// Starts nginx as a relay of `upstream` that buffers nothing; `None` when it is not installed. It runs as one process, so
/// that stopping it leaves no worker behind.
pub(crate) async fn start_nginx(dir: &Path, upstream: SocketAddr) -> Result<Option<Running>> {
    let Some(binary) = [
        "/usr/sbin/nginx",
        "/usr/local/sbin/nginx",
        "/usr/bin/nginx",
        "/usr/local/bin/nginx",
        "/opt/homebrew/bin/nginx",
    ]
    .iter()
    .find(|path| Path::new(path).is_file()) else {
        return Ok(None);
    };
    let addr = free_address().await?;
    let config = format!(
        "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nerror_log {dir}/error.log warn;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {dir}/body;\n  proxy_temp_path {dir}/proxy;\n  \
         fastcgi_temp_path {dir}/fastcgi;\n  uwsgi_temp_path {dir}/uwsgi;\n  scgi_temp_path {dir}/scgi;\n  \
         server {{\n    listen {addr};\n    location / {{\n      proxy_pass http://{upstream};\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection '';\n      proxy_buffering off;\n      \
         proxy_read_timeout 1h;\n    }}\n  }}\n}}\n",
        dir = dir.display(),
    );
    let path = dir.join("nginx.conf");
    tokio::fs::write(&path, config).await?;
    let child = Command::new(binary)
        .arg("-c")
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("nginx cannot be started")?;
    let begun = Instant::now();
    while !answers(addr, "/v1/models").await {
        if begun.elapsed() > READY_TIMEOUT {
            bail!("nginx does not become ready; see {}", dir.join("error.log").display());
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(Some(Running { child, addr, output: None }))
}

/// Whether `path` is answered with 200.
async fn answers(addr: SocketAddr, path: &str) -> bool {
    let asking = async {
        let mut socket = TcpStream::connect(addr).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut status = [0; 12];
        socket.read_exact(&mut status).await.ok()?;
        Some(&status == b"HTTP/1.1 200")
    };
    timeout(Duration::from_secs(2), asking).await.ok().flatten().unwrap_or(false)
}

async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}
