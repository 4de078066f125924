//! A model server whose answers are odd. The prompt names the oddity: `odd:endless-line`.

use std::{convert::Infallible, net::SocketAddr};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::DefaultBodyLimit,
    http::header,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use weir_bench::Json;

use crate::shapes::{self, SSE};

/// A piece of an endless answer, in bytes.
const PIECE: usize = 64 * 1024;
/// Pieces of an endless answer. Weir hangs up before the last one.
const PIECES: usize = 4 * 1024;
/// Arguments of a call that does not fit its schema, in bytes.
const REFUSED_BYTES: usize = 500 * 1024;
/// Tool calls of one answer.
const CALLS: usize = 100_000;

/// The oddities, and whether an answer with them is one that must fail. The short part plays the first ten.
pub(crate) const ODDITIES: [(&str, bool); 14] = [
    ("endless-answer", true),
    ("many-calls", false),
    ("endless-calls", true),
    ("deep-arguments", false),
    ("deep-json", true),
    ("huge-index", false),
    ("huge-numbers", false),
    ("not-utf8", false),
    ("surrogates", false),
    ("no-end", true),
    ("endless-line", true),
    ("endless-arguments", true),
    ("comments", true),
    ("empty-events", true),
];

/// A running model server; it ends with this value.
pub(crate) struct OddModel {
    addr: SocketAddr,
    serving: JoinHandle<()>,
}

impl OddModel {
    /// Starts it.
    ///
    /// # Errors
    /// When no address is free.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let models = json!({ "object": "list", "data": [{ "id": "odd", "object": "model" }] });
        let router = Router::new()
            .route("/v1/models", get(async move || Json(models)))
            .route("/v1/chat/completions", post(complete))
            // A context has several MiB.
            .layer(DefaultBodyLimit::disable());
        let serving = tokio::spawn(async move {
            // It ends when it is aborted, and not before.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { addr, serving })
    }

    /// Returns the setting by which Weir finds it.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }
}

impl Drop for OddModel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn complete(body: String) -> Response {
    let (_, rest) = body.rsplit_once("odd:").unwrap_or_default();
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').unwrap_or(rest.len());
    let (oddity, has_called) = (rest[..end].to_owned(), body.contains(r#""role":"tool""#));
    drop(body);
    if oddity == "silent" {
        std::future::pending::<()>().await;
    }
    let pieces = stream::iter(answer(&oddity, has_called));
    let body = match oddity.as_str() {
        "never-done" => Body::from_stream(pieces.chain(stream::pending()).map(Ok::<_, Infallible>)),
        _ => Body::from_stream(pieces.map(Ok::<_, Infallible>)),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// The pieces of an answer; `has_called`: tools were called before.
fn answer(oddity: &str, has_called: bool) -> Box<dyn Iterator<Item = Bytes> + Send> {
    let endless = |begin: &'static str, piece: Bytes| {
        Box::new(std::iter::once(Bytes::from_static(begin.as_bytes())).chain(std::iter::repeat_n(piece, PIECES)))
    };
    let letters = || "a".repeat(PIECE);
    let whole = |text: Vec<u8>| Box::new(std::iter::once(Bytes::from(text)));
    let ended = |event: String| whole(format!("{event}{FINISH}").into_bytes());
    match oddity {
        "endless-line" => endless("data: {\"choices\":[{\"delta\":{\"content\":\"", letters().into()),
        "endless-answer" => endless("", content(&letters()).into()),
        "endless-arguments" => endless("", call(&json!({ "index": 0, "function": { "arguments": letters() } })).into()),
        "comments" => endless("", format!(": {}\n", letters()).into()),
        "empty-events" => endless("", "data:\n\n".repeat(PIECE / 7).into()),
        "many-calls" if has_called => ended(content("Done.")),
        "many-calls" => Box::new((0..=CALLS).map(|index| {
            let call = time(index);
            Bytes::from(if index < CALLS { call } else { FINISH.to_owned() })
        })),
        "endless-calls" => ended(time(0)),
        "deep-arguments" => {
            let function = json!({ "name": "calculate", "arguments": "[".repeat(100_000) });
            ended(call(&json!({ "index": 0, "id": "c", "function": function })))
        }
        "deep-json" => ended(format!("data: {{\"choices\":{}\n\n", "[".repeat(500_000))),
        "huge-index" => {
            let function = json!({ "name": "current_time", "arguments": "{}" });
            ended(call(&json!({ "index": u32::MAX, "id": "c", "function": function })))
        }
        "huge-numbers" => {
            let usage = r#"{"prompt_tokens":18446744073709551615,"completion_tokens":18446744073709551615}"#;
            ended(format!("{}data: {{\"choices\":[],\"usage\":{usage}}}\n\n", content("hello")))
        }
        "not-utf8" => {
            let mut bytes = b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\xc3\"}}]}\n\n".to_vec();
            bytes.extend_from_slice(FINISH.as_bytes());
            whole(bytes)
        }
        "surrogates" => {
            ended(r#"data: {"choices":[{"delta":{"content":"\ud800\u0000\udfff\u202e"}}]}"#.to_owned() + "\n\n")
        }
        "no-end" | "never-done" => whole(content("hello").into_bytes()),
        "refused-arguments" => {
            let args = json!({ "expression": 1, "padding": "a".repeat(REFUSED_BYTES) }).to_string();
            ended(call(&json!({ "index": 0, "id": "c", "function": { "name": "calculate", "arguments": args } })))
        }
        "waiting-call" => {
            let function = json!({ "name": "wait", "arguments": "{\"seconds\":60}" });
            ended(call(&json!({ "index": 0, "id": "c", "function": function })))
        }
        generated => {
            let seed = generated.strip_prefix("seed-").and_then(|seed| seed.parse().ok()).unwrap_or_default();
            let text = shapes::shape(&mut fastrand::Rng::with_seed(seed), &SSE, 256 * 1024);
            whole(text.into_bytes())
        }
    }
}

const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn content(text: &str) -> String {
    event(&json!({ "content": text }))
}

fn call(call: &Value) -> String {
    event(&json!({ "tool_calls": [call] }))
}

/// A call of a tool that answers at once.
fn time(index: usize) -> String {
    let function = json!({ "name": "current_time", "arguments": "{}" });
    call(&json!({ "index": index, "id": format!("c{index}"), "function": function }))
}

fn event(delta: &Value) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta }] }))
}
