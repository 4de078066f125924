//! What a deletion leaves behind in the files of `SQLite`: words in the full-text index, which only marks rows as deleted, and
//! pages in the write-ahead log. `PostgreSQL` has `VACUUM` for this.

use std::time::Instant;

use crate::{
    Store, StoreError,
    db::{Connection, Dialect, query},
    sweep::pause_since,
};

/// Pages of the full-text index that one step writes: some milliseconds of work.
const STEP_PAGES: i64 = 64;

impl Store {
    /// Removes what deleted content has left in the database's files, if something was deleted since the last time.
    ///
    /// Takes long where there is much text: it rewrites the full-text index, with pauses. Free pages were overwritten when
    /// the content was deleted.
    ///
    /// # Errors
    /// When the database fails. What is left is removed the next time.
    pub async fn purge(&self) -> Result<(), StoreError> {
        if self.database.dialect() != Dialect::Sqlite {
            return Ok(());
        }
        let _alone = self.purging.lock().await;
        let row = query("SELECT count, purged FROM deletions").fetch_one(&mut self.database.statement().await?).await?;
        let (count, purged): (i64, i64) = (row.get(0), row.get(1));
        if count == purged {
            return Ok(());
        }
        // A negative number begins to merge every segment into one, without the rows that were deleted.
        let mut pages = -STEP_PAGES;
        loop {
            let mut connection = self.database.statement().await?;
            let began = Instant::now();
            if !merge(&mut connection, pages).await? {
                break;
            }
            drop(connection);
            pages = STEP_PAGES;
            pause_since(began).await;
        }
        // Old pages are in the log for as long as a reader needs them. Then this is done again the next time.
        if self.empty_wal().await?.is_some_and(|checkpoint| !checkpoint.is_emptied) {
            return Ok(());
        }
        query("UPDATE deletions SET purged = $1").bind(count).execute(&mut self.database.statement().await?).await?;
        Ok(())
    }
}

/// Merges so many pages of the index. False: nothing was left to merge (FTS5, section 6.8).
async fn merge(connection: &mut Connection, pages: i64) -> Result<bool, StoreError> {
    let before = total_changes(connection).await?;
    query("INSERT INTO message_search (message_search, rank) VALUES ('merge', $1)")
        .bind(pages)
        .execute(connection)
        .await?;
    Ok(total_changes(connection).await? - before >= 2)
}

async fn total_changes(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(query("SELECT total_changes()").fetch_one(connection).await?.get(0))
}
