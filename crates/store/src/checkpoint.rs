//! Emptying the write-ahead log of `SQLite`. `SQLite` copies the log to the database as it grows, but it cannot begin the log anew
//! while a reader needs it, and it keeps the file at the size that it once had.

use std::{path::Path, time::Duration};

use sqlx::SqlitePool;

use crate::{
    Store, StoreError,
    db::{Database, WAL_LIMIT},
};

/// A log of this size is usual and is left as it is: `SQLite` copies it to the database at 4 MiB.
const USUAL: u64 = 16 * 1024 * 1024;
/// Tries to empty the log, which readers may need for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// What a checkpoint left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// The pools of this process with a connection in use at each try; empty when the log was emptied, and when another process
    /// keeps it.
    pub busy_pools: Vec<&'static str>,
    /// Whether the log was emptied.
    pub is_emptied: bool,
}

impl Store {
    /// The size of `SQLite`'s write-ahead log in bytes; none on `PostgreSQL`.
    pub fn wal_bytes(&self) -> Option<u64> {
        let Database::Sqlite { wal, .. } = &self.database else { return None };
        Some(size(&wal.file))
    }

    /// Empties the write-ahead log if it is larger than usual. Logs what keeps a log that is larger than its limit.
    ///
    /// Commits wait for the end of the log to be copied, and never for a reader.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        if self.wal_bytes().is_none_or(|bytes| bytes <= USUAL) {
            return Ok(None);
        }
        let checkpoint = self.empty_wal().await?;
        if let Some(Checkpoint { wal_bytes, busy_pools, is_emptied: false }) = &checkpoint
            && *wal_bytes > WAL_LIMIT
        {
            let held_by = if busy_pools.is_empty() { "another process".to_owned() } else { busy_pools.join(", ") };
            tracing::warn!(
                wal_bytes,
                held_by,
                "The write-ahead log of SQLite cannot be emptied: a reader has not ended. It grows until the reader ends."
            );
        }
        Ok(checkpoint)
    }

    /// Empties the write-ahead log; none on `PostgreSQL`.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn empty_wal(&self) -> Result<Option<Checkpoint>, StoreError> {
        let Database::Sqlite { readers, system, leases, identity, searches, wal, .. } = &self.database else {
            return Ok(None);
        };
        let pools = [
            ("readers", readers),
            ("system", system),
            ("leases", leases),
            ("identity", identity),
            ("searches", searches),
        ];
        let mut busy: Vec<_> = pools.into();
        for round in 1..=TRIES {
            // Most of the work, beside commits.
            run(&wal.checkpoints, "PRAGMA wal_checkpoint(PASSIVE)").await?;
            let turn = self.database.statement().await?;
            let is_emptied = run(&wal.checkpoints, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
            drop(turn);
            busy.retain(|(_, pool)| !is_emptied && pool.size() as usize > pool.num_idle());
            if is_emptied || round == TRIES {
                let busy_pools = busy.into_iter().map(|(name, _)| name).collect();
                return Ok(Some(Checkpoint { wal_bytes: size(&wal.file), busy_pools, is_emptied }));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }
}

/// Runs a checkpoint; whether nothing was in its way.
async fn run(pool: &SqlitePool, pragma: &'static str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar::<_, i64>(pragma).fetch_one(pool).await? == 0)
}

fn size(wal: &Path) -> u64 {
    wal.metadata().map_or(0, |found| found.len())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Executor as _, SqliteConnection};
    use weir_protocol::{Timestamp, UserId};

    use super::*;
    use crate::{
        Durability,
        db::{Scope, query},
    };

    /// Writes so many MiB, and deletes them.
    async fn write(store: &Store, mib: usize) {
        let name = "x".repeat(1 << 20);
        for _ in 0..mib {
            let mut connection = store.database.write(Scope::System).await.unwrap();
            query("INSERT INTO users (id, name, created_at) VALUES (x'00', $1, 0)")
                .bind(name.as_str())
                .execute(&mut connection)
                .await
                .unwrap();
            query("DELETE FROM users WHERE id = x'00'").execute(&mut connection).await.unwrap();
            connection.commit().await.unwrap();
        }
    }

    #[tokio::test]
    async fn wal_1_a_log_that_a_reader_made_grow_is_given_back_when_the_reader_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weir.db");
        let store = Store::open(&file, Durability::Process).await.unwrap();
        let wal = || store.wal_bytes().unwrap();
        write(&store, 6).await;
        assert_eq!(store.checkpoint().await.unwrap(), None, "a usual log is left as it is: {}", wal());
        let mut reader = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        reader.execute("BEGIN; SELECT COUNT(*) FROM users").await.unwrap();
        while wal() <= WAL_LIMIT {
            write(&store, 20).await;
        }
        reader.execute("COMMIT").await.unwrap();
        // The next commits begin the log anew.
        write(&store, 6).await;
        assert!(wal() <= WAL_LIMIT, "{}", wal());
        let emptied = store.checkpoint().await.unwrap().unwrap();
        assert_eq!((emptied.is_emptied, emptied.wal_bytes, wal()), (true, 0, 0));
    }

    #[tokio::test]
    async fn wal_1_commits_never_wait_for_the_reader_that_a_checkpoint_waits_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("weir.db"), Durability::Process).await.unwrap();
        let mut reader = store.database.snapshot(Scope::System).await.unwrap();
        query("SELECT COUNT(*) FROM users").fetch_one(&mut reader).await.unwrap();
        write(&store, 1).await;
        let committed = async {
            // The checkpoint tries for two seconds, and waits for nothing longer than a commit does.
            for number in 0..20_u128 {
                let user = UserId(uuid::Uuid::from_u128(number));
                let began = tokio::time::Instant::now();
                store.ensure_user(user, "Some", Timestamp(0)).await.unwrap();
                assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            }
        };
        let (checkpoint, ()) = tokio::join!(store.empty_wal(), committed);
        let checkpoint = checkpoint.unwrap().unwrap();
        assert!(!checkpoint.is_emptied && checkpoint.wal_bytes > 0);
    }

    #[tokio::test]
    async fn wal_2_what_keeps_the_log_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weir.db");
        let store = Store::open(&file, Durability::Process).await.unwrap();
        let held = async |store: &Store| store.empty_wal().await.unwrap().unwrap();
        let mut reader = store.database.snapshot(Scope::User(UserId(uuid::Uuid::nil()))).await.unwrap();
        query("SELECT COUNT(*) FROM users").fetch_one(&mut reader).await.unwrap();
        write(&store, 1).await;
        assert_eq!(held(&store).await.busy_pools, ["readers"]);
        drop(reader);
        // A process of its own looks like this.
        let mut other = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
        other.execute("BEGIN; SELECT COUNT(*) FROM users").await.unwrap();
        write(&store, 1).await;
        let checkpoint = held(&store).await;
        assert!(checkpoint.busy_pools.is_empty() && !checkpoint.is_emptied, "{checkpoint:?}");
        other.execute("COMMIT").await.unwrap();
        assert!(held(&store).await.is_emptied);
    }
}
