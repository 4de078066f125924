//! Backups: copies of an `SQLite` database, and the checks before a backup of either database is used.

use std::{path::Path, time::Duration};

use sqlx::{
    Connection as _, Row as _, SqliteConnection,
    migrate::{Migration, Migrator},
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use crate::db::{POSTGRES_MIGRATIONS, PostgresUrl, SQLITE_MIGRATIONS};

/// How long a copy waits for a lock that another connection holds for a moment, such as one that opens the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is not whole, or not a database.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A database without Weir's tables.
    #[error("it is not a backup of Weir")]
    NotWeir,
    /// A newer version of Weir wrote it.
    #[error(
        "it has schema version {found}, and this version of Weir knows up to {newest}: use the version of Weir that wrote it, or a newer one"
    )]
    Newer {
        /// Its schema version.
        found: i64,
        /// The newest schema version of this binary.
        newest: i64,
    },
    /// A schema that no release of Weir has.
    #[error("its schema version {0} is not one of this version of Weir")]
    UnknownSchema(i64),
    /// The database could not be read.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Copies the `SQLite` database at `from` into the empty file `to`, in one read transaction: the copy has every commit
/// up to its beginning, those in the write-ahead log too, and nothing of a later one. Rows that were deleted are not
/// copied.
///
/// The connection is read-only and apart from the server's pools. No commit waits for it. The write-ahead log
/// cannot be reset until the copy ends.
///
/// # Errors
/// When the database cannot be read or the copy cannot be written.
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), BackupError> {
    let to = to.to_str().ok_or_else(|| BackupError::Damaged("the name of the file is not UTF-8".to_owned()))?;
    let options = SqliteConnectOptions::new().filename(from).read_only(true).busy_timeout(BUSY_TIMEOUT);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("VACUUM INTO $1").bind(to).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Verifies a copy that no process writes: its structure, its foreign keys, and that this version knows its schema. Creates no
/// file beside it.
///
/// `SQLite` keeps no checksums: a changed character in a stored text is not found.
///
/// # Errors
/// [`BackupError::Damaged`], [`BackupError::NotWeir`] or [`BackupError::Newer`], never [`BackupError::Database`].
pub async fn check_sqlite(file: &Path) -> Result<(), BackupError> {
    match checked(file).await {
        Err(BackupError::Database(error)) => Err(BackupError::Damaged(error.to_string())),
        checked => checked,
    }
}

async fn checked(file: &Path) -> Result<(), BackupError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let faults: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(10)").fetch_all(&mut connection).await?;
    if faults != ["ok"] {
        return Err(BackupError::Damaged(faults.join("; ")));
    }
    // The end of the last page may be missing without a trace in its structure.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await?;
    let page_size: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut connection).await?;
    let size = std::fs::metadata(file).map_err(sqlx::Error::Io)?.len();
    if i64::try_from(size) != Ok(pages * page_size) {
        return Err(BackupError::Damaged(format!("it has {size} bytes and should have {}", pages * page_size)));
    }
    let rows = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await?;
    if let Some(row) = rows.first() {
        let table: String = row.try_get(0)?;
        return Err(BackupError::Damaged(format!(
            "{} rows name rows that are not there, in {table} first",
            rows.len()
        )));
    }
    let has_migrations =
        "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('_sqlx_migrations', 'conversations', 'runs')";
    if sqlx::query_scalar::<_, i64>(has_migrations).fetch_one(&mut connection).await? != 3 {
        return Err(BackupError::NotWeir);
    }
    let rows = sqlx::query("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version DESC")
        .fetch_all(&mut connection)
        .await?;
    let versions: Vec<(i64, Vec<u8>)> = rows.iter().map(version).collect::<Result<_, _>>()?;
    check_schema(&SQLITE_MIGRATIONS, versions.iter().map(|(version, checksum)| (*version, Some(checksum.as_slice()))))?;
    connection.close().await?;
    Ok(())
}

fn version(row: &SqliteRow) -> Result<(i64, Vec<u8>), BackupError> {
    let version = row.try_get(0)?;
    if !row.try_get::<bool, _>(2)? {
        return Err(BackupError::Damaged(format!("the migration to schema version {version} was not completed")));
    }
    Ok((version, row.try_get(1)?))
}

/// Checks the schema versions of a `PostgreSQL` dump.
///
/// # Errors
/// [`BackupError::NotWeir`], [`BackupError::Newer`] or [`BackupError::UnknownSchema`].
pub fn check_postgres_schema(versions: &[i64]) -> Result<(), BackupError> {
    check_schema(&POSTGRES_MIGRATIONS, versions.iter().map(|version| (*version, None)))
}

/// Checks that every version is one of this binary, with the same checksum where there is one.
fn check_schema<'v>(
    migrations: &Migrator,
    versions: impl Iterator<Item = (i64, Option<&'v [u8]>)>,
) -> Result<(), BackupError> {
    let newest = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
    let mut versions: Vec<_> = versions.collect();
    versions.sort_unstable();
    let Some((found, _)) = versions.last().copied() else { return Err(BackupError::NotWeir) };
    if found > newest {
        return Err(BackupError::Newer { found, newest });
    }
    for (version, checksum) in versions {
        let is_own = |own: &Migration| checksum.is_none_or(|checksum| *own.checksum == *checksum);
        if !migrations.iter().any(|own| own.version == version && is_own(own)) {
            return Err(BackupError::UnknownSchema(version));
        }
    }
    Ok(())
}

/// Names a table of the `PostgreSQL` database, if it has any. Changes nothing.
///
/// # Errors
/// When the database cannot be reached.
pub async fn postgres_table(url: &PostgresUrl) -> Result<Option<String>, BackupError> {
    let mut connection = sqlx::PgConnection::connect_with(url.options()).await?;
    let table = sqlx::query_scalar(
        "SELECT schemaname || '.' || tablename FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 1",
    )
    .fetch_optional(&mut connection)
    .await?;
    connection.close().await?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        os::unix::fs::FileExt as _,
    };

    use super::*;
    use crate::{Durability, Store};

    /// A copy of a database beside a store that stays open.
    async fn copied() -> (tempfile::TempDir, Store, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (database, copy) = (folder.path().join("weir.db"), folder.path().join("copy"));
        let store = Store::open(&database, Durability::Process).await.unwrap();
        store.ensure_user(weir_testkit::ALICE, "Alice", weir_protocol::Timestamp(0)).await.unwrap();
        copy_sqlite(&database, &copy).await.unwrap();
        (folder, store, copy)
    }

    #[tokio::test]
    async fn bak_1_a_copy_has_what_only_the_write_ahead_log_has_and_is_one_file() {
        let (folder, _store, copy) = copied().await;
        let database = fs::metadata(folder.path().join("weir.db-wal")).unwrap();
        assert!(database.len() > 0, "nothing of it is in the database yet");
        check_sqlite(&copy).await.unwrap();
        // Bytes 18 and 19: a rollback journal, so that the copy is complete without a second file.
        assert_eq!(fs::read(&copy).unwrap()[18..20], [1, 1]);
        let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            beside.iter().all(|name| name.to_str().unwrap() == "copy" || !name.to_str().unwrap().starts_with("copy"))
        );
        let copy = Store::open(&copy, Durability::Process).await.unwrap();
        assert_eq!(copy.user_name(weir_testkit::ALICE).await.unwrap(), "Alice");
    }

    #[tokio::test]
    async fn bak_4_a_file_that_is_damaged_or_foreign_or_newer_is_refused() {
        let (folder, store, copy) = copied().await;
        store.close().await;
        let content = fs::read(&copy).unwrap();
        let refused = async |content: &[u8]| {
            let file = folder.path().join("refused");
            fs::write(&file, content).unwrap();
            check_sqlite(&file).await.unwrap_err().to_string()
        };
        for length in [0, 50, 4096, content.len() / 2, content.len() - 1] {
            let error = refused(&content[..length]).await;
            assert!(error.contains("damaged") || length == 0, "{length}: {error}");
        }
        for page in 0..content.len() / 4096 {
            let mut zeroed = content.clone();
            zeroed[page * 4096..(page + 1) * 4096].fill(0);
            refused(&zeroed).await;
        }
        assert!(refused(&[b'x'; 10_000]).await.contains("damaged"));
        // Another program's database.
        let other = folder.path().join("other");
        let options = SqliteConnectOptions::new().filename(&other).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("CREATE TABLE notes (text TEXT)").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        assert!(matches!(check_sqlite(&other).await, Err(BackupError::NotWeir)));
        // A newer version's.
        let options = SqliteConnectOptions::new().filename(&copy);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("INSERT INTO _sqlx_migrations SELECT 9000, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations LIMIT 1")
            .execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let error = check_sqlite(&copy).await.unwrap_err();
        assert!(matches!(error, BackupError::Newer { found: 9000, .. }), "{error}");
        // A row whose parent is gone.
        fs::write(&copy, &content).unwrap();
        let options = SqliteConnectOptions::new().filename(&copy).foreign_keys(false);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("INSERT INTO inbox_changes VALUES (x'00', 1, 'kind', x'00', NULL, 0)")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let error = check_sqlite(&copy).await.unwrap_err().to_string();
        assert!(error.contains("inbox_changes"), "{error}");
        // A bit in the header of a page.
        fs::write(&copy, &content).unwrap();
        OpenOptions::new().write(true).open(&copy).unwrap().write_all_at(&[0xff; 8], 4096).unwrap();
        assert!(check_sqlite(&copy).await.is_err());
    }

    #[test]
    fn bak_4_a_dump_of_a_newer_version_is_refused() {
        let known: Vec<i64> = POSTGRES_MIGRATIONS.iter().map(|migration| migration.version).collect();
        check_postgres_schema(&known).unwrap();
        check_postgres_schema(&known[..3]).unwrap();
        assert!(matches!(check_postgres_schema(&[]), Err(BackupError::NotWeir)));
        assert!(matches!(check_postgres_schema(&[1, 9000]), Err(BackupError::Newer { found: 9000, .. })));
        assert!(matches!(check_postgres_schema(&[0, 1]), Err(BackupError::UnknownSchema(0))));
    }
}
