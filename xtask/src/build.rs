//! Building the web app and the binary that carries it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::pnpm::Pnpm;
use crate::process;
use crate::setup::{self, Purpose};
use crate::stamp::Stamp;
use crate::terminal;
use crate::workspace::{Profile, Workspace};

/// What lies in web/ without being a source of the exported app.
const NOT_SOURCES: [&str; 9] = [
    "node_modules",
    ".next",
    "out",
    "dist",
    "tests",
    "test-results",
    "playwright-report",
    "next-env.d.ts",
    "tsconfig.tsbuildinfo",
];

/// `cargo xtask build`: everything, up to the release binary.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let pnpm = setup::run(workspace, Purpose::Run)?;
    release(workspace, &pnpm)?;
    println!("\nBuilt {}", workspace.binary(Profile::Release).display());
    Ok(())
}

/// The release binary with the current web app inside.
pub(crate) fn release(workspace: &Workspace, pnpm: &Pnpm) -> Result<()> {
    if !web_is_current(workspace)? {
        terminal::step("Web app", || web(workspace, pnpm))?;
    }
    terminal::step("Server (release)", || {
        process::run(workspace.cargo().args(["build", "--release", "--locked", "--package", "weir-server"]))
    })
}

/// Whether web/dist was built from the sources as they are now.
pub(crate) fn web_is_current(workspace: &Workspace) -> Result<bool> {
    let has_pages = fs::read_dir(workspace.web().join("dist")).is_ok_and(|mut entries| entries.next().is_some());
    Ok(has_pages && web_stamp(workspace)?.is_at(&web_stamp_place(&workspace.web())))
}

/// Exports the web app to web/dist.
pub(crate) fn web(workspace: &Workspace, pnpm: &Pnpm) -> Result<()> {
    let stamp = web_stamp(workspace)?;
    process::run(&mut pnpm.web_script("build"))?;
    let place = web_stamp_place(&workspace.web());
    if !place.parent().is_some_and(Path::is_dir) {
        bail!("the build of the web app left no folder web/out");
    }
    stamp.keep_at(&place).context("the web app is built, but cannot be marked as current")
}

/// In Next's output folder, which a build by hand replaces, so that the mark can never outlive what it marks.
fn web_stamp_place(web: &Path) -> std::path::PathBuf {
    web.join("out/.weir-built")
}

fn web_stamp(workspace: &Workspace) -> Result<Stamp> {
    let root = workspace.root();
    Stamp::default()
        .file(root, &root.join("pnpm-lock.yaml"))?
        .folder(&workspace.web(), |name| !NOT_SOURCES.contains(&name))
}
