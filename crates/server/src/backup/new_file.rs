//! A file that appears under its name only when it is complete.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::data_dir::FILE_MODE;

/// The end of the name under which a file is written.
const PART: &str = ".part";
/// What `SQLite` puts beside a file that it writes.
const JOURNAL: &str = "-journal";
/// Hexadecimal digits in the name of a part.
const DIGITS: usize = 32;

/// A file that is being written beside its place, under another name. Dropping it removes it.
#[derive(Debug)]
pub(super) struct NewFile {
    target: PathBuf,
    part: PathBuf,
    replace: bool,
    /// Open and locked for as long as the file is written, so that no other process removes it.
    file: File,
}

impl NewFile {
    /// Creates an empty file that only this user reads, in the folder of `target`. Removes what processes that were killed
    /// have left for the same target.
    ///
    /// # Errors
    /// When `target` exists and is not to be replaced, or the folder cannot be written to.
    pub(super) fn create(target: &Path, replace: bool) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        if target.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        if !replace && target.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let folder = folder_of(target);
        remove_abandoned(folder, name)?;
        let mut part = prefix(name);
        part.push(Uuid::now_v7().simple().to_string());
        part.push(PART);
        let part = folder.join(part);
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&part)?;
        let file = Self { target: target.to_owned(), part, replace, file };
        file.file.try_lock()?;
        Ok(file)
    }

    /// Where it is written until it is complete.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Flushes it to disk and gives it its name. Returns its size in bytes.
    ///
    /// # Errors
    /// When another file got the name meanwhile and is not to be replaced, or the disk fails.
    pub(super) fn finish(self) -> io::Result<u64> {
        self.file.sync_all()?;
        let size = self.file.metadata()?.len();
        if self.replace {
            fs::rename(&self.part, &self.target)?;
        } else {
            // A link is never made over another file. Some file systems, such as FAT, know no links.
            match fs::hard_link(&self.part, &self.target) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists()),
                Err(_) if self.target.symlink_metadata().is_ok() => return Err(exists()),
                Err(_) => fs::rename(&self.part, &self.target)?,
                Ok(()) => fs::remove_file(&self.part)?,
            }
        }
        File::open(folder_of(&self.target))?.sync_all()?;
        Ok(size)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Once it is complete it has another name.
        remove(&self.part);
    }
}

fn exists() -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, "it exists: choose another name, or replace it with --force")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How the names of all parts of a file begin.
fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    prefix
}

/// Removes the parts whose processes have ended: no process holds their locks.
fn remove_abandoned(folder: &Path, name: &OsStr) -> io::Result<()> {
    let prefix = prefix(name);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_part = entry
            .file_name()
            .as_encoded_bytes()
            .strip_prefix(prefix.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(PART.as_bytes()))
            .is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit));
        if is_part && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            remove(&entry.path());
        }
    }
    Ok(())
}

/// Removes a part and its journal. One that cannot be removed is found by the next backup.
fn remove(part: &Path) {
    let mut journal = part.as_os_str().to_owned();
    journal.push(JOURNAL);
    let _ = (fs::remove_file(part), fs::remove_file(journal));
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn bak_2_a_file_gets_its_name_when_it_is_complete_and_replaces_nothing_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup");
        let file = NewFile::create(&target, false).unwrap();
        fs::write(file.part(), "first").unwrap();
        assert_eq!(fs::metadata(file.part()).unwrap().permissions().mode() & 0o7777, 0o600);
        assert!(!target.exists());
        assert_eq!(file.finish().unwrap(), 5);
        assert_eq!(names(folder.path()), ["backup"]);
        let refused = NewFile::create(&target, false).unwrap_err();
        assert!(refused.to_string().contains("--force"), "{refused}");
        // One that came meanwhile.
        fs::remove_file(&target).unwrap();
        let file = NewFile::create(&target, false).unwrap();
        fs::write(&target, "another").unwrap();
        assert_eq!(file.finish().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&target).unwrap(), "another");
        assert_eq!(names(folder.path()), ["backup"]);
        let file = NewFile::create(&target, true).unwrap();
        fs::write(file.part(), "second").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "second");
        drop(NewFile::create(&target, true).unwrap());
        assert_eq!(names(folder.path()), ["backup"], "one that was given up leaves nothing");
    }

    #[test]
    fn bak_2_what_a_killed_backup_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup");
        let (left, digits) = ("0".repeat(DIGITS), "a".repeat(DIGITS));
        for name in [format!(".backup.{left}.part"), format!(".backup.{left}.part-journal")] {
            fs::write(folder.path().join(name), "left").unwrap();
        }
        let others = [".backup.part".to_owned(), format!(".other.{digits}.part"), "backup.2".to_owned()];
        for name in &others {
            fs::write(folder.path().join(name), "of another").unwrap();
        }
        let (one, other) = (NewFile::create(&target, false).unwrap(), NewFile::create(&target, false).unwrap());
        assert!(one.part().exists() && other.part().exists());
        drop((one, other));
        let mut expected = others.to_vec();
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }
}
