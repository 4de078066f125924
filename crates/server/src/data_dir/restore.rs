//! Replaces the database of a data directory.
//!
//! A restore takes effect when the complete copy is renamed to `weir.db.restoring`. What follows is completed by the next start if the
//! process dies, so that a server never opens one database with the write-ahead log of another.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};

use super::{DataDir, private_file};

/// What `SQLite` puts beside a database; the database itself is the last one.
const SUFFIXES: [&str; 4] = ["-wal", "-shm", "-journal", ""];

impl DataDir {
    /// The paths of the database in a data directory and of what `SQLite` puts beside it.
    pub(crate) fn files_in(path: &Path) -> [PathBuf; 4] {
        SUFFIXES.map(|suffix| with(&Self::database_in(path), suffix))
    }

    /// Whether there is a database. An empty file is none.
    pub(crate) fn has_database(&self) -> bool {
        Self::files_in(&self.path).iter().any(|file| file.metadata().is_ok_and(|found| found.len() > 0))
    }

    /// Where a backup is while it is copied.
    pub(crate) fn copying(&self) -> PathBuf {
        with(&self.database(), ".copying")
    }

    fn restoring(&self) -> PathBuf {
        with(&self.database(), ".restoring")
    }

    /// Puts a copy of `source` in place of the database. Returns where the former database is kept, if there was one.
    ///
    /// # Errors
    /// When the file cannot be read or the directory cannot be written to. The database is then as it was, or the next start
    /// completes what has begun.
    pub(crate) fn replace_database(&self, source: &Path) -> io::Result<Option<PathBuf>> {
        let copying = self.copying();
        self.copy(source, &copying).inspect_err(|_| drop(fs::remove_file(&copying)))?;
        fs::rename(copying, self.restoring())?;
        self.sync()?;
        self.complete_restore()
    }

    fn copy(&self, source: &Path, copying: &Path) -> io::Result<()> {
        let _ = fs::remove_file(copying);
        let (mut source, mut copy) = (File::open(source)?, private_file(copying)?);
        let length = source.metadata()?.len();
        if io::copy(&mut source, &mut copy)? != length {
            return Err(io::Error::other("the backup changed while it was copied"));
        }
        copy.sync_all()?;
        self.sync()
    }

    /// Moves the former database aside and gives the copy its name, if a restore has begun.
    pub(super) fn complete_restore(&self) -> io::Result<Option<PathBuf>> {
        let restoring = self.restoring();
        let Ok(found) = restoring.metadata() else { return Ok(None) };
        // The time of the copy, so that a restore that is completed later uses the same name.
        let began = Timestamp::try_from(found.modified()?).map_err(io::Error::other)?.to_zoned(TimeZone::UTC);
        let aside = with(&self.database(), &began.strftime(".replaced-%Y%m%dT%H%M%S.%3fZ").to_string());
        // The log goes first: no other database is ever beside it.
        for suffix in SUFFIXES {
            match fs::rename(with(&self.database(), suffix), with(&aside, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(restoring, self.database())?;
        self.sync()?;
        let is_kept = SUFFIXES.iter().any(|suffix| with(&aside, suffix).metadata().is_ok_and(|found| found.len() > 0));
        Ok(is_kept.then_some(aside))
    }

    /// Makes the names in the directory durable.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

    use super::*;

    /// What the files say, by their names; a time in a name is `TIME`.
    fn contents(folder: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let contents = entries.filter(|entry| entry.file_name() != "weir.lock").map(|entry| {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
            let name = entry.file_name().into_string().unwrap();
            let name = match name.split_once("replaced-") {
                Some((before, after)) => format!("{before}TIME{}", &after[20..]),
                None => name,
            };
            (name, fs::read_to_string(entry.path()).unwrap())
        });
        contents.collect()
    }

    fn expected(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn bak_3_a_database_that_is_replaced_is_kept_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
        fs::write(&backup, "restored").unwrap();
        let data_dir = DataDir::lock(&data).unwrap();
        assert!(!data_dir.has_database());
        assert_eq!(data_dir.replace_database(&backup).unwrap(), None);
        assert_eq!(contents(&data), expected(&[("weir.db", "restored")]));
        assert!(data_dir.has_database());
        for (suffix, content) in [("", "old"), ("-wal", "log"), ("-shm", "shared")] {
            fs::write(with(&data_dir.database(), suffix), content).unwrap();
            fs::set_permissions(with(&data_dir.database(), suffix), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let aside = data_dir.replace_database(&backup).unwrap().unwrap();
        assert_eq!(fs::read_to_string(aside).unwrap(), "old");
        let after = [
            ("weir.db", "restored"),
            ("weir.db.TIME", "old"),
            ("weir.db.TIME-shm", "shared"),
            ("weir.db.TIME-wal", "log"),
        ];
        assert_eq!(contents(&data), expected(&after));
    }

    #[test]
    fn bak_3_a_restore_that_was_interrupted_is_completed_at_the_next_start() {
        // Dead after so many of the renames.
        for moved in 0..=3 {
            let folder = tempfile::tempdir().unwrap();
            let data_dir = DataDir::open(folder.path()).unwrap();
            fs::write(data_dir.restoring(), "restored").unwrap();
            fs::set_permissions(data_dir.restoring(), fs::Permissions::from_mode(0o600)).unwrap();
            let time = Timestamp::try_from(fs::metadata(data_dir.restoring()).unwrap().modified().unwrap()).unwrap();
            let aside = format!("weir.db.replaced-{}", time.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S.%3fZ"));
            for (place, suffix) in ["-wal", "-shm", ""].into_iter().enumerate() {
                let name = if place < moved { format!("{aside}{suffix}") } else { format!("weir.db{suffix}") };
                let _ = fs::remove_file(with(&data_dir.database(), suffix));
                fs::write(folder.path().join(&name), suffix).unwrap();
                fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
            }
            drop(data_dir);
            drop(DataDir::open(folder.path()).unwrap());
            let after = [
                ("weir.db", "restored"),
                ("weir.db.TIME", ""),
                ("weir.db.TIME-shm", "-shm"),
                ("weir.db.TIME-wal", "-wal"),
            ];
            assert_eq!(contents(folder.path()), expected(&after), "{moved} were moved");
        }
    }

    #[test]
    fn bak_3_a_copy_that_was_not_completed_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        fs::write(data_dir.database(), "old").unwrap();
        data_dir.replace_database(Path::new("/nowhere/backup")).unwrap_err();
        assert_eq!(contents(folder.path()), expected(&[("weir.db", "old")]));
        fs::write(data_dir.copying(), "half").unwrap();
        drop(data_dir);
        drop(DataDir::open(folder.path()).unwrap());
        assert_eq!(contents(folder.path())["weir.db"], "old");
    }
}
