//! nginx in front of the instances: in turn, without sticky sessions, and nothing held back.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{net::TcpStream, process::Command, time::sleep};

use super::{Instance, Process, free_address};

/// The longest wait for it to listen.
const STARTING: Duration = Duration::from_secs(10);

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Proxy {
    addr: SocketAddr,
    _process: Process,
}

impl Proxy {
    pub(crate) async fn start(folder: &Path, instances: &[Instance]) -> Result<Self> {
        let program = weir_services::nginx().context("nginx is not installed")?;
        let addr = free_address()?;
        let config = folder.join("nginx.conf");
        fs::write(&config, settings(folder, addr, instances)?)?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::spawn(&mut command)?;
        let begun = Instant::now();
        while TcpStream::connect(addr).await.is_err() {
            ensure!(begun.elapsed() < STARTING, "nginx does not start; see {}", folder.join("nginx.log").display());
            sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { addr, _process: process })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

/// One process, so that ending it leaves no worker behind. A question carries its key, so that another instance may be asked
/// when the first is gone or about to go.
fn settings(folder: &Path, addr: SocketAddr, instances: &[Instance]) -> Result<String> {
    let server = |instance: &Instance| Ok(format!("    server {} max_fails=0;\n", instance.addr()?));
    let servers = instances.iter().map(server).collect::<Result<String>>()?;
    let folder = folder.display();
    Ok(format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/nginx.log warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  \
         fastcgi_temp_path {folder}/fastcgi;\n  uwsgi_temp_path {folder}/uwsgi;\n  scgi_temp_path {folder}/scgi;\n  \
         upstream weir {{\n{servers}  }}\n  \
         server {{\n    listen {addr};\n    location / {{\n      proxy_pass http://weir;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Host $host;\n      proxy_set_header Upgrade $http_upgrade;\n      \
         proxy_set_header Connection $http_connection;\n      proxy_buffering off;\n      proxy_read_timeout 1h;\n      \
         proxy_connect_timeout 1s;\n      proxy_next_upstream error timeout http_503 non_idempotent;\n    }}\n  }}\n}}\n"
    ))
}
