//! What building, running and testing Weir needs of the machine, and how to come by what is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use weir_services::find_program;

use crate::process;
use crate::setup::Purpose;
use crate::terminal::enumeration;

/// The oldest Node.js that the web app is built with.
const NODE_MAJOR: u32 = 20;
/// What a Chromium is called on the systems where it is found on `PATH`.
const CHROMIUM_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// Where macOS keeps its browsers.
const CHROMIUM_BUNDLES: [&str; 2] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// One thing that is not there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Its name in a sentence.
    pub(crate) name: String,
    /// How to come by it.
    pub(crate) remedy: Remedy,
}

/// The way to a missing thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Debian's packages; elsewhere the system's own package manager.
    Packages(&'static [&'static str]),
    /// Something to do by hand.
    Advice(&'static str),
}

impl Missing {
    fn package(name: &str, packages: &'static [&'static str]) -> Self {
        Self { name: name.to_owned(), remedy: Remedy::Packages(packages) }
    }

    fn advice(name: impl Into<String>, advice: &'static str) -> Self {
        Self { name: name.into(), remedy: Remedy::Advice(advice) }
    }
}

/// Looks for everything and names what is missing, in the order in which a person would install it.
pub(crate) fn missing(purpose: Purpose, may_install: bool) -> Vec<Missing> {
    // These three start a program each; together they take as long as the slowest.
    let (node, python, components) = thread::scope(|scope| {
        let node = scope.spawn(node);
        let python = scope.spawn(python);
        let components = scope.spawn(move || if purpose == Purpose::Test { rust_components() } else { Vec::new() });
        (node.join(), python.join(), components.join())
    });
    let mut missing: Vec<Missing> = components.unwrap_or_default();
    missing.extend(node.unwrap_or_default());
    missing.extend(python.unwrap_or_default());
    if find_program("cmake").is_none() {
        missing.push(Missing::package("cmake", &["cmake"]));
    }
    if ["make", "gmake", "ninja"].iter().all(|name| find_program(name).is_none()) {
        missing.push(Missing::package("make", &["make"]));
    }
    if !has_libclang() {
        missing.push(Missing::package("libclang", &["libclang-dev"]));
    }
    if ["g++", "clang++", "c++"].iter().all(|name| find_program(name).is_none()) {
        missing.push(Missing::package("g++", &["g++"]));
    }
    if purpose == Purpose::Test && chromium().is_none() {
        missing.push(Missing::package("Chromium", &["chromium"]));
    }
    if purpose == Purpose::Test {
        missing.extend(missing_servers());
    }
    if purpose == Purpose::Test && may_install {
        missing.extend(missing_fault_tools());
    }
    missing
}

/// What some faults are made with. Without it they are left out, and only that is said.
fn missing_fault_tools() -> Vec<Missing> {
    let libraries = || folders_in("/usr/lib", "").into_iter().any(|folder| folder.join("faketime").is_dir());
    let tools = [
        (find_program("ip").is_some(), "ip", ["iproute2"].as_slice()),
        (find_program("nft").is_some(), "nft", &["nftables"]),
        (find_program("mkfs.ext4").is_some(), "mkfs.ext4", &["e2fsprogs"]),
        (libraries(), "libfaketime", &["libfaketime"]),
    ];
    absent(tools)
}

fn absent<const N: usize>(known: [(bool, &str, &'static [&'static str]); N]) -> Vec<Missing> {
    let absent = known.into_iter().filter(|(is_there, ..)| !is_there);
    absent.map(|(_, name, packages)| Missing::package(name, packages)).collect()
}

/// The servers that tests start for themselves.
pub(crate) fn missing_servers() -> Vec<Missing> {
    let servers = [
        (weir_services::Postgres::is_installed(), "PostgreSQL", ["postgresql"].as_slice()),
        (weir_services::Redis::is_installed(), "Redis", &["redis-server"]),
        (weir_services::nginx().is_some(), "nginx", &["nginx"]),
    ];
    absent(servers)
}

/// The browser for the end-to-end tests.
pub(crate) fn chromium() -> Option<PathBuf> {
    let bundled = CHROMIUM_BUNDLES.iter().map(PathBuf::from).find(|path| path.is_file());
    CHROMIUM_NAMES.iter().find_map(|name| find_program(name)).or(bundled)
}

/// One sentence that names all that is missing and what to do about it.
pub(crate) fn sentence(missing: &[Missing], has_apt: bool) -> String {
    let names: Vec<String> = missing.iter().map(|item| item.name.clone()).collect();
    let mut remedies: Vec<String> = Vec::new();
    let packages = packages(missing);
    if !packages.is_empty() {
        remedies.push(if has_apt {
            format!("run `sudo apt-get install {}`", packages.join(" "))
        } else {
            let wanted: Vec<String> = missing
                .iter()
                .filter(|item| matches!(item.remedy, Remedy::Packages(_)))
                .map(|item| item.name.clone())
                .collect();
            format!("install {} with your system's package manager", enumeration(&wanted))
        });
    }
    for item in missing {
        if let Remedy::Advice(advice) = item.remedy
            && !remedies.iter().any(|known| known == advice)
        {
            remedies.push(advice.to_owned());
        }
    }
    format!("this machine lacks {}: {}, then try again", enumeration(&names), enumeration(&remedies))
}

/// The Debian packages of all that is missing.
pub(crate) fn packages(missing: &[Missing]) -> Vec<&'static str> {
    missing
        .iter()
        .filter_map(|item| match item.remedy {
            Remedy::Packages(packages) => Some(packages),
            Remedy::Advice(_) => None,
        })
        .flatten()
        .copied()
        .collect()
}

fn node() -> Vec<Missing> {
    let advice = "install Node.js from https://nodejs.org/en/download";
    match process::answer(Command::new("node").arg("--version")) {
        Some(version) if major(&version).is_some_and(|major| major >= NODE_MAJOR) => Vec::new(),
        Some(version) => {
            vec![Missing::advice(format!("Node.js {NODE_MAJOR} or newer (found {version})"), advice)]
        }
        None => vec![Missing::advice(format!("Node.js {NODE_MAJOR} or newer"), advice)],
    }
}

fn python() -> Vec<Missing> {
    if process::answer(Command::new("python3").args(["-m", "pip", "--version"])).is_some() {
        return Vec::new();
    }
    if process::answer(Command::new("python3").arg("--version")).is_some() {
        return vec![Missing::package("pip for Python 3", &["python3-pip"])];
    }
    vec![Missing::package("Python 3 with pip", &["python3", "python3-pip"])]
}

fn rust_components() -> Vec<Missing> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(command, _)| process::answer(Command::new(&cargo).args([command, "--version"])).is_none())
        .map(|(_, component)| Missing::advice(component, "run `rustup component add rustfmt clippy`"))
        .collect()
}

/// `20` for `v20.11.1`.
pub(crate) fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// bindgen needs the library and, to find `stddef.h`, the headers that belong to it: a lone runtime library is not enough.
fn has_libclang() -> bool {
    if let Some(chosen) = env::var_os("LIBCLANG_PATH") {
        return Path::new(&chosen).exists();
    }
    if cfg!(target_os = "macos") {
        return find_program("clang").is_some();
    }
    let from_llvm_config = process_llvm_config();
    let numbered = folders_in("/usr/lib", "llvm-").into_iter().map(|folder| folder.join("lib"));
    let usual = ["/usr/lib64", "/usr/lib", "/usr/local/lib"].into_iter().map(PathBuf::from);
    from_llvm_config.into_iter().chain(numbered).chain(usual).any(|folder| {
        let has_library = folders_in(&folder, "libclang").iter().any(|path| is_libclang(path));
        let has_headers =
            folders_in(folder.join("clang"), "").iter().any(|version| version.join("include/stddef.h").is_file());
        has_library && has_headers
    })
}

fn process_llvm_config() -> Option<PathBuf> {
    find_program("llvm-config")?;
    process::answer(Command::new("llvm-config").arg("--libdir")).map(PathBuf::from)
}

fn is_libclang(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (name.starts_with("libclang.so") || name.starts_with("libclang-")) && name.contains(".so") && !name.contains("cpp")
}

/// The entries of a folder whose name begins with `prefix`; none when there is no such folder.
fn folders_in(folder: impl AsRef<Path>, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several() -> Vec<Missing> {
        vec![
            Missing::advice(
                "Node.js 20 or newer (found v18.19.0)",
                "install Node.js from https://nodejs.org/en/download",
            ),
            Missing::package("cmake", &["cmake"]),
            Missing::package("libclang", &["libclang-dev"]),
        ]
    }

    #[test]
    fn one_sentence_names_everything_and_the_remedies() {
        assert_eq!(
            sentence(&several(), true),
            "this machine lacks Node.js 20 or newer (found v18.19.0), cmake and libclang: \
             run `sudo apt-get install cmake libclang-dev` and install Node.js from https://nodejs.org/en/download, \
             then try again"
        );
    }

    #[test]
    fn without_apt_the_things_are_named_and_not_debian_s_packages() {
        assert_eq!(
            sentence(&several()[1..], false),
            "this machine lacks cmake and libclang: install cmake and libclang with your system's package manager, \
             then try again"
        );
    }

    #[test]
    fn the_same_advice_is_given_once() {
        let advice = "run `rustup component add rustfmt clippy`";
        let missing = [Missing::advice("rustfmt", advice), Missing::advice("clippy", advice)];
        assert_eq!(
            sentence(&missing, true),
            "this machine lacks rustfmt and clippy: run `rustup component add rustfmt clippy`, then try again"
        );
    }

    #[test]
    fn versions_are_read_with_and_without_a_v() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("10.34.9"), Some(10));
        assert_eq!(major("nightly"), None);
    }

    #[test]
    fn only_libclang_itself_counts_as_libclang() {
        for name in ["libclang.so", "libclang-14.so.1", "libclang.so.14.0.6"] {
            assert!(is_libclang(Path::new(name)), "{name}");
        }
        for name in ["libclang-cpp.so.14", "libclang.a", "libclangAST.so"] {
            assert!(!is_libclang(Path::new(name)), "{name}");
        }
    }
}
