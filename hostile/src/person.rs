//! An HTTP client that acts for one person.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::findings::Findings;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a job is asked for.
const POLL: Duration = Duration::from_millis(100);

/// A response with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Parses the body; null when it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns a header; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether the request was refused as the contract allows: 4xx, or 503 with `Retry-After`.
    pub(crate) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status) || self.is_retryable()
    }

    fn is_retryable(&self) -> bool {
        self.status == 503 && !self.header("retry-after").is_empty()
    }
}

/// A run that was started.
pub(crate) struct Started {
    pub(crate) run: String,
    pub(crate) conversation: String,
    pub(crate) response: Response,
}

/// A client with the API token of one person, or with no credential.
#[derive(Clone)]
pub(crate) struct Person {
    http: Client,
    base: String,
    token: Option<String>,
    /// Texts of other users that this person must never receive.
    foreign: Vec<String>,
    findings: Findings,
}

impl Person {
    /// Creates a client that connects from `address` and has no credential.
    ///
    /// # Errors
    /// When the HTTP client cannot be created.
    pub(crate) fn stranger(base: &str, address: IpAddr, findings: &Findings) -> Result<Self> {
        // Another part of the process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().tcp_nodelay(true).local_address(address);
        let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, base: base.to_owned(), token: None, foreign: Vec::new(), findings: findings.clone() })
    }

    /// The same client with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client, which reports every answer that contains `text`.
    pub(crate) fn never_receives(&self, text: &str) -> Self {
        let mut person = self.clone();
        person.foreign.push(text.to_owned());
        person
    }

    /// Returns the API token.
    ///
    /// # Errors
    /// When this person has none.
    pub(crate) fn token(&self) -> Result<&str> {
        self.token.as_deref().context("no token")
    }

    /// Returns the lines of a request head that carry the credential.
    pub(crate) fn credential(&self) -> String {
        self.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default()
    }

    /// Sends a request and returns the response before its body.
    ///
    /// # Errors
    /// When there is no response in time.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Response> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let sent = timeout(PATIENCE, request.send()).await;
        let response = sent.with_context(|| format!("no answer to {method} {path}"))?;
        let response = response.with_context(|| format!("{method} {path} failed"))?;
        let status = response.status().as_u16();
        let is_allowed = status < 500 || (status == 503 && response.headers().contains_key("retry-after"));
        self.findings.check(is_allowed, || format!("{method} {} was answered with {status}", short(path)));
        Ok(response)
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// When the response does not end in time.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Answer> {
        let response = self.open(method, path, headers, body).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = timeout(PATIENCE, response.bytes()).await.context("a response has no end")??.to_vec();
        let answer = Answer { status, headers, body };
        self.inspect(path, &answer.text());
        Ok(answer)
    }

    /// Reports a text that this person received and that contains data of another user.
    pub(crate) fn inspect(&self, source: &str, text: &str) {
        for foreign in &self.foreign {
            self.findings.check(!text.contains(foreign), || format!("{} shows data of another user", short(source)));
        }
    }

    /// Reads a path.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Sends a JSON body.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.with_json(Method::POST, path, body).await
    }

    /// Sends a JSON body with another method.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn with_json(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        self.send(method, path, &[("content-type", "application/json")], Some(body.to_string().into_bytes())).await
    }

    /// Deletes what a path names.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Calls a tool; returns the id of the job, or the refusal.
    ///
    /// # Errors
    /// When there is no answer, or one that the contract does not have.
    pub(crate) async fn call(&self, tool: &str, args: &Value) -> Result<Result<String, Answer>> {
        let answer = self.post(&format!("/api/tools/{tool}"), &json!({ "args": args })).await?;
        if answer.status == 202 {
            return Ok(Ok(answer.json()["jobId"].as_str().context("an accepted call without a job")?.to_owned()));
        }
        ensure!(answer.is_refusal(), "a call of {tool} was answered with {}", answer.status);
        Ok(Err(answer))
    }

    /// Calls a tool and waits until its job has ended; returns the job, or null when the call was refused.
    ///
    /// # Errors
    /// When the job does not end in time.
    pub(crate) async fn called(&self, tool: &str, args: &Value, limit: Duration) -> Result<Value> {
        match self.call(tool, args).await? {
            Ok(job) => self.job_ended(&job, limit).await,
            Err(_) => Ok(Value::Null),
        }
    }

    /// Waits until a job has ended, and returns it.
    ///
    /// # Errors
    /// When it does not end in time.
    pub(crate) async fn job_ended(&self, job: &str, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let answer = self.get(&format!("/api/jobs/{job}")).await?;
            let found = answer.json();
            if matches!(found["status"].as_str(), Some("done" | "error")) {
                return Ok(found);
            }
            ensure!(Instant::now() < deadline, "a job of {} does not end within {limit:?}", found["name"]);
            sleep(POLL).await;
        }
    }

    /// Starts a run; returns its stream, or the refusal.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn start(&self, body: &Value) -> Result<Result<Started, u16>> {
        let headers = [("content-type", "application/json")];
        let response = self.open(Method::POST, "/api/realtime", &headers, Some(body.to_string().into_bytes())).await?;
        if response.status() != 200 {
            return Ok(Err(response.status().as_u16()));
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (run, conversation) = header("weir-run-id").zip(header("weir-conversation-id")).context("no run id")?;
        Ok(Ok(Started { run, conversation, response }))
    }

    /// Starts a run that must be accepted.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) async fn ask(&self, prompt: &str) -> Result<Started> {
        let started = self.start(&json!({ "prompt": prompt })).await?;
        started.map_err(|status| anyhow::anyhow!("a run was refused with {status}"))
    }

    /// Starts a run and reads its stream to the end, which must come in time; returns the stream.
    ///
    /// # Errors
    /// When the stream does not end with `done`.
    pub(crate) async fn answered(&self, prompt: &str, limit: Duration) -> Result<String> {
        let mut response = self.ask(prompt).await?.response;
        let mut bytes = Vec::new();
        let reading = async {
            while let Some(chunk) = response.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            anyhow::Ok(())
        };
        timeout(limit, reading).await.with_context(|| format!("a run does not end within {limit:?}"))??;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.inspect("/api/realtime", &text);
        ensure!(text.contains("event: done"), "the stream of a run ended without `done`");
        Ok(text)
    }

    /// Stores a message in a conversation; returns the conversation.
    ///
    /// # Errors
    /// When it is not accepted.
    pub(crate) async fn message(&self, conversation: Option<&str>, content: &str) -> Result<String> {
        let mut body = json!({ "role": "user", "content": content });
        if let Some(conversation) = conversation {
            body["conversationId"] = json!(conversation);
        }
        let answer = self.post("/api/messages", &body).await?;
        ensure!(answer.status == 201, "a message was answered with {}: {}", answer.status, short(&answer.text()));
        Ok(answer.json()["conversationId"].as_str().context("a message without a conversation")?.to_owned())
    }
}

/// The beginning of a text, for a report.
pub(crate) fn short(text: &str) -> String {
    const CHARS: usize = 160;
    let mut short: String = text.chars().take(CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
