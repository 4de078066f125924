//! `PostgreSQL`: its own programs dump and restore.

use std::{ffi::OsStr, io::ErrorKind, path::Path, process::Stdio};

use tokio::process::Command;
use weir_store::{BackupError, PostgresUrl, check_postgres_schema, postgres_table};

use super::{BackupCommandError, libpq, progress::with_progress};

/// Dumps the database into `file`, in the custom format of `pg_dump`.
///
/// Row-level security holds for the owner of the tables, so the dump works as the server does: with its rows shown. Rows of
/// instances are left out, because no instance lives in a restored database: its unfinished runs are taken over at once.
///
/// # Errors
/// When `pg_dump` is not installed or fails.
pub(super) async fn dump(url: &PostgresUrl, file: &Path) -> Result<(), BackupCommandError> {
    let mut command = program("pg_dump", Some(url));
    command.args(["--format=custom", "--enable-row-security", "--no-unlogged-table-data", "--no-password"]);
    command.args(["--exclude-table-data=*.instances".as_ref(), "--file".as_ref(), file.as_os_str()]);
    with_progress("dumping the database", Some(file), run("pg_dump", command)).await.map(drop)
}

/// Verifies a dump: every part of it can be read, and this version knows its schema.
///
/// # Errors
/// When `pg_restore` is not installed or refuses it, or its schema is not one of this version.
pub(super) async fn check(file: &Path) -> Result<(), BackupCommandError> {
    let read = async |args: &[&OsStr]| {
        let mut command = program("pg_restore", None);
        command.args(args).arg(file);
        run("pg_restore", command).await
    };
    let list = read(&["--list".as_ref()]).await?;
    let is_migrations = |line: &str| line.contains(" TABLE DATA ") && line.contains(" _sqlx_migrations ");
    if !list.lines().any(is_migrations) {
        return Err(BackupCommandError::of(file, BackupError::NotWeir));
    }
    // The list is at the beginning. A file that was cut off later is found only by reading all of it.
    with_progress("verifying the backup", None, read(&["--file=/dev/null".as_ref()])).await?;
    let rows = read(&["--data-only", "--table=_sqlx_migrations", "--file=-"].map(OsStr::new)).await?;
    check_postgres_schema(&versions(&rows)).map_err(|error| BackupCommandError::of(file, error))
}

/// Restores a dump into an empty database, all of it or nothing.
///
/// # Errors
/// When the database has tables, or `pg_restore` fails.
pub(super) async fn restore(url: &PostgresUrl, file: &Path) -> Result<(), BackupCommandError> {
    if let Some(table) = postgres_table(url).await.map_err(BackupCommandError::Unreachable)? {
        return Err(BackupCommandError::NotEmpty(table));
    }
    let mut command = program("pg_restore", Some(url));
    command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]);
    // Which one, the environment says.
    command.arg("--dbname=").arg(file);
    with_progress("restoring the database", None, run("pg_restore", command)).await.map(drop)
}

fn program(name: &str, url: Option<&PostgresUrl>) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).kill_on_drop(true);
    if let Some(url) = url {
        command.envs(libpq::environment(url.expose_secret(), "system"));
    }
    command
}

/// Runs a program to its end; what it printed.
async fn run(name: &'static str, mut command: Command) -> Result<String, BackupCommandError> {
    let output = match command.output().await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(BackupCommandError::NotInstalled(name)),
        output => output?,
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BackupCommandError::Program { name, said })
}

/// The first column of the rows that a script of `pg_restore` copies.
fn versions(script: &str) -> Vec<i64> {
    let rows = script.lines().skip_while(|line| !line.starts_with("COPY ")).skip(1);
    rows.take_while(|line| *line != "\\.").filter_map(|row| row.split('\t').next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_versions_of_a_dump_are_read() {
        let script = "SET x;\n\nCOPY public._sqlx_migrations (version, success) FROM stdin;\n1\tt\n17\tt\n\\.\n\n--\n";
        assert_eq!(versions(script), [1, 17]);
        assert_eq!(versions(""), [0; 0]);
    }

    #[tokio::test]
    async fn bak_5_a_program_that_is_missing_is_named_with_what_to_install() {
        let error = run("pg_dump", Command::new("/nowhere/pg_dump")).await.unwrap_err().to_string();
        assert!(error.contains("pg_dump is not installed") && error.contains("postgresql-client"), "{error}");
    }
}
