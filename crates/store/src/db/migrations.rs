//! The schemas, in steps that each database takes once. The driver's macro would do the same, and would bring a parser of raw JSON.

use std::sync::LazyLock;

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// A migration of a database: its version, the name of its file and its statements.
type Listed = (i64, &'static str, &'static str);

macro_rules! migration {
    ($database:literal, $version:literal, $name:literal) => {
        ($version, $name, include_str!(concat!("../../migrations/", $database, "/", $name, ".sql")))
    };
}

const OF_SQLITE: &[Listed] = &[
    migration!("sqlite", 1, "0001_ground"),
    migration!("sqlite", 2, "0002_instances_and_inbox"),
    migration!("sqlite", 3, "0003_tools"),
    migration!("sqlite", 4, "0004_search"),
    migration!("sqlite", 5, "0005_mcp"),
    migration!("sqlite", 6, "0006_accounts"),
    migration!("sqlite", 7, "0007_questions"),
    migration!("sqlite", 8, "0008_limits"),
    migration!("sqlite", 11, "0011_mcp_grants"),
    migration!("sqlite", 12, "0012_run_tail"),
    migration!("sqlite", 13, "0013_storage_and_search"),
    migration!("sqlite", 14, "0014_job_deaths"),
    migration!("sqlite", 15, "0015_open_id_authorizations"),
    migration!("sqlite", 17, "0017_sign_in_networks"),
    migration!("sqlite", 18, "0018_hand_overs"),
    migration!("sqlite", 19, "0019_retention"),
];

const OF_POSTGRES: &[Listed] = &[
    migration!("postgres", 1, "0001_ground"),
    migration!("postgres", 2, "0002_tools"),
    migration!("postgres", 3, "0003_search"),
    migration!("postgres", 4, "0004_mcp"),
    migration!("postgres", 5, "0005_accounts"),
    migration!("postgres", 6, "0006_questions"),
    migration!("postgres", 7, "0007_limits"),
    migration!("postgres", 10, "0010_metrics"),
    migration!("postgres", 11, "0011_mcp_grants"),
    migration!("postgres", 12, "0012_storage"),
    migration!("postgres", 13, "0013_job_deaths"),
    migration!("postgres", 14, "0014_open_id_authorizations"),
    migration!("postgres", 17, "0017_sign_in_networks"),
    migration!("postgres", 18, "0018_hand_overs"),
    migration!("postgres", 19, "0019_retention"),
];

/// The schema of `SQLite`.
pub(crate) static SQLITE_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| migrator(OF_SQLITE));
/// The schema of `PostgreSQL`. An older instance may still run on a newer schema.
pub(crate) static POSTGRES_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = migrator(OF_POSTGRES);
    migrations.set_ignore_missing(true);
    migrations
});

fn migrator(listed: &'static [Listed]) -> Migrator {
    let migration = |(version, name, sql): &(i64, &'static str, &'static str)| {
        let description = name.split_once('_').map_or(*name, |(_, words)| words).replace('_', " ");
        Migration::new(*version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(listed.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_listed_under_its_number() {
        for (folder, listed) in [("sqlite", OF_SQLITE), ("postgres", OF_POSTGRES)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let names: Vec<_> = listed.iter().map(|(_, name, _)| format!("{name}.sql")).collect();
            assert_eq!(names, files);
            assert!(listed.iter().all(|(version, name, _)| name.starts_with(&format!("{version:04}_"))));
        }
    }
}
