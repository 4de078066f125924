//! The buckets of all instances together: in Redis where there is one, else in their `PostgreSQL`. Time is that of whoever keeps
//! them, so no two clocks are compared.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{
    sync::{Mutex, OnceCell},
    time::{Instant, timeout},
};
use weir_store::{BucketCharge, Store};

use super::{Exhausted, bucket::Charge};

/// An answer that takes longer is none: a limit must not make slow what it guards.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long nobody asks again after there was no answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes every charge or none, and tells how many microseconds there are to wait.
const SCRIPT: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, full = 0, {}
for i, key in ipairs(KEYS) do
    local cost, depth = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local known = tonumber(redis.call('GET', key) or 0)
    full[i] = math.min(math.max(known, now), now + depth) + cost
    wait = math.max(wait, full[i] - depth - now)
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
end
return 0
";

/// Where the buckets of all instances are.
pub struct Shared {
    place: Place,
    patience: Duration,
    /// When there was no answer last.
    silent_since: Mutex<Option<Instant>>,
    /// Whether its silence was told in the log.
    told: AtomicBool,
}

enum Place {
    Postgres(Store),
    Redis(Box<Redis>),
}

struct Redis {
    client: Client,
    connection: OnceCell<ConnectionManager>,
}

impl Shared {
    /// In the table of a store that several instances share.
    pub fn postgres(store: Store) -> Self {
        Self::at(Place::Postgres(store))
    }

    /// In a Redis. It is connected to when it is needed.
    pub fn redis(client: Client) -> Self {
        Self::at(Place::Redis(Box::new(Redis { client, connection: OnceCell::new() })))
    }

    /// Waits this long for an answer.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn at(place: Place) -> Self {
        Self { place, patience: PATIENCE, silent_since: Mutex::default(), told: AtomicBool::new(false) }
    }

    /// Takes every charge or none. None when there is no answer.
    pub(super) async fn take(&self, charges: &[Charge]) -> Option<Result<(), Exhausted>> {
        if self.silent_since.lock().await.is_some_and(|since| since.elapsed() < PAUSE) {
            return None;
        }
        let answered = timeout(self.patience, self.place.take(charges)).await;
        let failure = match answered {
            Ok(Ok(wait)) => {
                if self.told.swap(false, Ordering::Relaxed) {
                    tracing::info!(place = %self.place, "the limits of all instances hold together again");
                }
                return Some(if wait.is_zero() { Ok(()) } else { Err(Exhausted(wait)) });
            }
            Ok(Err(error)) => error,
            Err(_) => "it did not answer in time".to_owned(),
        };
        *self.silent_since.lock().await = Some(Instant::now());
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(place = %self.place, failure, "the limits of all instances cannot be asked; each goes by its own");
        }
        None
    }
}

impl Place {
    async fn take(&self, charges: &[Charge]) -> Result<Duration, String> {
        match self {
            Self::Postgres(store) => {
                let charge = |it: &Charge| BucketCharge { key: it.key.to_string(), cost: it.cost, depth: it.depth };
                let charges: Vec<_> = charges.iter().map(charge).collect();
                store.take_from_buckets(&charges).await.map_err(|error| error.to_string())
            }
            Self::Redis(redis) => {
                let mut connection = redis.connected().await.map_err(|error| error.to_string())?;
                let mut command = redis::cmd("EVAL");
                command.arg(SCRIPT).arg(charges.len());
                for charge in charges {
                    command.arg(format!("weir:bucket:{}", charge.key));
                }
                for charge in charges {
                    command.arg(charge.cost).arg(charge.depth);
                }
                let wait: i64 = command.query_async(&mut connection).await.map_err(|error| error.to_string())?;
                Ok(Duration::from_micros(wait.unsigned_abs()))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::Redis(_) => "Redis",
        })
    }
}

impl Redis {
    async fn connected(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connect = || ConnectionManager::new_with_config(self.client.clone(), config);
        self.connection.get_or_try_init(connect).await.cloned()
    }
}
