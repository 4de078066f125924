//! Questions.

use std::sync::Arc;

use anyhow::{Result, bail};
use reqwest::{Client, Response, StatusCode};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{Answer, Doors, SILENCE, pause, retry_after, told};

/// What became of one try to ask.
pub(crate) enum Tried {
    /// It is answered, and this is the stream.
    Accepted(Arc<Answer>, Response),
    /// Not now: 503 with `Retry-After`.
    Refused,
    /// No connection, or a proxy without a server behind it.
    NobodyThere,
}

/// Asks a question, again and again with the same key until it is accepted.
///
/// # Errors
/// When it is refused for good.
pub(crate) async fn start(http: &Client, doors: &Doors, prompt: &str, key: &str) -> Result<(Arc<Answer>, Response)> {
    for door in 0.. {
        match try_at(http, doors.at(door), prompt, key).await? {
            Tried::Accepted(answer, response) => return Ok((answer, response)),
            Tried::Refused | Tried::NobodyThere => sleep(pause()).await,
        }
    }
    bail!("nobody takes the question")
}

/// Asks a question once.
///
/// # Errors
/// When it is refused in a way in which no question may be refused.
pub(crate) async fn try_start(http: &Client, doors: &Doors, prompt: &str) -> Result<Tried> {
    try_at(http, doors.at(0), prompt, &format!("{:032x}", fastrand::u128(..))).await
}

async fn try_at(http: &Client, door: &str, prompt: &str, key: &str) -> Result<Tried> {
    let request = http.post(format!("{door}/api/realtime")).header("idempotency-key", key);
    let request = request.header("content-type", "application/json").body(json!({ "prompt": prompt }).to_string());
    let Ok(Ok(response)) = timeout(SILENCE, request.send()).await else { return Ok(Tried::NobodyThere) };
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    match response.status() {
        StatusCode::OK => {
            let (Some(run), Some(conversation)) = (header("weir-run-id"), header("weir-conversation-id")) else {
                bail!("a stream without its run's id: {response:?}");
            };
            let answer = Answer { run, conversation, prompt: prompt.to_owned(), key: key.to_owned() };
            Ok(Tried::Accepted(Arc::new(answer), response))
        }
        StatusCode::SERVICE_UNAVAILABLE if retry_after(&response).is_some() => Ok(Tried::Refused),
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Ok(Tried::NobodyThere),
        _ => bail!("a question was answered {}", told(response).await),
    }
}
