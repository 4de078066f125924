//! Where things are in this checkout.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The two profiles that Weir is built with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// What tests, clippy and `cargo xtask dev` share.
    Dev,
    /// What users run.
    Release,
}

impl Profile {
    /// Takes `--release` from the front of the arguments.
    pub(crate) fn taken(arguments: &[String]) -> (Self, &[String]) {
        match arguments.split_first() {
            Some((first, rest)) if first == "--release" => (Self::Release, rest),
            _ => (Self::Dev, arguments),
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The paths of a checkout and of the folder that cargo builds into.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo for the target folder, which `CARGO_TARGET_DIR` or a configuration file may have moved.
    pub(crate) fn locate() -> Result<Self> {
        let manifest_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_folder.parent().context("xtask has no parent folder")?.to_path_buf();
        let answer = cargo(&root)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot run `cargo metadata`")?;
        if !answer.status.success() {
            bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&answer.stderr).trim());
        }
        let metadata: serde_json::Value =
            serde_json::from_slice(&answer.stdout).context("`cargo metadata` gave unreadable JSON")?;
        let target = metadata["target_directory"].as_str().context("`cargo metadata` names no target folder")?;
        Ok(Self { root, target: PathBuf::from(target) })
    }

    /// The root of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the web app.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// A folder for what the commands leave for themselves, apart from what cargo builds.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        let folder = self.target.join("xtask");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }

    /// The `weir` binary of a profile; it may not have been built yet.
    pub(crate) fn binary(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.folder()).join("weir")
    }

    /// The command that builds the server and the programs that test it.
    pub(crate) fn build_programs(&self, profile: Profile) -> Command {
        let mut build = self.cargo();
        build.args(["build", "--workspace", "--bins", "--locked"]);
        // Together with the tests, as in a test run: on its own it would be built with other features of the same dependencies.
        build.arg(if profile == Profile::Release { "--release" } else { "--tests" });
        build
    }

    /// A cargo command in the root of the checkout.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }
}

/// The cargo that started us, so that a toolchain chosen with `cargo +name xtask` stays the same.
///
/// `cargo run` describes the package that it runs in variables such as `CARGO_PKG_NAME`. Build scripts that watch them would
/// run again whenever a developer changes between `cargo xtask …` and plain cargo, so they are not passed on.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_package) {
            command.env_remove(name);
        }
    }
    command
}

fn describes_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// Weir's folder in the user's cache, `$XDG_CACHE_HOME/weir` or `~/.cache/weir`.
pub(crate) fn user_cache() -> Result<PathBuf> {
    let from_environment = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = from_environment("XDG_CACHE_HOME")
        .or_else(|| from_environment("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME names a folder")?;
    Ok(cache.join("weir"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choices_of_the_user_are_passed_on_and_our_own_package_is_not() {
        for kept in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_TERM_COLOR", "CARGO_PROFILE_DEV_DEBUG"] {
            assert!(!describes_package(kept), "{kept}");
        }
        for dropped in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"] {
            assert!(describes_package(dropped), "{dropped}");
        }
    }
}
