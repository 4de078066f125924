//! `weir backup` and `weir restore`: everything that is stored, as one verified file.

mod libpq;
mod new_file;
mod postgres;
mod progress;

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf, absolute},
    time::Instant,
};

use tokio::task::spawn_blocking;
use weir_store::{BackupError, check_sqlite, copy_sqlite};

use crate::{config::Config, data_dir::DataDir, serve::Signals};
use new_file::NewFile;
use progress::{mebibytes, with_progress};

/// Why a backup was not made, or not restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupCommandError {
    #[error("{} cannot be used: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} cannot be used as a backup: {error}", path.display())]
    Backup { path: PathBuf, error: BackupError },
    #[error("the database cannot be copied: {0}")]
    Copy(BackupError),
    #[error("no backup was made, because the copy of the database was refused: {0}")]
    Copied(BackupError),
    #[error("there is no database at {}: set WEIR_DATA_DIR or DATABASE_URL to where it is", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} is the database itself", .0.display())]
    Itself(PathBuf),
    #[error(
        "{} has a write-ahead log beside it: it is the database of a server and no backup; make one with `weir backup`",
        .0.display()
    )]
    InUse(PathBuf),
    #[error("the data directory {} cannot be used: {error}", path.display())]
    DataDir { path: PathBuf, error: io::Error },
    #[error("there is a database at {} already: --force moves it aside and restores the backup", .0.display())]
    Occupied(PathBuf),
    #[error(
        "the database of DATABASE_URL is not empty, it has the table {0}: make an empty database and set DATABASE_URL to it"
    )]
    NotEmpty(String),
    #[error("{0}")]
    Unreachable(BackupError),
    #[error(
        "{0} is not installed: install PostgreSQL's client programs (Debian and Ubuntu: postgresql-client), of the server's version or newer"
    )]
    NotInstalled(&'static str),
    #[error("{name} failed: {said}")]
    Program { name: &'static str, said: String },
    #[error("stopped by a signal; nothing was changed")]
    Stopped,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl BackupCommandError {
    fn of(file: &Path, error: BackupError) -> Self {
        Self::Backup { path: file.to_owned(), error }
    }

    fn file(file: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::File { path: file.to_owned(), error }
    }
}

/// Writes a backup of the database to `file`. A server may run on the database.
///
/// # Errors
/// When no backup was made. `file` is then as it was.
pub(crate) fn backup(config: &Config, file: &Path, force: bool) -> Result<(), BackupCommandError> {
    let (began, file) = (Instant::now(), absolute(file)?);
    let size = run(async {
        let new = interruptible(make(config, &file, force)).await?;
        new.finish().map_err(BackupCommandError::file(&file))
    })?;
    println!("Backup complete: {}, {} in {:.1} s", file.display(), mebibytes(size), began.elapsed().as_secs_f64());
    Ok(())
}

/// Puts the backup in `file` where the configured database is. No server may run on it.
///
/// # Errors
/// When the backup was not restored.
pub(crate) fn restore(config: &Config, file: &Path, force: bool) -> Result<(), BackupCommandError> {
    let (began, file) = (Instant::now(), absolute(file)?);
    let size = file.metadata().map_err(BackupCommandError::file(&file))?.len();
    let aside = run(async {
        match &config.postgres {
            None => restore_sqlite(&config.data_dir, &file, force).await,
            Some(url) => {
                interruptible(async {
                    postgres::check(&file).await?;
                    postgres::restore(url, &file).await
                })
                .await?;
                Ok(None)
            }
        }
    })?;
    if let Some(aside) = aside {
        println!("The database that was there is kept: {}", aside.display());
    }
    println!("Restore complete: {}, {} in {:.1} s", file.display(), mebibytes(size), began.elapsed().as_secs_f64());
    Ok(())
}

fn run<T>(work: impl Future<Output = Result<T, BackupCommandError>>) -> Result<T, BackupCommandError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Work that a signal ends. What it has not finished is dropped.
async fn interruptible<T>(work: impl Future<Output = Result<T, BackupCommandError>>) -> Result<T, BackupCommandError> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = work => done,
        () = signals.next() => Err(BackupCommandError::Stopped),
    }
}

/// Makes a verified backup that has not got its name yet.
async fn make(config: &Config, file: &Path, force: bool) -> Result<NewFile, BackupCommandError> {
    let create = || NewFile::create(file, force).map_err(BackupCommandError::file(file));
    if let Some(url) = &config.postgres {
        let new = create()?;
        postgres::dump(url, new.part()).await?;
        postgres::check(new.part()).await.map_err(|error| match error {
            BackupCommandError::Backup { error, .. } => BackupCommandError::Copied(error),
            error => error,
        })?;
        return Ok(new);
    }
    let database = DataDir::database_in(&config.data_dir);
    if !database.exists() {
        return Err(BackupCommandError::NoDatabase(database));
    }
    refuse_itself(&config.data_dir, file)?;
    let new = create()?;
    let copying = with_progress("copying the database", Some(new.part()), copy_sqlite(&database, new.part()));
    copying.await.map_err(BackupCommandError::Copy)?;
    let checking = with_progress("verifying the backup", None, check_sqlite(new.part()));
    checking.await.map_err(BackupCommandError::Copied)?;
    Ok(new)
}

/// Gives the name under which the database that was there is kept, if there was one.
async fn restore_sqlite(data_dir: &Path, file: &Path, force: bool) -> Result<Option<PathBuf>, BackupCommandError> {
    refuse_itself(data_dir, file)?;
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).metadata().is_ok_and(|found| found.len() > 0) {
        return Err(BackupCommandError::InUse(file.to_owned()));
    }
    with_progress("verifying the backup", None, check_sqlite(file))
        .await
        .map_err(|error| BackupCommandError::of(file, error))?;
    let lock = DataDir::lock(data_dir);
    let data_dir = lock.map_err(|error| BackupCommandError::DataDir { path: data_dir.to_owned(), error })?;
    if data_dir.has_database() && !force {
        return Err(BackupCommandError::Occupied(data_dir.database()));
    }
    let source = file.to_owned();
    let copying = data_dir.copying();
    let put = spawn_blocking(move || data_dir.replace_database(&source));
    Ok(with_progress("copying the backup", Some(&copying), put).await.map_err(io::Error::other)??)
}

/// Refuses a file that is the database, or another file of its own.
fn refuse_itself(data_dir: &Path, file: &Path) -> Result<(), BackupCommandError> {
    let identity = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    let Some(found) = identity(file) else { return Ok(()) };
    let is_own = DataDir::files_in(data_dir).iter().any(|own| identity(own) == Some(found));
    if is_own { Err(BackupCommandError::Itself(file.to_owned())) } else { Ok(()) }
}
