//! The binary where people sign in: what it prints, and whom it sees.

use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use weir_testkit::soon;

use crate::people::PASSWORD;

struct Weir {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Weir {
    async fn start(folder: &TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
            .env("WEIR_ADDR", "127.0.0.1:0")
            .env("WEIR_AUTH", "required")
            .env("WEIR_LOCAL_MODEL", "off")
            .env("WEIR_DATA_DIR", folder.path().join("data"))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = soon("the server", lines.next_line()).await.unwrap().unwrap();
        let url = ready.strip_prefix("Weir is ready: ").unwrap_or_else(|| panic!("{ready}")).to_owned();
        Self { url, lines, child }
    }

    /// The secret of the link that it prints.
    async fn link(&mut self) -> String {
        let line = soon("the link", self.lines.next_line()).await.unwrap().unwrap();
        let (_, secret) = line.split_once(&format!("{}/setup#", self.url)).unwrap_or_else(|| panic!("{line}"));
        secret.to_owned()
    }

    async fn stop(mut self) {
        soon("the end", self.child.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn auth_2_each_start_prints_a_link_until_there_is_an_administrator() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut first = Weir::start(&folder).await;
    let old = first.link().await;
    assert_eq!(old.len(), 43, "256 bits as base64url");
    first.stop().await;
    let mut second = Weir::start(&folder).await;
    let new = second.link().await;
    let set_up = async |secret: &str| {
        let body = json!({ "secret": secret, "email": "ada@example.org", "name": "Ada", "password": PASSWORD });
        http.post(format!("{}/api/auth/setup", second.url)).json(&body).send().await.unwrap()
    };
    assert_eq!(set_up(&old).await.status(), 403);
    let made = set_up(&new).await;
    assert_eq!(made.status(), 201);
    let cookie = made.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let devices = http.get(format!("{}/api/me/devices", second.url)).header("cookie", &cookie).send().await.unwrap();
    let devices: Value = devices.json().await.unwrap();
    assert_eq!(devices["items"][0]["address"], "127.0.0.1");
    second.stop().await;
    let mut third = Weir::start(&folder).await;
    let me = http.get(format!("{}/api/me", third.url)).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(me.status(), 200, "a sign-in outlives the process");
    soon("the end", third.child.kill()).await.unwrap();
    assert_eq!(third.lines.next_line().await.unwrap(), None, "no link is printed any more");
}
