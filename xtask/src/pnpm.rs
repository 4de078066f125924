//! pnpm: found, or installed by npm where the user may write, and the packages of the web app installed with it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use weir_services::find_program;

use crate::prerequisites::major;
use crate::process;
use crate::stamp::Stamp;
use crate::terminal;
use crate::workspace::{Workspace, user_cache};

/// The pnpm that the lockfile was written with; `packageManager` in package.json says the same.
const VERSION: &str = "10.34.9";
/// Any pnpm of this major version reads the lockfile the same way.
const MAJOR: u32 = 10;

/// A pnpm that can be called.
pub(crate) struct Pnpm {
    program: PathBuf,
    root: PathBuf,
}

impl Pnpm {
    /// The pnpm on `PATH`, else the one in Weir's cache folder, else one that npm installs now: globally where the user may
    /// write there, so that `pnpm dev` works afterwards, else into the cache folder.
    pub(crate) fn find_or_install(workspace: &Workspace) -> Result<Self> {
        let cached = user_cache()?.join("pnpm").join(VERSION);
        let cached_program = cached.join("node_modules/.bin/pnpm");
        let found = find_program("pnpm").filter(|program| is_suitable(program));
        let program = match found {
            Some(program) => program,
            None if cached_program.is_file() => cached_program,
            None => terminal::step(&format!("pnpm {VERSION}"), || install(&cached, cached_program))?,
        };
        Ok(Self { program, root: workspace.root().to_path_buf() })
    }

    /// Installs what the lockfile names, unless that is what is installed.
    pub(crate) fn install_dependencies(&self, workspace: &Workspace) -> Result<()> {
        let root = workspace.root();
        let lockfile = root.join("pnpm-lock.yaml");
        if !lockfile.is_file() {
            bail!("{} is missing: run `pnpm install` once and commit it", lockfile.display());
        }
        let mut stamp = Stamp::default().word(VERSION);
        for name in ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", "web/package.json"] {
            stamp = stamp.file(root, &root.join(name))?;
        }
        let kept = root.join("node_modules/.weir-installed");
        if stamp.is_at(&kept) && workspace.web().join("node_modules").is_dir() {
            return Ok(());
        }
        terminal::step("Web packages", || {
            let mut command = self.command();
            // Without a terminal pnpm asks nobody whether it may replace a node_modules folder of another version.
            command.args(["install", "--frozen-lockfile", "--config.confirm-modules-purge=false"]);
            process::run(&mut command)
        })?;
        stamp.keep_at(&kept)
    }

    /// A script of web/package.json.
    pub(crate) fn web_script(&self, script: &str) -> Command {
        let mut command = self.command();
        command.args(["--filter", "web", "--silent", "run", script]);
        command
    }

    /// pnpm at the root of the workspace, without a word of what it is to do.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.root)
            .env("NEXT_TELEMETRY_DISABLED", "1")
            // Weir settles the version of pnpm itself; a second pnpm fetched by the first would only be slower.
            .env("npm_config_manage_package_manager_versions", "false");
        if !terminal::is_terminal() && env::var_os("FORCE_COLOR").is_none() {
            // pnpm asks its scripts for colours even where nobody could see them.
            command.env("NO_COLOR", "1");
        }
        if let Some(path) = self.path_with_pnpm() {
            command.env("PATH", path);
        }
        command
    }

    /// `PATH` beginning with our pnpm's folder, for scripts that call pnpm themselves.
    fn path_with_pnpm(&self) -> Option<OsString> {
        let folder = self.program.parent()?.to_path_buf();
        let rest = env::var_os("PATH")?;
        env::join_paths(std::iter::once(folder).chain(env::split_paths(&rest))).ok()
    }
}

/// Whether this pnpm can be used; corepack's stand-in, which may download another one at any time, cannot.
fn is_suitable(program: &Path) -> bool {
    let version = match manifest_of(program) {
        Some(manifest) if manifest["name"] == "pnpm" => manifest["version"].as_str().map(str::to_owned),
        Some(manifest) if manifest["name"] == "corepack" => None,
        _ => process::answer(Command::new(program).arg("--version")),
    };
    version.as_deref().and_then(major) == Some(MAJOR)
}

/// The package.json of the npm package that a program belongs to: reading it is a hundred times quicker than asking.
fn manifest_of(program: &Path) -> Option<serde_json::Value> {
    let real = fs::canonicalize(program).ok()?;
    let manifest = fs::read(real.parent()?.parent()?.join("package.json")).ok()?;
    serde_json::from_slice(&manifest).ok()
}

fn install(cached: &Path, cached_program: PathBuf) -> Result<PathBuf> {
    // Where the user already has a pnpm of another version, it is left alone.
    let global_prefix = if find_program("pnpm").is_none() { writable_global_prefix() } else { None };
    if global_prefix.is_none() {
        fs::create_dir_all(cached).with_context(|| format!("cannot create {}", cached.display()))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]);
    match &global_prefix {
        Some(_) => npm.arg("--global"),
        None => npm.arg("--prefix").arg(cached),
    };
    npm.arg(format!("pnpm@{VERSION}"));
    process::run(&mut npm).context("npm could not install pnpm")?;
    // npm's global folder may be missing from PATH, so the program is named by its place.
    Ok(global_prefix.map_or(cached_program, |prefix| prefix.join("bin/pnpm")))
}

/// npm's global prefix, if the user may install there.
fn writable_global_prefix() -> Option<PathBuf> {
    let prefix = PathBuf::from(process::answer(Command::new("npm").args(["prefix", "--global", "--loglevel=error"]))?);
    let modules = prefix.join("lib/node_modules");
    let probe = modules.join(format!(".weir-{}", std::process::id()));
    fs::create_dir(&probe).ok()?;
    fs::remove_dir(&probe).ok()?;
    Some(prefix)
}
