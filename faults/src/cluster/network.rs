//! What happens to packets, by nftables, in the network namespace of the suite.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::namespace;

/// The rules that are in force; all gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Network {
    table: String,
}

impl Network {
    /// A network in which nothing is wrong yet.
    ///
    /// # Errors
    /// When this is not a network of the suite's own.
    pub(crate) fn open() -> Result<Self> {
        ensure!(namespace::is_inside(), "rules are made in a network of the suite's own only");
        let table = format!("faults_{:x}", fastrand::u64(..));
        nft(&format!(
            "add table inet {table}\nadd chain inet {table} input {{ type filter hook input priority 0; policy accept; }}"
        ))?;
        Ok(Self { table })
    }

    /// Drops every packet from and to a port, in both directions and without a word.
    pub(crate) fn drop_port(&self, port: u16) -> Result<()> {
        self.add(&[format!("tcp dport {port} drop"), format!("tcp sport {port} drop")])
    }

    /// Drops every packet from and to a port of an address, in both directions and without a word.
    pub(crate) fn drop_address(&self, address: &str, port: u16) -> Result<()> {
        self.add(&[
            format!("ip daddr {address} tcp dport {port} drop"),
            format!("ip saddr {address} tcp sport {port} drop"),
        ])
    }

    /// Drops so many packets in a hundred from and to a port, by chance.
    pub(crate) fn lose(&self, port: u16, percent: u32) -> Result<()> {
        let rule = |side: &str| format!("tcp {side} {port} numgen random mod 100 < {percent} drop");
        self.add(&[rule("dport"), rule("sport")])
    }

    /// All is well again.
    pub(crate) fn heal(&self) -> Result<()> {
        nft(&format!("flush chain inet {} input", self.table))
    }

    fn add(&self, rules: &[String]) -> Result<()> {
        let lines = rules.iter().map(|rule| format!("add rule inet {} input {rule}\n", self.table));
        nft(&lines.collect::<String>())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the next play would notice.
        let _ = nft(&format!("delete table inet {}", self.table));
    }
}

fn nft(rules: &str) -> Result<()> {
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("nft cannot be started")?;
    child.stdin.take().context("no input")?.write_all(rules.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "nft refuses: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
