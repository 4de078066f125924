//! Where `SQLite` takes in what running answers say: a table in the order of arrival, which is moved to the logs in bulk.
//!
//! It has no key, so that a commit writes one page for all answers and not one for each. A number is used once because only that gets
//! in which follows a lease of this process ([`crate::leases`]), or the log itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use weir_protocol::RunId;

use crate::{
    StoreError,
    db::{Connection, Database, Scope, query},
};

/// How many events there may be before they are moved: whoever reads the log of a running answer looks through all of them.
const EVENTS: usize = 2048;

/// About how many events are there. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Arc<AtomicUsize>);

impl Tail {
    /// Counts events that came in, and says whether it is time to move all.
    pub(crate) fn is_full_with(&self, events: usize) -> bool {
        self.0.fetch_add(events, Ordering::Relaxed) + events >= EVENTS
    }

    /// Moves all events to the logs.
    pub(crate) async fn settle(&self, database: &Database) -> Result<(), StoreError> {
        let mut transaction = database.write(Scope::System).await?;
        query(format!("{MOVE} ORDER BY run_id, seq")).execute(&mut transaction).await?;
        query("DELETE FROM run_tail").execute(&mut transaction).await?;
        transaction.commit().await?;
        self.0.store(0, Ordering::Relaxed);
        Ok(())
    }
}

const MOVE: &str = "INSERT INTO run_events (run_id, seq, kind, data) SELECT run_id, seq, kind, data FROM run_tail";

/// Moves the events of a run that ends to its log.
pub(crate) async fn settle_run(transaction: &mut Connection, run: RunId) -> Result<(), StoreError> {
    query(format!("{MOVE} WHERE run_id = $1 ORDER BY seq")).bind(run.0).execute(transaction).await?;
    query("DELETE FROM run_tail WHERE run_id = $1").bind(run.0).execute(transaction).await?;
    Ok(())
}
