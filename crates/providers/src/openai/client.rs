//! The HTTP client and its one way of asking.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Client, Response,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect,
};
use tokio::time::timeout;

use super::{
    failure::{Failure, Words},
    options::OpenAiOptions,
    overlap::Overlap,
    request::{Extras, Question},
};
use crate::{ProviderError, ProviderErrorKind};

/// How much of an error's body is read, in bytes, and for how long.
const MAX_ERROR_BYTES: usize = 64 * 1024;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// One server and what has been learned of it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) options: OpenAiOptions,
    http: Client,
    refuses_usage: AtomicBool,
    refuses_continuation: AtomicBool,
    /// Models that are not to be offered tools: their server refuses the question then.
    without_tools: Mutex<HashSet<String>>,
}

impl Server {
    pub(super) fn new(options: OpenAiOptions) -> Result<Self, ProviderError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.api_key {
            headers.insert(AUTHORIZATION, key.authorization());
        }
        let http = Client::builder()
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(options.connect_timeout)
            // A question is a POST with a key: it goes to the address the operator gave, and nowhere else.
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(15))
            .pool_idle_timeout(Duration::from_mins(1))
            .pool_max_idle_per_host(32)
            .http2_keep_alive_interval(Duration::from_secs(15))
            .http2_keep_alive_timeout(Duration::from_secs(15))
            .http2_adaptive_window(true)
            .build()
            .map_err(|error| {
                tracing::error!(error = %error.without_url(), "the HTTP client cannot be set up");
                ProviderError::new(
                    ProviderErrorKind::NotReady,
                    "The HTTP client cannot be set up. Check the machine's TLS certificates and proxy settings.",
                )
            })?;
        Ok(Self {
            options,
            http,
            refuses_usage: AtomicBool::new(false),
            refuses_continuation: AtomicBool::new(false),
            without_tools: Mutex::default(),
        })
    }

    /// Whether its models go on from a partial answer, as far as is known.
    pub(super) fn continues(&self) -> bool {
        self.options.continues.unwrap_or(!self.options.base_url.is_openai())
    }

    /// Whether this model can be offered tools, as far as is known.
    pub(super) fn calls_tools(&self, model: &str) -> bool {
        !self.without_tools.lock().unwrap_or_else(PoisonError::into_inner).contains(model)
    }

    pub(super) fn words<'a>(&'a self, model: &'a str) -> Words<'a> {
        Words { base_url: &self.options.base_url, api_key: self.options.api_key.as_ref(), model }
    }

    /// Asks once, or a few times more when the server refuses fields that are not of the common core.
    pub(super) async fn ask(&self, question: &mut Question) -> Result<(Response, Overlap), Failure> {
        let mut extras = Extras {
            usage: !self.refuses_usage.load(Ordering::Relaxed),
            continuation: question.has_partial() && !self.refuses_continuation.load(Ordering::Relaxed),
            tools: question.has_tools() && self.calls_tools(&question.model),
        };
        let asked_with = extras;
        loop {
            let (response, overlap) = self.send(question, extras).await?;
            if response.status().is_success() {
                if asked_with.usage && !extras.usage {
                    self.refuses_usage.store(true, Ordering::Relaxed);
                }
                if asked_with.continuation && !extras.continuation {
                    self.refuses_continuation.store(true, Ordering::Relaxed);
                }
                if asked_with.tools && !extras.tools {
                    self.without_tools.lock().unwrap_or_else(PoisonError::into_inner).insert(question.model.clone());
                }
                return Ok((response, overlap));
            }
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_error(response).await;
            let mut failure = self.words(&question.model).reported(Some(status), &headers, &body);
            let refused = failure.error.kind == ProviderErrorKind::Rejected && matches!(status.as_u16(), 400 | 422);
            // Servers say in many ways that a model takes no tools: by 400, by 404, by a failure of their own.
            if extras.tools && !refused && names_tools(&body) {
                extras.tools = false;
                continue;
            }
            if !refused || !extras.any() {
                if refused && question.has_partial() {
                    failure
                        .error
                        .message
                        .push_str(" Should it be unable to continue answers, set OPENAI_CONTINUES=false.");
                }
                return Err(failure);
            }
            extras = extras.without_refused(&String::from_utf8_lossy(&body));
        }
    }

    async fn send(&self, question: &mut Question, extras: Extras) -> Result<(Response, Overlap), Failure> {
        let body = question.body(extras);
        let words = self.words(&question.model);
        let (body, overlap) = body.map_err(|_| words.malformed("nothing: the question cannot be written as JSON"))?;
        let mut asking = self
            .http
            .post(self.options.base_url.endpoint("chat/completions"))
            .header(ACCEPT, HeaderValue::from_static("text/event-stream"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in weir_trace::current().into_iter().flatten() {
            asking = asking.header(name, value);
        }
        match timeout(self.options.silence_timeout, asking.body(body).send()).await {
            Ok(Ok(response)) => Ok((response, overlap)),
            Ok(Err(error)) => Err(words.unsent(&error, self.options.connect_timeout)),
            Err(_) => Err(words.silent(self.options.silence_timeout)),
        }
    }

    /// Fetches the server's list of models: the status, the headers and the body, of at most `limit` bytes.
    pub(super) async fn fetch_models(
        &self,
        limit: usize,
    ) -> Result<(reqwest::StatusCode, HeaderMap, Vec<u8>), Failure> {
        let words = self.words("");
        let sending = self.http.get(self.options.base_url.endpoint("models")).send();
        let mut response = sending.await.map_err(|error| words.unsent(&error, self.options.connect_timeout))?;
        let body = read_body(&mut response, limit).await.ok_or_else(|| words.malformed("an endless list of models"))?;
        Ok((response.status(), response.headers().clone(), body))
    }
}

/// Whether a refusal speaks of tools.
fn names_tools(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    ["tool", "function call", "--jinja"].iter().any(|word| text.contains(word))
}

/// The beginning of an error's body; what cannot be read in time is left out.
async fn read_error(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(bytes)) = response.chunk().await {
            body.extend_from_slice(&bytes[..bytes.len().min(MAX_ERROR_BYTES - body.len())]);
            if body.len() == MAX_ERROR_BYTES {
                break;
            }
        }
    };
    // Whatever has come by then is enough.
    let _ = timeout(ERROR_BODY_TIMEOUT, reading).await;
    body
}

/// The whole body; `None` when it breaks off or is longer than `limit`.
async fn read_body(response: &mut Response, limit: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) if body.len() + bytes.len() <= limit => body.extend_from_slice(&bytes),
            Ok(None) => return Some(body),
            _ => return None,
        }
    }
}
