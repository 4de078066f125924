//! What is known against the packages that Weir is built from: `cargo deny` and `pnpm audit`, where they and what they need to know
//! can be had. Where they cannot, one line says so and nothing is counted.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use weir_services::find_program;

use crate::pnpm::Pnpm;
use crate::process;
use crate::workspace::Workspace;

/// What `RustSec` knows; cargo-deny keeps a copy of it.
const RUSTSEC: &str = "https://github.com/RustSec/advisory-db";
/// How long it may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(15);

/// Licences, sources and bans of the Rust packages (`deny.toml`), and what `RustSec` knows against them. Whether anything was asked.
///
/// # Errors
/// When something is found, or the program cannot be started.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<bool> {
    if find_program("cargo-deny").is_none() {
        println!(
            "    cargo-deny is not installed, so nothing was asked: `cargo install --locked cargo-deny` changes that"
        );
        return Ok(false);
    }
    let mut deny = workspace.cargo();
    deny.args(["deny", "--workspace", "--locked"]);
    if answers(RUSTSEC) {
        deny.arg("check");
    } else {
        println!("    {RUSTSEC} does not answer, so known vulnerabilities were not asked for");
        deny.args(["--offline", "check", "bans", "licenses", "sources"]);
    }
    process::run(&mut deny).map(|()| true)
}

/// What the registry knows against the npm packages that reach a browser. Whether it answered.
///
/// # Errors
/// When something of at least moderate severity is found, or pnpm cannot be started.
pub(crate) fn pnpm_audit(pnpm: &Pnpm) -> Result<bool> {
    let mut audit = pnpm.command();
    audit.args(["audit", "--prod", "--audit-level", "moderate"]);
    let finished = process::run_recorded(&mut audit)?;
    if has_no_answer(&finished.output) {
        println!("    the registry answers no audits, so nothing was asked");
        return Ok(false);
    }
    process::check(&audit, finished.status).map(|()| true)
}

/// Whether pnpm could not ask, as its error codes say.
fn has_no_answer(output: &str) -> bool {
    ["ERR_PNPM_AUDIT_BAD_RESPONSE", "ERR_PNPM_AUDIT_ENDPOINT_NOT_EXISTS", "ERR_PNPM_META_FETCH_FAIL", "ENOTFOUND"]
        .iter()
        .any(|code| output.contains(code))
}

/// Whether a git repository answers in time.
fn answers(repository: &str) -> bool {
    let mut git = Command::new("git");
    git.args(["ls-remote", "--exit-code", repository, "HEAD"]).env("GIT_TERMINAL_PROMPT", "0");
    let Ok(mut child) = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        return false;
    };
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use super::has_no_answer;

    #[test]
    fn a_registry_without_audits_is_no_finding() {
        assert!(has_no_answer(" ERR_PNPM_AUDIT_BAD_RESPONSE  The audit endpoint responded with 405"));
        assert!(!has_no_answer("1 vulnerabilities found\nSeverity: 1 high"));
    }
}
