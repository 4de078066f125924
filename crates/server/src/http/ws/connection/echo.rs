//! The cases of the Autobahn test suite, played by kosoku against an echo of this very connection.

use std::{collections::BTreeMap, env, fs, path::Path, process::Stdio};

use serde::Deserialize;
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
};
use tokio_tungstenite::accept_async_with_config;

use super::{Broken, Bytes, Connection, Data, FrameMeter, Received, limits};

/// The folder of its Python package; `cargo xtask test` installs it and says so.
const KOSOKU: &str = "WEIR_TEST_KOSOKU";
/// The suite's largest messages.
const LARGEST: usize = 16 * 1024 * 1024;
/// Compression is not spoken.
const COMPRESSION: [&str; 2] = ["12.*", "13.*"];

/// How a case ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    behavior: String,
    behavior_close: String,
}

impl Case {
    fn has_passed(&self) -> bool {
        let passed = |behavior: &str| ["OK", "NON-STRICT", "INFORMATIONAL"].contains(&behavior);
        passed(&self.behavior) && passed(&self.behavior_close)
    }
}

async fn echo(stream: TcpStream) {
    let Ok(socket) = accept_async_with_config(stream, Some(limits(LARGEST))).await else { return };
    // No client sends before it has the answer to its handshake.
    let mut connection = Connection::with(FrameMeter::unlimited(socket.into_inner()), LARGEST).await;
    let broken = loop {
        let sent = match connection.receive().await {
            Ok(Received::Text(text)) => connection.send(text.to_string()).await,
            Ok(Received::Binary(bytes)) if bytes.is_empty() => connection.write(Bytes::new().into()).await,
            Ok(Received::Binary(bytes)) => connection.send_in_pieces(bytes, Data::Binary).await,
            Ok(Received::Ping | Received::Pong) => Ok(()),
            Err(broken) => Err(broken),
        };
        if let Err(broken) = sent {
            break broken;
        }
    };
    if let Broken::Breach(reason) = broken {
        connection.close(reason).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ws_21_the_cases_of_the_autobahn_suite_pass() {
    let Some(kosoku) = env::var_os(KOSOKU) else {
        eprintln!("NOT TESTED: the Autobahn cases, because {KOSOKU} does not say where it is");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    let report = tempfile::tempdir().unwrap();
    let mut command = Command::new("python3");
    command.arg(Path::new(&kosoku).join("bin/kosoku")).env("PYTHONPATH", &kosoku);
    for cases in COMPRESSION {
        command.args(["--exclude", cases]);
    }
    command.args(["--parallelism", "4", "--outdir"]).arg(report.path()).arg(addr.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    // Its own status is about more than what counts here.
    command.status().await.unwrap();
    let index = fs::read_to_string(report.path().join("index.json")).expect("kosoku's report");
    let index: BTreeMap<String, BTreeMap<String, Case>> = serde_json::from_str(&index).unwrap();
    let cases: Vec<_> = index.values().flatten().collect();
    assert!(cases.len() > 200, "{} cases are not the suite", cases.len());
    println!("{} cases", cases.len());
    let failed: Vec<_> = cases.into_iter().filter(|(_, case)| !case.has_passed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
