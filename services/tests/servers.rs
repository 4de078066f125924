//! The servers as tests use them: they answer, to those who know the password only, and are gone with their value.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use weir_services::{Postgres, Redis, Shutdown};

/// What `psql` answers to a statement; its complaint, if it has one.
fn query(server: &Postgres, url: &str, statement: &str) -> Result<String, String> {
    let output = Command::new(server.psql())
        .args([url, "--no-psqlrc", "--tuples-only", "--no-align", "--no-password", "--command", statement])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// What Redis answers to some lines.
fn say(redis: &Redis, lines: &str) -> String {
    let mut stream = TcpStream::connect(address(&redis.url())).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn address(url: &str) -> &str {
    url.split_once('@').unwrap().1.split('/').next().unwrap()
}

fn password(url: &str) -> &str {
    let credentials = url.split_once("://").unwrap().1.split_once('@').unwrap().0;
    credentials.split_once(':').unwrap().1
}

#[test]
fn postgresql_keeps_what_was_committed_through_an_immediate_stop() {
    let server = Postgres::start().unwrap();
    let role = "select current_user, rolsuper from pg_roles where rolname = current_user";
    assert_eq!(query(&server, &server.url(), role), Ok("weir|f".to_owned()));
    assert_eq!(query(&server, &server.admin_url(), role), Ok("postgres|t".to_owned()));
    query(&server, &server.url(), "create table kept as select 7 as number").unwrap();

    let before = server.pid().unwrap();
    server.stop(Shutdown::Immediate).unwrap();
    assert!(query(&server, &server.url(), "select 1").is_err());
    server.start_again().unwrap();
    assert_ne!(server.pid().unwrap(), before);
    assert_eq!(query(&server, &server.url(), "select number from kept"), Ok("7".to_owned()));

    let url = server.url();
    drop(server);
    let error = TcpStream::connect(address(&url)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn postgresql_wants_the_password() {
    let server = Postgres::start().unwrap();
    let wrong = server.admin_url().replace(password(&server.admin_url()), "guessed");
    let complaint = query(&server, &wrong, "select 1").unwrap_err();
    assert!(complaint.contains("password authentication failed"), "{complaint}");
}

#[test]
fn redis_answers_those_who_know_the_password_and_comes_back_empty() {
    let mut redis = Redis::start().unwrap();
    let enter = format!("AUTH {}\r\n", password(&redis.url()));
    assert!(say(&redis, "GET key\r\n").starts_with("-NOAUTH"));
    assert_eq!(say(&redis, &format!("{enter}SET key 1\r\nGET key\r\n")), "+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n");
    redis.kill().unwrap();
    redis.start_again().unwrap();
    assert_eq!(say(&redis, &format!("{enter}GET key\r\n")), "+OK\r\n$-1\r\n+OK\r\n");

    let url = redis.url();
    drop(redis);
    let error = TcpStream::connect(address(&url)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}
