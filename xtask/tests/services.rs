//! The servers for tests end with whoever asked for them.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn servers_end_when_the_process_that_holds_their_input_is_gone() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["services", "--until-stdin-closes"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    let exports: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let addresses: Vec<&str> = exports.iter().filter_map(|export| address(export)).collect();
    assert_eq!(addresses.len(), 3, "two URLs of PostgreSQL and one of Redis: {exports:?}");
    for address in &addresses {
        TcpStream::connect(address).unwrap();
    }

    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    for address in addresses {
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

/// Host and port of a URL.
fn address(export: &str) -> Option<&str> {
    export.split_once('@')?.1.split(['/', '\'']).next()
}
