//! What a server of our own needs for itself: a folder, a port, a password, and someone to run as.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Below the ports that Linux and macOS give to outgoing connections, so that nobody gets the port of a server that is
/// stopped for a while.
const PORTS: Range<u16> = 20_000..32_000;
/// How many ports are tried before giving up.
const PORT_TRIES: u16 = 200;

/// A folder that goes away with the value. It is in the system's place for temporary files, because a server that runs as
/// another user can seldom enter the checkout of the one who runs the tests.
pub(crate) fn folder(name: &str) -> Result<TempDir> {
    tempfile::Builder::new().prefix(&format!("weir-{name}-")).tempdir().context("cannot make a temporary folder")
}

/// A port of 127.0.0.1 that nobody listens on, and that no outgoing connection gets meanwhile.
///
/// # Errors
/// None is free.
pub fn free_port() -> Result<u16> {
    let [high, low] = random::<2>()?;
    let width = PORTS.end - PORTS.start;
    let first = u16::from_be_bytes([high, low]) % width;
    (0..PORT_TRIES)
        .map(|step| PORTS.start + (first + step) % width)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no free port was found")
}

/// 128 bits, in hexadecimal digits. Without a password every user of the machine could become the server's superuser.
pub(crate) fn password() -> Result<String> {
    Ok(random::<16>()?.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.context("cannot read /dev/urandom")?;
    Ok(bytes)
}

/// The end of a server's log, for an error message.
pub(crate) fn tail(log: &Path) -> String {
    const LINES: usize = 10;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_never_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_port_that_is_taken_is_not_given() {
        let port = free_port().unwrap();
        assert!(PORTS.contains(&port));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!((0..50).all(|_| free_port().unwrap() != port));
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let folder = folder("tail").unwrap();
        let log = folder.path().join("log");
        assert_eq!(tail(&log), "");
        fs::write(&log, (1..=30).fold(String::new(), |text, line| format!("{text}{line}\n"))).unwrap();
        assert_eq!(tail(&log), "21\n22\n23\n24\n25\n26\n27\n28\n29\n30");
    }
}
