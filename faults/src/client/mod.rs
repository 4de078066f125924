//! Clients: what they ask, how they read, and what they write down.

mod ask;
mod job;
mod journal;
mod reader;
mod socket;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

pub(crate) use ask::{Tried, start, try_start};
pub(crate) use job::{JobJournal, call, is_end};
pub use journal::{Answer, Journal};
pub(crate) use journal::{SharedJournal, text_of};
pub(crate) use reader::{Manner, Reader};
pub(crate) use socket::SocketReader;

/// A stream that is silent for so long is given up; the servers are told to send a ping each second.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

/// The addresses at which Weir can be reached, `http://…` each. Whoever finds one shut tries the next.
#[derive(Clone, Debug)]
pub(crate) struct Doors(Arc<[String]>);

impl Doors {
    pub(crate) fn new(urls: Vec<String>) -> Self {
        Self(urls.into())
    }

    /// The door of the `number`th try.
    pub(crate) fn at(&self, number: usize) -> &str {
        &self.0[number % self.0.len()]
    }
}

/// An HTTP client that opens a connection for every request, so that no fault hides behind an old one.
pub(crate) fn http() -> Result<reqwest::Client> {
    // Another part of the process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).pool_max_idle_per_host(0);
    client.connect_timeout(SILENCE).build().context("an HTTP client")
}

/// The status and the code of a refusal.
async fn told(response: Response) -> String {
    let status = response.status().as_u16();
    let text = timeout(SILENCE, response.text()).await.ok().and_then(Result::ok).unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    format!("{status} {}", problem["code"].as_str().unwrap_or("without a code"))
}

/// A short wait that differs from client to client.
fn pause() -> Duration {
    Duration::from_millis(fastrand::u64(20..150))
}

/// What a response with 503 asks for, in `Retry-After`.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
