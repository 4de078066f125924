//! The bell of a `PostgreSQL` alone: LISTEN and NOTIFY.

use async_trait::async_trait;
use tokio::sync::mpsc;
use weir_store::{Store, StoreError};

use super::{BellError, Broadcaster, Heard, Ring, joined, parted};

/// Rings by `NOTIFY` in the database that everything is stored in.
#[derive(Clone, Debug)]
pub struct PostgresBell {
    store: Store,
}

impl PostgresBell {
    /// The bell of this store's database.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    async fn listen(&self, heard: &mpsc::Sender<Heard>) -> Result<(), StoreError> {
        let mut notices = self.store.listen().await?;
        let mut next = Heard::Listening;
        while heard.send(next).await.is_ok() {
            next = parted(&notices.next().await?);
        }
        Ok(())
    }
}

#[async_trait]
impl Broadcaster for PostgresBell {
    async fn ring(&self, rings: &[Ring]) -> Result<(), BellError> {
        self.store.notify(&joined(rings)).await.map_err(|error| BellError(error.to_string()))
    }

    async fn hear(&self, heard: mpsc::Sender<Heard>) -> BellError {
        match self.listen(&heard).await {
            Ok(()) => BellError("nobody wants to hear it".to_owned()),
            Err(error) => BellError(error.to_string()),
        }
    }
}
