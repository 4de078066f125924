//! The routes, and the streams that play a script.

use std::{
    convert::Infallible,
    fmt::Write as _,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    control::{RequestState, Requests, epoch_micros},
    script::{self, Directives, Failure},
};
use crate::Json;

#[derive(Clone)]
struct App {
    seed: u64,
    requests: Arc<Requests>,
}

pub(crate) fn router(seed: u64, requests: Arc<Requests>) -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(complete))
        .route("/control/requests", get(async |State(app): State<App>| Json(app.requests.snapshot())))
        .with_state(App { seed, requests })
}

pub(crate) async fn serve(listener: TcpListener, app: Router) -> io::Result<()> {
    use axum::serve::ListenerExt;
    let listener = listener.tap_io(|socket| {
        // A token is worth a packet; without this, delayed acknowledgements would show up as latency.
        let _ = socket.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

#[derive(Deserialize)]
struct Completion {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<usize>,
    #[serde(default)]
    tools: Vec<Value>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: String,
    #[serde(default)]
    tool_calls: Vec<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } });
    (status, Json(body)).into_response()
}

/// A key with the word `wrong` in it is refused, everything else is let in.
fn key_is_wrong(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).is_some_and(|key| key.contains("wrong"))
}

async fn models(headers: HeaderMap) -> Response {
    if key_is_wrong(&headers) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided.");
    }
    let data: Vec<Value> = script::MODELS
        .iter()
        .map(|id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "weir", "context_length": 8192 }))
        .collect();
    Json(json!({ "object": "list", "data": data })).into_response()
}

async fn complete(State(app): State<App>, headers: HeaderMap, Json(body): Json<Completion>) -> Response {
    let question =
        body.messages.iter().rev().find(|message| message.role == "user").map_or("", |message| &message.content);
    let partial =
        body.messages.last().filter(|message| message.role == "assistant").map_or("", |message| &message.content);
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let number = app.requests.begin(&body.model, question, partial, traceparent);
    let refuse = |status, code, message| {
        app.requests.end(number, RequestState::Failed);
        refusal(status, code, message)
    };
    if key_is_wrong(&headers) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided.");
    }
    let Some(how) = Directives::parse(&body.model, question) else {
        return refuse(StatusCode::NOT_FOUND, "model_not_found", "The model does not exist.");
    };
    match how.fail {
        Some(Failure::Unauthorized) => {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided.");
        }
        Some(Failure::NoModel) => {
            return refuse(StatusCode::NOT_FOUND, "model_not_found", "The model does not exist.");
        }
        Some(Failure::RateLimited) => {
            let refusal = refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "Rate limit reached.");
            return ([(header::RETRY_AFTER, "30")], refusal).into_response();
        }
        Some(Failure::Quota) => {
            return refuse(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", "You exceeded your current quota.");
        }
        Some(Failure::Internal) => {
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The server had an error.");
        }
        Some(Failure::Context) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "context_length_exceeded",
                "This model's maximum context length is 8192 tokens.",
            );
        }
        Some(Failure::Empty) => {
            app.requests.end(number, RequestState::Failed);
            return ([(header::CONTENT_TYPE, "text/event-stream")], "").into_response();
        }
        Some(Failure::Html) => {
            app.requests.end(number, RequestState::Failed);
            return Html("<!doctype html><title>Welcome</title><p>It works!").into_response();
        }
        Some(Failure::Midstream(_) | Failure::Silent(_)) | None => {}
    }
    let asked = body.messages.iter().rposition(|message| message.role == "user").map_or(0, |place| place + 1);
    let taken = body.messages[asked..].iter().filter(|message| !message.tool_calls.is_empty()).count();
    // Each step says a few words of its own and calls; the answer comes after the last one.
    let calls = if body.tools.is_empty() { None } else { script::steps(question).into_iter().nth(taken) };
    let how = if calls.is_some() { Directives { tokens: Some(4), ..how } } else { how };
    let mut tokens = script::tokens(app.seed, &body.model, question, &how);
    let limited = body.max_tokens.is_some_and(|limit| limit < tokens.len());
    tokens.truncate(body.max_tokens.unwrap_or(usize::MAX));
    let Some(tokens) = script::rest(tokens, partial) else {
        return refuse(StatusCode::BAD_REQUEST, "not_a_prefix", "The partial answer is not how this answer begins.");
    };
    let usage = json!({
        "prompt_tokens": body.messages.iter().map(|message| message.content.split_whitespace().count()).sum::<usize>(),
        "completion_tokens": tokens.len(),
    });
    let finish = match (&calls, limited) {
        (Some(_), _) => "tool_calls",
        (None, true) => "length",
        (None, false) => "stop",
    };
    if !body.stream {
        app.requests.end(number, RequestState::Finished);
        return Json(json!({
            "id": format!("chatcmpl-{number}"), "object": "chat.completion", "created": 0, "model": body.model,
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": tokens.concat() }, "finish_reason": finish }],
            "usage": usage,
        }))
        .into_response();
    }
    let player = Player {
        requests: app.requests,
        number,
        head: format!(
            r#"{{"id":"chatcmpl-{number}","object":"chat.completion.chunk","created":0,"model":"{}","choices":"#,
            body.model
        ),
        tokens,
        how,
        calls: calls.unwrap_or_default(),
        usage: body.stream_options.is_some_and(|options| options.include_usage).then_some(usage),
        finish,
        begun: Instant::now(),
        next: Step::Role,
    };
    (
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")],
        Body::from_stream(player.play()),
    )
        .into_response()
}

/// One call as servers stream it: first its name, then its arguments in pieces.
fn fragments(index: usize, (name, args): &(String, String)) -> Vec<String> {
    let choice =
        |call: Value| json!([{ "index": 0, "delta": { "tool_calls": [call] }, "finish_reason": null }]).to_string();
    let head = json!({ "index": index, "id": format!("call_{index}"), "type": "function", "function": { "name": name, "arguments": "" } });
    let letters: Vec<char> = args.chars().collect();
    let pieces = letters
        .chunks(5)
        .map(|piece| json!({ "index": index, "function": { "arguments": piece.iter().collect::<String>() } }));
    std::iter::once(head).chain(pieces).map(choice).collect()
}

/// What comes next on the wire.
enum Step {
    Role,
    Token(usize),
    Calls,
    Finish,
    End,
}

/// One answer on its way. Dropped before its end, it notes that the client has closed.
struct Player {
    requests: Arc<Requests>,
    number: u64,
    head: String,
    tokens: Vec<String>,
    how: Directives,
    /// What it calls after its words.
    calls: Vec<(String, String)>,
    usage: Option<Value>,
    finish: &'static str,
    begun: Instant,
    next: Step,
}

impl Drop for Player {
    fn drop(&mut self) {
        self.requests.end(self.number, RequestState::ClosedEarly);
    }
}

impl Player {
    fn play(self) -> impl Stream<Item = Result<Bytes, io::Error>> {
        stream::unfold(self, |mut player| async move { player.step().await.map(|bytes| (bytes, player)) })
    }

    async fn step(&mut self) -> Option<Result<Bytes, io::Error>> {
        match self.next {
            Step::Role => {
                self.next = Step::Token(0);
                Some(Ok(
                    self.send(0, &[r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]"#])
                ))
            }
            Step::Token(index) => {
                match self.how.fail {
                    Some(Failure::Midstream(after)) if index >= after => {
                        self.requests.end(self.number, RequestState::Failed);
                        return Some(Err(io::Error::from(io::ErrorKind::ConnectionAborted)));
                    }
                    Some(Failure::Silent(after)) if index >= after => {
                        match std::future::pending::<Infallible>().await {}
                    }
                    _ => {}
                }
                self.wait_for(index).await;
                let Some(token) = self.tokens.get(index) else {
                    self.next = Step::Calls;
                    return Box::pin(self.step()).await;
                };
                let text = if self.how.stamp { format!("{} ", epoch_micros()) } else { token.clone() };
                self.next = Step::Token(index + 1);
                let choice =
                    format!(r#"[{{"index":0,"delta":{{"content":{}}},"finish_reason":null}}]"#, Value::String(text));
                Some(Ok(self.send(1, &[&choice])))
            }
            Step::Calls => {
                self.next = Step::Finish;
                let fragments: Vec<_> =
                    (0..).zip(&self.calls).flat_map(|(index, call)| fragments(index, call)).collect();
                if fragments.is_empty() {
                    return Box::pin(self.step()).await;
                }
                Some(Ok(self.send(0, &fragments.iter().map(String::as_str).collect::<Vec<_>>())))
            }
            Step::Finish => {
                let finish = format!(r#"[{{"index":0,"delta":{{}},"finish_reason":"{}"}}]"#, self.finish);
                let usage = self.usage.take().map(|usage| format!(r#"[],"usage":{usage}"#));
                self.next = Step::End;
                let last = match &usage {
                    Some(usage) => self.send(0, &[&finish, usage]),
                    None => self.send(0, &[&finish]),
                };
                Some(Ok([&last[..], b"data: [DONE]\n\n"].concat().into()))
            }
            Step::End => {
                self.requests.end(self.number, RequestState::Finished);
                None
            }
        }
    }

    /// Waits until token `index` is due. Late tokens follow at once, so that the rate holds on the whole.
    async fn wait_for(&self, index: usize) {
        if index >= self.tokens.len() {
            return;
        }
        let mut due = self.how.first;
        if self.how.rate > 0.0 {
            due += Duration::from_secs_f64(f64::from(u32::try_from(index).unwrap_or(u32::MAX)) / self.how.rate);
        }
        tokio::time::sleep_until((self.begun + due).into()).await;
    }

    fn send(&self, tokens: u64, choices: &[&str]) -> Bytes {
        let mut out = String::with_capacity(256);
        for choice in choices {
            // Writing to a string cannot fail.
            let _ = write!(out, "data: {}{choice}}}\n\n", self.head);
        }
        self.requests.sent(self.number, tokens, out.len());
        out.into()
    }
}
