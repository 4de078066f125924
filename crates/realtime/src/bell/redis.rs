//! The bell of a Redis: publish and subscribe. Redis is never the truth; one that is emptied or gone loses no data.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use redis::{
    AsyncCommands as _, Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::{OnceCell, mpsc};

use super::{BellError, Broadcaster, Heard, Ring, joined, parted};

/// The channel of every instance at one Redis.
const CHANNEL: &str = "weir:bell";
/// A ring that takes longer is lost.
const RING_TIMEOUT: Duration = Duration::from_secs(2);

/// Rings by `PUBLISH`.
pub struct RedisBell {
    client: Client,
    publisher: OnceCell<ConnectionManager>,
}

impl RedisBell {
    /// The bell of the Redis at `url` (`redis://…`). It is connected to when it is needed.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn new(url: &str) -> Result<Self, BellError> {
        Ok(Self { client: Client::open(url)?, publisher: OnceCell::new() })
    }

    /// The Redis itself, for what else is kept there.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    async fn publisher(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(RING_TIMEOUT))
            .set_response_timeout(Some(RING_TIMEOUT));
        let connect = || ConnectionManager::new_with_config(self.client.clone(), config);
        self.publisher.get_or_try_init(connect).await.cloned()
    }

    async fn listen(&self, heard: &mpsc::Sender<Heard>) -> Result<(), RedisError> {
        let mut subscription = self.client.get_async_pubsub().await?;
        // Returns when Redis has acknowledged it.
        subscription.subscribe(CHANNEL).await?;
        let mut messages = subscription.into_on_message();
        let mut next = Heard::Listening;
        while heard.send(next).await.is_ok() {
            let Some(message) = messages.next().await else { break };
            next = parted(&message.get_payload::<String>()?);
        }
        Ok(())
    }
}

#[async_trait]
impl Broadcaster for RedisBell {
    async fn ring(&self, rings: &[Ring]) -> Result<(), BellError> {
        self.publisher().await?.publish::<_, _, ()>(CHANNEL, joined(rings)).await?;
        Ok(())
    }

    async fn hear(&self, heard: mpsc::Sender<Heard>) -> BellError {
        match self.listen(&heard).await {
            Ok(()) => BellError("Redis closed the connection".to_owned()),
            Err(error) => error.into(),
        }
    }
}

impl fmt::Debug for RedisBell {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis at {}", self.client.get_connection_info().addr())
    }
}

impl From<RedisError> for BellError {
    fn from(error: RedisError) -> Self {
        Self(error.to_string())
    }
}
