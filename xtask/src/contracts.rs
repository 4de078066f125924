//! The contract: Rust types, `web/openapi.json` made from them, and the TypeScript made from that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::pnpm::Pnpm;
use crate::process;
use crate::setup::{self, Purpose};
use crate::stamp;
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// `cargo xtask contracts`: builds the server and writes everything that is generated from its types.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let pnpm = setup::run(workspace, Purpose::Run)?;
    terminal::step("Server", || {
        process::run(workspace.cargo().args(["build", "--locked", "--package", "weir-server"]))
    })?;
    terminal::step("Contract", || generate(workspace, &pnpm))
}

/// Writes web/openapi.json and web/src/types/generated from the built server.
fn generate(workspace: &Workspace, pnpm: &Pnpm) -> Result<()> {
    let weir = workspace.binary(Profile::Dev);
    let mut command = Command::new(&weir);
    command.arg("openapi").stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start {}", weir.display()))?;
    process::check(&command, output.status)?;
    serde_json::from_slice::<serde_json::Value>(&output.stdout).context("`weir openapi` wrote no JSON document")?;
    let document = document(workspace);
    if fs::read(&document).ok().as_deref() != Some(&output.stdout) {
        fs::write(&document, &output.stdout).with_context(|| format!("cannot write {}", document.display()))?;
    }
    process::run(&mut pnpm.web_script("contracts"))
}

/// Generates everything again and fails if that changes a file.
///
/// The files are compared with what they were before, not with a commit: the tree may hold other changes.
pub(crate) fn check_fresh(workspace: &Workspace, pnpm: &Pnpm) -> Result<()> {
    let before = generated(workspace)?;
    generate(workspace, pnpm)?;
    let stale = differences(&before, &generated(workspace)?);
    if !stale.is_empty() {
        bail!(
            "the contract did not match the Rust types: {}; it has been generated again, so look at it and commit it \
             (`cargo xtask contracts` does the same)",
            stale.join(", ")
        );
    }
    println!("    {} generated files match the Rust types", before.len());
    Ok(())
}

type Contents = BTreeMap<PathBuf, Vec<u8>>;

fn document(workspace: &Workspace) -> PathBuf {
    workspace.web().join("openapi.json")
}

fn generated(workspace: &Workspace) -> Result<Contents> {
    let mut paths = stamp::files(&workspace.web().join("src/types/generated"), |_| true)?;
    paths.extend(Some(document(workspace)).filter(|path| path.is_file()));
    paths
        .into_iter()
        .map(|path| {
            let contents = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok((relative(&path, workspace.root()), contents))
        })
        .collect()
}

fn relative(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}

/// What happened to each file that is not the same on both sides.
fn differences(before: &Contents, after: &Contents) -> Vec<String> {
    let gone = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .map(|path| format!("{} is superfluous", path.display()));
    let changed = after.iter().filter_map(|(path, contents)| match before.get(path) {
        None => Some(format!("{} was missing", path.display())),
        Some(earlier) if earlier != contents => Some(format!("{} was stale", path.display())),
        Some(_) => None,
    });
    gone.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(files: &[(&str, &str)]) -> Contents {
        files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let before = contents(&[("kept.ts", "1"), ("edited.ts", "1"), ("left.ts", "1")]);
        let after = contents(&[("kept.ts", "1"), ("edited.ts", "2"), ("new.ts", "1")]);
        assert_eq!(
            differences(&before, &after),
            ["left.ts is superfluous", "edited.ts was stale", "new.ts was missing"]
        );
        assert!(differences(&after, &after).is_empty());
    }
}
