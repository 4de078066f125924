//! Programs that are not ours; `cargo xtask test` installs them.

use std::{collections::BTreeMap, path::PathBuf, process::Stdio};

use reqwest::{Url, redirect};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

const PROGRAMS: &str = "WEIR_TEST_PROGRAMS";

/// The folder with `node_modules` and `python`; none, and a line that says so, where a test is run by itself.
pub(crate) fn programs() -> Option<PathBuf> {
    let programs = std::env::var_os(PROGRAMS).map(PathBuf::from);
    if programs.is_none() {
        eprintln!("{PROGRAMS} is not set: the programs of others are left out");
    }
    programs
}

/// An authorization server that is not ours, at work; it ends with this value.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) http: reqwest::Client,
    _child: Child,
}

impl Provider {
    /// Runs a script of this folder, which prints its issuer when it is ready.
    pub(crate) async fn start(script: &str, argument: &str) -> Option<Self> {
        let programs = programs()?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(script);
        let mut child = Command::new("node")
            .args([script.as_os_str(), programs.as_os_str(), argument.as_ref()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let issuer = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Some(Self { issuer, http, _child: child })
    }

    /// A fresh browser there: from the address that Weir sends it to, to the one that it is sent back to.
    pub(crate) async fn visit(&self, mut url: Url) -> Url {
        let mut cookies = BTreeMap::new();
        while url.host_str() == Some("127.0.0.1") {
            let line: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = self.http.get(url.clone()).header("cookie", line.join("; ")).send().await.unwrap();
            for line in answer.headers().get_all("set-cookie") {
                let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = answer.headers().get("location") else { panic!("{}", answer.text().await.unwrap()) };
            url = url.join(location.to_str().unwrap()).unwrap();
        }
        url
    }
}
