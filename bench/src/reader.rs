//! Readers of token streams, and what they saw.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::json;

/// What one reader saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// How long each token was on its way, from the moment the upstream wrote it.
    pub(crate) delays: Vec<Duration>,
    /// Whether the stream said that the answer is complete.
    pub(crate) complete: bool,
}

/// Where tokens are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Weir's runs.
    Weir,
    /// Chat completions, from the upstream itself or through a relay.
    OpenAi,
}

/// The HTTP client of all readers.
pub(crate) fn client() -> Result<Client> {
    // Another part of the process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().tcp_nodelay(true).no_proxy().build()?)
}

/// Asks `question` at `base` (scheme and authority) and reads the answer to its end.
pub(crate) async fn read(client: &Client, dialect: Dialect, base: &str, question: &str) -> Result<Seen> {
    follow(dialect, post(client, dialect, base, question).await?).await
}

/// Asks Weir `question` at `base`; the answer is still to be read.
pub(crate) async fn ask(client: &Client, base: &str, question: &str) -> Result<Response> {
    post(client, Dialect::Weir, base, question).await
}

/// Reads a run of Weir to its end.
pub(crate) async fn follow_weir(response: Response) -> Result<Seen> {
    follow(Dialect::Weir, response).await
}

async fn post(client: &Client, dialect: Dialect, base: &str, question: &str) -> Result<Response> {
    let (path, body) = match dialect {
        Dialect::Weir => ("/api/realtime", json!({ "prompt": question, "model": "openai/scripted-fast" })),
        Dialect::OpenAi => (
            "/v1/chat/completions",
            json!({ "model": "scripted-fast", "stream": true, "messages": [{ "role": "user", "content": question }] }),
        ),
    };
    let response = client.post(format!("{base}{path}")).json(&body).send().await?;
    if !response.status().is_success() {
        bail!("{base}{path} answered {}: {}", response.status(), response.text().await?);
    }
    Ok(response)
}

async fn follow(dialect: Dialect, mut response: Response) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut buffer = Vec::new();
    while let Some(bytes) = response.chunk().await? {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        buffer.extend_from_slice(&bytes);
        let mut rest = buffer.as_slice();
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            take(dialect, std::str::from_utf8(&rest[..end])?, now, &mut seen)?;
            rest = &rest[end + 2..];
        }
        let read = buffer.len() - rest.len();
        buffer.drain(..read);
    }
    Ok(seen)
}

#[derive(Deserialize)]
struct WeirToken {
    text: String,
}

#[derive(Deserialize)]
struct OpenAiChunk {
    choices: Vec<OpenAiChoice>,
}

#[derive(Deserialize)]
struct OpenAiChoice {
    delta: OpenAiDelta,
}

#[derive(Deserialize)]
struct OpenAiDelta {
    #[serde(default)]
    content: String,
}

/// Notes what one event says. Every token is a time in microseconds since 1970, and a space.
fn take(dialect: Dialect, event: &str, now: Duration, seen: &mut Seen) -> Result<()> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    let Some(data) = field("data:") else { return Ok(()) };
    let text = match (dialect, field("event:")) {
        (Dialect::Weir, Some("token")) => serde_json::from_str::<WeirToken>(data)?.text,
        (Dialect::Weir, Some("error")) => bail!("the run failed: {data}"),
        (Dialect::Weir, Some("done")) => {
            seen.complete = data.contains(r#""finishReason":"stop""#);
            return Ok(());
        }
        (Dialect::OpenAi, _) if data == "[DONE]" => {
            seen.complete = true;
            return Ok(());
        }
        (Dialect::OpenAi, _) => {
            let chunk: OpenAiChunk = serde_json::from_str(data)?;
            chunk.choices.into_iter().next().map(|choice| choice.delta.content).unwrap_or_default()
        }
        (Dialect::Weir, _) => return Ok(()),
    };
    for stamp in text.split_ascii_whitespace() {
        let sent = Duration::from_micros(stamp.parse().with_context(|| format!("{stamp:?} is not a time"))?);
        seen.delays.push(now.saturating_sub(sent));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_both_dialects_are_counted_and_timed() {
        let now = Duration::from_millis(5);
        let mut seen = Seen::default();
        take(Dialect::Weir, "id: 2\nevent: token\ndata: {\"id\":\"x\",\"text\":\"1000 4000 \"}", now, &mut seen)
            .unwrap();
        assert_eq!(seen.delays, [Duration::from_millis(4), Duration::from_millis(1)]);
        take(Dialect::Weir, ": ping", now, &mut seen).unwrap();
        take(Dialect::Weir, "id: 3\nevent: done\ndata: {\"id\":\"x\",\"finishReason\":\"stop\"}", now, &mut seen)
            .unwrap();
        assert!(seen.complete);

        let mut seen = Seen::default();
        take(Dialect::OpenAi, "data: {\"choices\":[{\"delta\":{\"content\":\"3000 \"}}]}", now, &mut seen).unwrap();
        take(Dialect::OpenAi, "data: {\"choices\":[{\"delta\":{}}]}", now, &mut seen).unwrap();
        take(Dialect::OpenAi, "data: [DONE]", now, &mut seen).unwrap();
        assert_eq!((seen.delays.as_slice(), seen.complete), ([Duration::from_millis(2)].as_slice(), true));
    }
}
