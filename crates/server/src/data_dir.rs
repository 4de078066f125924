//! The data directory, which one process at a time may use, and only its user may read.

mod restore;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::Mode,
    process::{geteuid, umask},
};

/// How long a server that was killed a moment ago may take to be gone.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);
/// Permission bits of a directory that only its user reads.
const DIRECTORY_MODE: u32 = 0o700;
/// Permission bits of a file that only its user reads.
pub(crate) const FILE_MODE: u32 = 0o600;
/// The bits that let the group and everyone else in.
const FOREIGN_BITS: u32 = 0o077;
/// The bit of a directory in which every user may create files, such as `/tmp`.
const STICKY_BIT: u32 = 0o1000;
const ROOT: u32 = 0;

/// Makes everything that this process and its children create readable by its user only.
pub(crate) fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// The directory and the lock on it. The operating system releases the lock when the process ends, for any reason.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, closes it and its files to other users, and locks it for this process. Makes an empty
    /// database if there is none, and completes a restore that was interrupted.
    ///
    /// # Errors
    /// When it is no directory, belongs to another user, cannot be used, or another server uses it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let data_dir = Self::lock(path)?;
        if let Some(aside) = data_dir.complete_restore()? {
            tracing::info!(aside = %aside.display(), "completed a restore that was interrupted");
        }
        // SQLite gives its journal and shared memory the permissions of the database.
        private_file(&data_dir.database())?;
        Ok(data_dir)
    }

    /// As [`Self::open`], but leaves the database as it is.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn lock(path: &Path) -> io::Result<Self> {
        check_link(path)?;
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)?;
        let path = path.canonicalize()?;
        check_owner(&path)?;
        check_use(&path)?;
        let corrected = close(&path)?;
        if corrected > 0 {
            tracing::warn!(
                directory = %path.display(),
                corrected,
                "other users could read the data directory; it is closed to them now"
            );
        }
        let lock = private_file(&path.join("weir.lock"))?;
        let patience = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < patience => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(io::Error::other("another Weir server is using it")),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        Self::database_in(&self.path)
    }

    /// The path of the database in a data directory, whether it exists or not.
    pub(crate) fn database_in(path: &Path) -> PathBuf {
        path.join("weir.db")
    }
}

/// Refuses a symbolic link that another user may point somewhere else.
fn check_link(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let (owner, own) = (found.uid(), geteuid().as_raw());
    if found.is_symlink() && owner != own && owner != ROOT {
        return Err(io::Error::other(format!(
            "it is a symbolic link of user id {owner}, who could point it elsewhere; replace it, or set WEIR_DATA_DIR to a directory of its own"
        )));
    }
    Ok(())
}

/// Refuses a directory of another user, who could read and change everything in it. Root may use every directory, as in a
/// container with a mounted one.
fn check_owner(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    let (owner, own) = (found.uid(), geteuid().as_raw());
    if owner == own {
        return Ok(());
    }
    if own == ROOT {
        tracing::warn!(directory = %path.display(), owner, "the data directory belongs to another user, who can read it");
        return Ok(());
    }
    Err(io::Error::other(format!(
        "it belongs to user id {owner}, but this process runs as user id {own}; run `chown -R {own} {}` as root, or set \
         WEIR_DATA_DIR to another directory",
        path.display()
    )))
}

/// Refuses to close a directory to other users that is plainly not Weir's alone, such as `/tmp` or `/var/lib`.
fn check_use(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & STICKY_BIT != 0 {
        return Err(io::Error::other("every user may create files in it; set WEIR_DATA_DIR to a directory of its own"));
    }
    if mode & FOREIGN_BITS == 0 || DataDir::database_in(path).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // What a mounted volume or an earlier start may have left.
        if !name.starts_with('.') && !name.starts_with("weir.") && name != "lost+found" {
            return Err(io::Error::other(format!(
                "it is open to other users and contains files that are not Weir's, such as {name}; set WEIR_DATA_DIR to a directory \
                 of its own, or run `chmod 700 {}`",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Takes every permission of other users from a directory and what is in it; how many entries had one. Symbolic links are not
/// followed.
fn close(path: &Path) -> io::Result<usize> {
    // First the directory itself: from then on nobody else reaches what is in it.
    let mut corrected = usize::from(restrict(path, &fs::metadata(path)?)?);
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, found) = (entry.path(), entry.metadata()?);
            if found.is_symlink() {
                continue;
            }
            match restrict(&path, &found) {
                Ok(was_open) => corrected += usize::from(was_open),
                // It may be another user's file, or the file system knows no permissions. The directory is closed.
                Err(error) => tracing::warn!(file = %path.display(), %error, "the permissions cannot be changed"),
            }
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(corrected)
}

/// Takes the permissions of other users from one entry; whether it had one.
fn restrict(path: &Path, found: &fs::Metadata) -> io::Result<bool> {
    let mode = found.permissions().mode();
    if mode & FOREIGN_BITS == 0 {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(mode & !FOREIGN_BITS & 0o7777))?;
    Ok(true)
}

/// Opens a file that only this user reads, and creates it if it is missing.
fn private_file(path: &Path) -> io::Result<File> {
    check_link(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    // It may be a link of this user's to a file elsewhere.
    let mode = file.metadata()?.permissions().mode();
    if mode & FOREIGN_BITS != 0 {
        file.set_permissions(Permissions::from_mode(mode & !FOREIGN_BITS & 0o7777))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn edge_19_a_data_directory_that_others_could_read_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (data, outside) = (folder.path().join("a/data"), folder.path().join("outside"));
        fs::create_dir_all(data.join("files")).unwrap();
        for (path, bits) in [("weir.db", 0o644), ("weir.db-wal", 0o666), ("files/picture", 0o755), ("private", 0o600)] {
            fs::write(data.join(path), "x").unwrap();
            fs::set_permissions(data.join(path), Permissions::from_mode(bits)).unwrap();
        }
        fs::write(&outside, "x").unwrap();
        fs::set_permissions(&outside, Permissions::from_mode(0o644)).unwrap();
        symlink(&outside, data.join("link")).unwrap();
        for path in [data.clone(), data.join("files")] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(close(&data).unwrap(), 5);
        for (path, bits) in
            [("", 0o700), ("files", 0o700), ("weir.db", 0o600), ("weir.db-wal", 0o600), ("files/picture", 0o700)]
        {
            assert_eq!(mode(&data.join(path)), bits, "{path}");
        }
        assert_eq!(mode(&outside), 0o644, "links are not followed");
        assert_eq!(close(&data).unwrap(), 0);
    }

    #[test]
    fn edge_19_own_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        let opened = DataDir::open(&link).unwrap();
        assert_eq!(opened.database(), real.canonicalize().unwrap().join("weir.db"));
        assert_eq!([mode(&real), mode(&real.join("weir.db")), mode(&real.join("weir.lock"))], [0o700, 0o600, 0o600]);
        drop(opened);
        // The database may be on another disk.
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(real.join("weir.db"), &elsewhere).unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o644)).unwrap();
        symlink(&elsewhere, real.join("weir.db")).unwrap();
        drop(DataDir::open(&real).unwrap());
        assert_eq!(mode(&elsewhere), 0o600);
        fs::write(folder.path().join("file"), "x").unwrap();
        DataDir::open(&folder.path().join("file")).unwrap_err();
    }

    #[test]
    fn edge_19_a_directory_that_others_use_too_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let open = |bits: u32| {
            fs::set_permissions(folder.path(), Permissions::from_mode(bits)).unwrap();
            DataDir::open(folder.path()).map(drop).map_err(|error| error.to_string())
        };
        fs::write(folder.path().join("letters.txt"), "x").unwrap();
        for (bits, words) in [(0o1777, "every user"), (0o755, "letters.txt")] {
            let error = open(bits).unwrap_err();
            assert!(error.contains(words) && error.contains("WEIR_DATA_DIR"), "{error}");
            assert_eq!(mode(folder.path()), bits);
        }
        open(0o700).unwrap();
        open(0o755).unwrap();
        assert_eq!(mode(folder.path()), 0o700, "it has a database by now");
    }

    #[test]
    fn edge_19_a_directory_of_another_user_is_refused_with_the_way_out() {
        if geteuid().as_raw() == ROOT {
            // Root may use it, and is warned. Whose a link is counts for root too.
            let folder = tempfile::tempdir().unwrap();
            let link = folder.path().join("link");
            symlink(folder.path(), &link).unwrap();
            std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
            let error = DataDir::open(&link).unwrap_err().to_string();
            assert!(error.contains("65534") && error.contains("WEIR_DATA_DIR"), "{error}");
            fs::rename(&link, folder.path().join("weir.lock")).unwrap();
            let error = DataDir::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("weir.lock") && error.contains("65534"), "{error}");
        } else {
            let error = DataDir::open(Path::new("/")).unwrap_err().to_string();
            assert!(error.contains("user id 0") && error.contains("chown"), "{error}");
        }
    }
}
