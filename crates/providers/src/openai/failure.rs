//! Failures of an upstream, in words that a person can act on.

use std::{error::Error as _, time::Duration};

use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde_json::Value;

use super::options::{ApiKey, BaseUrl};
use crate::{ProviderError, ProviderErrorKind as Kind};

/// The longest quotation of an upstream's own words, in characters.
const MAX_QUOTE_CHARS: usize = 240;

/// A failure, and whether asking again makes sense while nothing has been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error: ProviderError,
    pub(super) retry: bool,
}

impl Failure {
    fn new(kind: Kind, message: String) -> Self {
        Self { error: ProviderError::new(kind, message), retry: false }
    }

    fn retried(mut self) -> Self {
        self.retry = true;
        self
    }

    fn after(mut self, after: Option<Duration>) -> Self {
        self.error.retry_after = after;
        self
    }
}

/// Puts failures into words: it knows who is spoken to, about which model, and what must not be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) base_url: &'a BaseUrl,
    pub(super) api_key: Option<&'a ApiKey>,
    /// Empty where no model is asked.
    pub(super) model: &'a str,
}

impl Words<'_> {
    fn host(&self) -> String {
        self.base_url.authority()
    }

    /// The request could not be sent, or no answer came back.
    pub(super) fn unsent(&self, error: &reqwest::Error, connect_timeout: Duration) -> Failure {
        let host = self.host();
        let causes = causes(error);
        if !error.is_connect() {
            tracing::debug!(%causes, "the request to the model server failed");
            return Failure::new(
                Kind::Broken,
                format!("The connection to {host} broke before it answered. Try again."),
            )
            .retried();
        }
        tracing::debug!(%causes, "no connection to the model server");
        if error.is_timeout() {
            let wait = seconds(connect_timeout);
            return Failure::new(
                Kind::Unreachable,
                format!("No connection to {host} within {wait}. Check OPENAI_BASE_URL and the network."),
            )
            .retried();
        }
        if causes.contains("certificate") {
            return Failure::new(
                Kind::Unreachable,
                format!(
                    "The certificate of {host} is not trusted here. Install its authority's certificate on this machine, or check OPENAI_BASE_URL."
                ),
            );
        }
        let message = if causes.contains("dns error") {
            format!("The name of {host} cannot be resolved. Check OPENAI_BASE_URL and the network.")
        } else if causes.contains("refused") {
            format!("Nothing answers at {host}. Check that the server is running and that OPENAI_BASE_URL is right.")
        } else {
            format!("{host} cannot be reached. Check that the server is running, OPENAI_BASE_URL and the network.")
        };
        Failure::new(Kind::Unreachable, message).retried()
    }

    /// Nothing came for `timeout`. Not asked again: the server may be at work on the question.
    pub(super) fn silent(&self, timeout: Duration) -> Failure {
        let (host, wait) = (self.host(), seconds(timeout));
        Failure::new(Kind::Silent, format!("{host} has sent nothing for {wait}. Try again, or choose another model."))
    }

    /// The stream ended without the model's reason to end.
    pub(super) fn broken_off(&self) -> Failure {
        let host = self.host();
        Failure::new(Kind::Broken, format!("The answer from {host} broke off before its end. Try again.")).retried()
    }

    /// The server answered, and said nothing at all.
    pub(super) fn empty(&self) -> Failure {
        let host = self.host();
        Failure::new(Kind::Broken, format!("{host} sent an empty answer. Try again, or choose another model."))
            .retried()
    }

    /// The server sent `what`, which is not of the protocol.
    pub(super) fn malformed(&self, what: &str) -> Failure {
        let host = self.host();
        Failure::new(
            Kind::Malformed,
            format!(
                "{host} does not speak the OpenAI protocol: it sent {what}. Check OPENAI_BASE_URL; it usually ends in /v1."
            ),
        )
    }

    /// A filter cut the answer off.
    pub(super) fn filtered(&self) -> Failure {
        let host = self.host();
        Failure::new(Kind::Rejected, format!("The content filter of {host} stopped the answer. Ask in other words."))
    }

    /// The model says that it called a tool, and did not say which.
    pub(super) fn uncalled_tool(&self) -> Failure {
        Failure::new(
            Kind::Malformed,
            format!("“{}” asked for a tool instead of answering. Try again, or choose another model.", self.model),
        )
    }

    /// A failure that the server reports: before the answer with its `status`, or inside the stream without one.
    pub(super) fn reported(&self, status: Option<StatusCode>, headers: &HeaderMap, body: &[u8]) -> Failure {
        let report = Report::parse(body);
        let status = status.or_else(|| report.status());
        let (host, model) = (self.host(), self.model);
        let quote = self.quote(&report.message);
        let code = status.map_or(0, |status| status.as_u16());

        if report.is_context() {
            return Failure::new(
                Kind::ContextTooLong,
                format!(
                    "This conversation is longer than “{model}” can read. Start a new conversation, or choose a model with a longer context."
                ),
            );
        }
        if code == 402 || report.is_quota() {
            return Failure::new(
                Kind::RateLimited,
                format!("The account at {host} has used up its quota. Check its plan and billing."),
            );
        }
        if code == 401 || report.code == "invalid_api_key" {
            let message = if self.api_key.is_some() {
                format!("{host} does not accept the API key. Check OPENAI_API_KEY.")
            } else {
                format!("{host} asks for an API key. Set OPENAI_API_KEY.")
            };
            return Failure::new(Kind::Unauthorized, message);
        }
        if code == 403 {
            return Failure::new(
                Kind::Unauthorized,
                format!(
                    "{host} refuses access{quote}. Check what the key in OPENAI_API_KEY may do, or choose another model."
                ),
            );
        }
        if code == 429 || report.code.starts_with("rate_limit") {
            let after = retry_after(headers);
            let when = after.map_or_else(|| "a moment".to_owned(), seconds);
            return Failure::new(
                Kind::RateLimited,
                format!("{host} takes no more requests for now. Try again in {when}."),
            )
            .retried()
            .after(after);
        }
        if report.is_unknown_model(code) {
            return Failure::new(
                Kind::ModelNotFound,
                format!("{host} has no model “{model}”{quote}. Choose another model, or check OPENAI_MODELS."),
            );
        }
        match code {
            404 | 405 => Failure::new(
                Kind::Rejected,
                format!(
                    "{} does not serve chat completions. Check OPENAI_BASE_URL; it usually ends in /v1.",
                    self.base_url
                ),
            ),
            300..=399 => Failure::new(
                Kind::Rejected,
                format!("{host} redirects to another address. Set OPENAI_BASE_URL to that address."),
            ),
            503 | 529 => {
                let after = retry_after(headers);
                let when = after.map_or_else(|| "a moment".to_owned(), seconds);
                Failure::new(
                    Kind::Overloaded,
                    format!("{host} is busy or still loading its model{quote}. Try again in {when}."),
                )
                .retried()
                .after(after)
            }
            408 | 409 | 500..=599 => {
                Failure::new(Kind::Broken, format!("{host} failed with status {code}{quote}. Try again."))
                    .retried()
                    .after(retry_after(headers))
            }
            0 => Failure::new(Kind::Broken, format!("{host} failed{quote}. Try again.")).retried(),
            _ => Failure::new(Kind::Rejected, format!("{host} rejects the request{quote}.")),
        }
    }

    /// The upstream's own words as a parenthesis, short, on one line and without the key; nothing when there are none.
    fn quote(&self, message: &str) -> String {
        let message = self.api_key.map_or_else(|| message.to_owned(), |key| key.redact(message));
        let words: Vec<&str> =
            message.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
        let line = words.join(" ");
        let line = line.trim_end_matches('.');
        if line.is_empty() || line.starts_with('<') {
            return String::new();
        }
        let mut quote: String = line.chars().take(MAX_QUOTE_CHARS).collect();
        if quote.len() < line.len() {
            quote.push('…');
        }
        format!(" (“{quote}”)")
    }
}

/// What an error body says, whatever its shape.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    message: String,
    /// `code` and `type`, the more telling of them, in lower case.
    code: String,
    number: Option<u16>,
    /// The body was JSON with a message: the server's API speaks, not something in front of it.
    structured: bool,
}

impl Report {
    fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let Ok(json) = serde_json::from_slice::<Value>(body) else {
            return Self { message: text.into_owned(), ..Self::default() };
        };
        // Google's server wraps its error in a list.
        let json = json.get(0).unwrap_or(&json);
        let inner = json.get("error").filter(|error| !error.is_null()).unwrap_or(json);
        let message = message(inner);
        let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let code = match (word(inner.get("code")), word(inner.get("type"))) {
            (code, kind) if code.is_empty() => kind,
            (code, _) => code,
        };
        let number = inner.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        Self { structured: !message.is_empty(), message, code, number }
    }

    /// The status that a failure inside a stream names.
    fn status(&self) -> Option<StatusCode> {
        let named = match self.code.as_str() {
            "rate_limit_exceeded" | "rate_limit_error" => Some(429),
            "overloaded_error" | "unavailable_error" => Some(503),
            "server_error" | "internal_server_error" | "internalservererror" => Some(500),
            "invalid_request_error" | "badrequesterror" => Some(400),
            "notfounderror" => Some(404),
            _ => None,
        };
        let number = self.number.filter(|number| (400..600).contains(number));
        number.or(named).and_then(|number| StatusCode::from_u16(number).ok())
    }

    fn is_context(&self) -> bool {
        if matches!(
            self.code.as_str(),
            "context_length_exceeded" | "exceed_context_size_error" | "string_above_max_length"
        ) {
            return true;
        }
        let message = self.message.to_lowercase();
        [
            "maximum context length",               // OpenAI, vLLM, Mistral, DeepSeek
            "exceeds the available context size",   // llama.cpp
            "exceed context window",                // llama-cpp-python
            "exceeds the maximum number of tokens", // Google
            "too long to fit into the model",       // vLLM
            "`max_new_tokens` must be",             // TGI
            "prompt is too long",                   // Anthropic and those in front of it
            "greater than the context length",      // LM Studio
            "reduce the length of the messages",    // Groq
            "input is too long",
            "context length exceeded",
        ]
        .iter()
        .any(|wording| message.contains(wording))
    }

    fn is_quota(&self) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.code.as_str(), "insufficient_quota" | "billing_hard_limit_reached" | "insufficient_balance")
            || message.contains("exceeded your current quota")
            || message.contains("insufficient balance")
            || message.contains("insufficient credits")
    }

    fn is_unknown_model(&self, status: u16) -> bool {
        if matches!(self.code.as_str(), "model_not_found" | "model_not_exist" | "invalid_model") {
            return true;
        }
        let message = self.message.to_lowercase();
        if !self.structured || !message.contains("model") {
            return false;
        }
        status == 404
            || [
                "not found",
                "not exist",
                "no such model",
                "invalid model",
                "unknown model",
                "not a valid model",
                "no models loaded",
            ]
            .iter()
            .any(|wording| message.contains(wording))
    }
}

/// The sentence inside an error: a string, or whatever carries one.
fn message(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(message).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => ["message", "msg", "detail", "error", "title"]
            .iter()
            .filter_map(|name| fields.get(*name))
            .map(message)
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// How long the upstream wants to be left alone (RFC 9110, 10.2.3, and the headers that OpenAI and others add).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    if let Some(value) = text(RETRY_AFTER.as_str()) {
        if let Ok(seconds) = value.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        if let Ok(date) = httpdate::parse_http_date(value) {
            return Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default());
        }
    }
    ["requests", "tokens"]
        .into_iter()
        .filter(|what| text(&format!("x-ratelimit-remaining-{what}")) == Some("0"))
        .filter_map(|what| text(&format!("x-ratelimit-reset-{what}")).and_then(go_duration))
        .max()
}

/// A duration as Go prints it: `1s`, `6m0s`, `20ms`, `1h2m3.5s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += value
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(total).ok().filter(|_| !text.is_empty())
}

/// A duration in whole seconds, as a person says it.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

/// The chain of causes in lower case, without the address.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&cause.to_string().to_lowercase());
        text.push_str("; ");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn reported(status: u16, body: &str) -> Failure {
        let base_url: BaseUrl = "http://models.example:8080".parse().unwrap();
        let api_key: ApiKey = "sk-secret".parse().unwrap();
        let words = Words { base_url: &base_url, api_key: Some(&api_key), model: "m-1" };
        words.reported(StatusCode::from_u16(status).ok().filter(|_| status > 0), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn every_known_wording_finds_its_kind() {
        for (status, body, kind) in [
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-***","code":"invalid_api_key"}}"#,
                Kind::Unauthorized,
            ),
            (401, "", Kind::Unauthorized),
            (403, r#"{"detail":"Forbidden"}"#, Kind::Unauthorized),
            (
                404,
                r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
                Kind::ModelNotFound,
            ),
            (
                404,
                r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
                Kind::ModelNotFound,
            ),
            (
                404,
                r#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}}"#,
                Kind::ModelNotFound,
            ),
            (400, r#"{"error":{"message":"x is not a valid model ID","code":400}}"#, Kind::ModelNotFound),
            (
                400,
                r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}"#,
                Kind::ModelNotFound,
            ),
            (404, "<html>Not found: model</html>", Kind::Rejected),
            (429, r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#, Kind::RateLimited),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
                Kind::RateLimited,
            ),
            (402, r#"{"error":{"message":"Insufficient Balance"}}"#, Kind::RateLimited),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
                Kind::ContextTooLong,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000","code":400}"#,
                Kind::ContextTooLong,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_ctx":4096}}"#,
                Kind::ContextTooLong,
            ),
            (500, r#"{"error":"Requested tokens (2137) exceed context window of 2048"}"#, Kind::ContextTooLong),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096","error_type":"validation"}"#,
                Kind::ContextTooLong,
            ),
            (422, r#"{"detail":[{"loc":["body","messages"],"msg":"field required"}]}"#, Kind::Rejected),
            (500, "<html><h1>Oops</h1></html>", Kind::Broken),
            (503, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#, Kind::Overloaded),
            (301, "", Kind::Rejected),
            (0, r#"{"error":{"message":"CUDA out of memory","type":"server_error"}}"#, Kind::Broken),
            (0, r#"{"error":{"message":"x","code":429}}"#, Kind::RateLimited),
            (0, r#"{"error":"it broke"}"#, Kind::Broken),
            (0, "it broke", Kind::Broken),
        ] {
            assert_eq!(reported(status, body).error.kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert!(reported(503, "").retry && reported(500, "").retry && reported(429, "").retry);
        assert!(!reported(401, "").retry && !reported(404, "").retry && !reported(400, "").retry);
        assert!(!reported(429, r#"{"error":{"code":"insufficient_quota","message":"x"}}"#).retry);
    }

    #[test]
    fn messages_name_the_next_step_and_quote_briefly() {
        let message = |status, body: &str| reported(status, body).error.message;
        assert_eq!(message(401, "{}"), "models.example:8080 does not accept the API key. Check OPENAI_API_KEY.");
        assert_eq!(
            message(400, r#"{"detail":[{"msg":"first\n thing."},{"msg":"second"}]}"#),
            "models.example:8080 rejects the request (“first thing.; second”)."
        );
        assert!(message(400, r#"{"error":"your key sk-secret is odd"}"#).contains("your key … is odd"));
        assert_eq!(message(500, "<html>secrets</html>"), "models.example:8080 failed with status 500. Try again.");
        assert!(message(400, &format!(r#"{{"error":"{}"}}"#, "long ".repeat(1000))).chars().count() < 300);
    }

    #[test]
    fn the_wish_to_be_left_alone_is_read_in_every_form() {
        let after = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), HeaderValue::from_static(value)));
            retry_after(&headers.collect())
        };
        assert_eq!(after(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(after(&[("retry-after", "7"), ("retry-after-ms", "1500")]), Some(Duration::from_millis(1500)));
        assert_eq!(after(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(Duration::ZERO));
        let limits = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0.5s")];
        assert_eq!(after(&limits), Some(Duration::from_millis(360_500)));
        assert_eq!(after(&[("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-reset-requests", "1s")]), None);
        assert_eq!(after(&[("retry-after", "soon")]), None);
        assert_eq!(
            (go_duration("20ms"), go_duration(""), go_duration("5")),
            (Some(Duration::from_millis(20)), None, None)
        );
    }
}
