//! Stamps: a hash of what a step was made from, kept beside what it made, so that the step is done again only when needed.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The names and contents of files, hashed.
///
/// Not a cryptographic hash: it tells an edited file from an unedited one, and a new Rust release may change it, which
/// costs one superfluous step.
#[derive(Default)]
pub(crate) struct Stamp(DefaultHasher);

impl Stamp {
    /// Adds a word that the result depends on.
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.part(word.as_bytes());
        self
    }

    /// Adds a file, or the fact that there is none.
    pub(crate) fn file(mut self, root: &Path, path: &Path) -> Result<Self> {
        self.part(path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes());
        match fs::read(path) {
            Ok(contents) => self.part(&contents),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.part(b""),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
        Ok(self)
    }

    /// Adds every file under a folder whose entries `keep` accepts by name.
    pub(crate) fn folder(self, folder: &Path, keep: impl Fn(&str) -> bool + Copy) -> Result<Self> {
        files(folder, keep)?.iter().try_fold(self, |stamp, file| stamp.file(folder, file))
    }

    /// Whether `path` holds this stamp.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        fs::read_to_string(path).is_ok_and(|kept| kept.trim() == self.text())
    }

    /// Keeps this stamp at `path`.
    pub(crate) fn keep_at(&self, path: &Path) -> Result<()> {
        fs::write(path, self.text()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn part(&mut self, bytes: &[u8]) {
        // The length keeps "ab" + "c" apart from "a" + "bc".
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
    }

    fn text(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Every file under a folder, sorted, leaving out entries whose name `keep` refuses. A folder that is not there is empty.
pub(crate) fn files(folder: &Path, keep: impl Fn(&str) -> bool + Copy) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
            if !keep(&entry.file_name().to_string_lossy()) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("weir-xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("src")).unwrap();
            fs::create_dir_all(path.join("node_modules")).unwrap();
            fs::write(path.join("src/a.ts"), "a").unwrap();
            Self(path)
        }

        fn stamp(&self) -> Stamp {
            Stamp::default().folder(&self.0, |name| name != "node_modules").unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_stamp_follows_contents_and_names_and_ignores_the_rest() {
        let folder = Folder::new("follows");
        let first = folder.stamp().text();
        fs::write(folder.0.join("node_modules/x.js"), "x").unwrap();
        assert_eq!(folder.stamp().text(), first);

        fs::write(folder.0.join("src/a.ts"), "b").unwrap();
        let edited = folder.stamp().text();
        assert_ne!(edited, first);

        fs::rename(folder.0.join("src/a.ts"), folder.0.join("src/b.ts")).unwrap();
        assert_ne!(folder.stamp().text(), edited);
    }

    #[test]
    fn a_kept_stamp_is_found_again_until_something_changes() {
        let folder = Folder::new("kept");
        let place = folder.0.join("node_modules/stamp");
        assert!(!folder.stamp().is_at(&place));
        folder.stamp().keep_at(&place).unwrap();
        assert!(folder.stamp().is_at(&place));
        assert!(!folder.stamp().word("20").is_at(&place));
    }

    #[test]
    fn a_missing_file_is_not_an_empty_folder_of_errors() {
        let folder = Folder::new("missing");
        let stamp = Stamp::default().file(&folder.0, &folder.0.join("pnpm-lock.yaml")).unwrap();
        let other = Stamp::default().file(&folder.0, &folder.0.join("package.json")).unwrap();
        assert_ne!(stamp.text(), other.text());
        assert!(files(&folder.0.join("nowhere"), |_| true).unwrap().is_empty());
    }
}
