//! The one place that turns failures into status and `code` (RFC 9457).

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_protocol::{AccessScope, FieldError, Problem, shorten};
use weir_runs::{AnswerError, InvokeError, StartError};
use weir_store::StoreError;
use weir_tools::mcp::SignInError;

use crate::{
    access::{NoRandomNumbers, PasswordError, TooManyGuesses},
    mcp::{ConnectError, FleetError},
    metrics::rate_limited,
};

/// When to ask again for what is had as soon as another one of it has ended, whenever that is.
const UNTIL_ONE_ENDS: Duration = Duration::from_secs(5);

/// Fields that one response names, and characters of what it says of one of them and of all.
const MAX_FIELD_ERRORS: usize = 100;
const MAX_FIELD_CHARS: usize = 500;
const MAX_DETAIL_CHARS: usize = 4000;

/// A failure as a client sees it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    is_gone: bool,
}

/// In the extensions of a response: something that the request belongs to, perhaps its user, was deleted meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        shorten(&mut detail, MAX_DETAIL_CHARS);
        Self { status, code, detail, errors: Vec::new(), retry_after: None, is_gone: false }
    }

    /// 400: the body cannot be read.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        shorten(&mut detail, MAX_FIELD_CHARS);
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", detail)
    }

    /// 401: nobody asks.
    pub(crate) fn unauthenticated() -> Self {
        let detail = "Sign in, or send a token as Authorization: Bearer.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 403: not theirs to do.
    pub(crate) fn forbidden(scope: AccessScope) -> Self {
        let detail = match scope {
            AccessScope::Read | AccessScope::Write => "This token is not good for that: it lacks the scope.",
            AccessScope::Admin => "Only an administrator may do that.",
        };
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 403: what lets a person in is changed by that person, not by a program.
    pub(crate) fn sign_in_needed() -> Self {
        let detail = "A token cannot do that. Sign in with a browser.";
        Self::new(StatusCode::FORBIDDEN, "sign_in_needed", detail)
    }

    /// 403: a token decides neither on tool calls nor on permissions.
    pub(crate) fn decision_not_allowed() -> Self {
        let detail = "This token cannot approve tool calls or change permissions. Sign in with a browser, or use an \
                      administrator's token with the scope admin.";
        Self::new(StatusCode::FORBIDDEN, "decision_not_allowed", detail)
    }

    /// 409: an open server has no accounts.
    pub(crate) fn open_server() -> Self {
        let detail = "This server is open to its own machine and has no accounts. WEIR_AUTH=required turns sign-in on.";
        Self::new(StatusCode::CONFLICT, "open_server", detail)
    }

    /// 401: the same whatever is wrong with them, so that nobody learns who has an account.
    pub(crate) fn invalid_credentials() -> Self {
        let detail = "The address or the password is wrong.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
    }

    /// 403: the password that was asked for again is wrong.
    pub(crate) fn wrong_password() -> Self {
        Self::new(StatusCode::FORBIDDEN, "wrong_password", "The password is wrong.")
    }

    /// 403: the link makes no account any more, or never did.
    pub(crate) fn invalid_link() -> Self {
        let detail = "This link is not good any more: it was used, or its time is over. Ask for a new one.";
        Self::new(StatusCode::FORBIDDEN, "invalid_link", detail)
    }

    /// 422: the new password in this field is a bad one.
    pub(crate) fn of_new_password(error: PasswordError, path: &str) -> Self {
        match error {
            PasswordError::Weak(advice) => Self::invalid(vec![FieldError::new(path, advice)]),
            error => error.into(),
        }
    }

    /// 403: the request comes from another site.
    pub(crate) fn foreign_origin(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail)
    }

    /// 400: a handshake that cannot be answered.
    pub(crate) fn bad_handshake(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 426: the path speaks another protocol (RFC 9110, 15.5.22).
    pub(crate) fn upgrade_required(detail: &str) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail)
    }

    /// 421: the request was meant for another server (RFC 9110, 15.5.20).
    pub(crate) fn unknown_host() -> Self {
        let detail = "This server does not go by that name. Its operator can add the name to WEIR_HOSTS, or set WEIR_PUBLIC_URL.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", detail)
    }

    /// 404: there is no such thing, or it is another user's.
    pub(crate) fn not_found(thing: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {thing}."))
    }

    /// 404: what the request belongs to was deleted meanwhile.
    fn gone() -> Self {
        let detail = "What this belongs to was deleted.";
        Self { is_gone: true, ..Self::new(StatusCode::NOT_FOUND, "not_found", detail) }
    }

    /// 405: the path knows other methods.
    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not know that method; the Allow header names those it does.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// 408: the body does not come to its end.
    pub(crate) fn body_too_slow() -> Self {
        let detail = "The body took too long to arrive. Send it again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
    }

    /// 409: there is one of this name already.
    pub(crate) fn name_taken() -> Self {
        Self::new(StatusCode::CONFLICT, "name_taken", "This name is taken. Choose another one.")
    }

    /// 409: what stands in the configuration is changed there.
    pub(crate) fn configured() -> Self {
        let detail = "This is set in weir.toml. Change it there and restart Weir.";
        Self::new(StatusCode::CONFLICT, "set_in_configuration", detail)
    }

    /// 410: the log is not kept any more.
    pub(crate) fn log_expired() -> Self {
        let detail = "This log is not kept any more; what came of it is: the conversation's message, or the job.";
        Self::new(StatusCode::GONE, "run_log_expired", detail)
    }

    /// 413: the body is too large.
    pub(crate) fn too_large(limit: usize) -> Self {
        let detail = format!("The body must be at most {} KiB.", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// 415: the body is not JSON.
    pub(crate) fn not_json() -> Self {
        let detail = "The body must be JSON, with content-type: application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 422: fields are wrong.
    pub(crate) fn invalid(mut errors: Vec<FieldError>) -> Self {
        // What a client sent can be part of them.
        errors.truncate(MAX_FIELD_ERRORS);
        for error in &mut errors {
            shorten(&mut error.path, MAX_FIELD_CHARS);
            shorten(&mut error.message, MAX_FIELD_CHARS);
        }
        let list: Vec<_> = errors.iter().map(|error| format!("{} {}", error.path, error.message)).collect();
        let mut list = list.join("; ");
        shorten(&mut list, MAX_DETAIL_CHARS);
        let mut invalid = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", format!("{list}."));
        invalid.errors = errors;
        invalid
    }

    /// 422 with a code of its own.
    pub(crate) fn invalid_as(code: &'static str, path: &str, message: &str) -> Self {
        Self { code, ..Self::invalid(vec![FieldError::new(path, message)]) }
    }

    /// 429: a bucket is empty.
    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        let seconds = seconds_of(retry_after);
        let words = if seconds > 1.0 { format!("{seconds:.0} seconds") } else { "a second".to_owned() };
        let detail = format!("That was too much at once. Try again in {words}.");
        Self::too_many("rate_limited", detail, retry_after)
    }

    /// 429: as much of it is there already as may be.
    pub(crate) fn too_many(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut too_many = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        too_many.retry_after = Some(retry_after);
        too_many
    }

    /// 500: a fault of ours.
    pub(crate) fn internal() -> Self {
        let detail = "Weir failed to carry this out. It is in the server's log, under this request's id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// 429: the person holds as many sockets as may be.
    pub(crate) fn too_many_sockets() -> Self {
        let detail = "As many windows and programs of yours are connected as may be. Close one.";
        Self::too_many("too_many_sockets", detail, UNTIL_ONE_ENDS)
    }

    /// 429: the person reads as many streams as may be.
    pub(crate) fn too_many_streams() -> Self {
        let detail = "You have reached the limit of open streams. Close a window or end a program and try again.";
        Self::too_many("too_many_streams", detail, UNTIL_ONE_ENDS)
    }

    /// 429: the person's unread responses hold too much memory.
    pub(crate) fn too_many_responses() -> Self {
        let detail = "Too many of your responses are not read yet. Read them, then try again.";
        Self::too_many("too_many_responses", detail, UNTIL_ONE_ENDS)
    }

    /// 429: the person, or everybody together, has as many MCP sessions as may be.
    pub(crate) fn too_many_mcp_sessions() -> Self {
        let detail = "There are too many MCP sessions. End one with DELETE, or wait until an idle one ends.";
        Self::too_many("too_many_mcp_sessions", detail, Duration::from_mins(1))
    }

    /// 429: as many answers of the user are under way as may be.
    fn too_many_runs(limit: u32) -> Self {
        rate_limited("runs");
        let detail =
            format!("{limit} of your answers are under way, as many as may be. Stop one, or wait until one has ended.");
        Self::too_many("too_many_runs", detail, UNTIL_ONE_ENDS)
    }

    /// 403: the user's storage is full.
    fn storage_full(used: u64, limit: u64) -> Self {
        let (used, limit) = (in_units(used), in_units(limit));
        let detail = format!("Your storage is full: {used} of {limit} are used. Delete conversations and try again.");
        Self::new(StatusCode::FORBIDDEN, "storage_quota_exceeded", detail)
    }

    /// 503: try again.
    pub(crate) fn unavailable(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut unavailable = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        unavailable.retry_after = Some(retry_after);
        unavailable
    }

    /// 503: too many sign-ins wait for the `OpenID` Connect provider.
    pub(crate) fn provider_busy() -> Self {
        rate_limited("open_id");
        let detail = "Too many people wait for the sign-in provider. Try again in a few seconds.";
        Self::unavailable("overloaded", detail, Duration::from_secs(5))
    }

    /// 503: the server is about to stop.
    pub(crate) fn draining() -> Self {
        let detail = "The server is restarting. Try again in a moment.";
        Self::unavailable("draining", detail, Duration::from_secs(2))
    }

    /// 503: there is no room for another connection.
    pub(crate) fn no_room() -> Self {
        let detail = "The server has no room for another connection just now. Try again in a moment.";
        Self::unavailable("overloaded", detail, Duration::from_secs(1))
    }

    /// 503: the database does not answer, or cannot be reached from here.
    pub(crate) fn database_unavailable() -> Self {
        Self::database_failed("The database does not answer just now. Try again.")
    }

    /// 503: the database does not do its work, with the reason.
    pub(crate) fn database_failed(detail: &str) -> Self {
        Self::unavailable("database_unavailable", detail, Duration::from_secs(1))
    }

    /// Whether the same request may be answered a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Whether nobody asks.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// What its response says; its request has no id yet.
    pub(crate) fn into_problem(self) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
            request_id: String::new(),
            errors: self.errors,
        }
    }

    /// The code and the sentence, for where there is no status.
    pub(crate) fn into_words(self) -> (&'static str, String) {
        (self.code, self.detail)
    }
}

/// The response carries the problem without its request id; the outermost layer knows that and writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(seconds_of(after)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 says what would be accepted.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.is_gone {
            response.extensions_mut().insert(Gone);
        }
        response.extensions_mut().insert(self.into_problem());
        response
    }
}

/// Bytes in the largest unit of which there is at least one, with one digit after the point.
fn in_units(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0x4000_0000.. => (0x4000_0000, "GiB"),
        0x10_0000.. => (0x10_0000, "MiB"),
        _ => (0x400, "KiB"),
    };
    let tenths = u128::from(bytes) * 10 / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// Whole seconds in which this much has passed.
fn seconds_of(duration: Duration) -> f64 {
    duration.as_secs_f64().ceil().max(1.0)
}

fn whole_seconds(seconds: f64) -> HeaderValue {
    HeaderValue::from_str(&format!("{seconds:.0}")).unwrap_or(HeaderValue::from_static("1"))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            // Perhaps the caller's own account.
            StoreError::NotFound(thing @ ("person" | "user")) => Self { is_gone: true, ..Self::not_found(thing) },
            StoreError::NotFound(thing) => Self::not_found(thing),
            StoreError::Gone => Self::gone(),
            StoreError::InvalidCursor => {
                Self::invalid_as("invalid_cursor", "cursor", "must be the nextCursor of a page of this list")
            }
            StoreError::InvalidParent(message) => Self::invalid(vec![FieldError::new("parentId", message)]),
            StoreError::InvalidEdit => {
                Self::invalid(vec![FieldError::new("editOf", "names no user message of this conversation")])
            }
            StoreError::KeyReused => Self::new(
                StatusCode::CONFLICT,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another request. Use a new key for a new request.",
            ),
            StoreError::IdTaken => Self::new(
                StatusCode::CONFLICT,
                "id_taken",
                "This id stands for another call. Use a new id for a new call.",
            ),
            StoreError::Decided => Self::new(
                StatusCode::CONFLICT,
                "already_decided",
                "This call waits for no word any more: it was decided, or has ended.",
            ),
            StoreError::NameTaken => Self::name_taken(),
            StoreError::TooManySearches => {
                rate_limited("searches");
                let detail = "Too many of your searches are running. Try again in a second.";
                Self::too_many("too_many_searches", detail, Duration::from_secs(1))
            }
            StoreError::SearchTooSlow => {
                let message = "takes too long to search for. Search for a longer or more specific phrase";
                Self::invalid_as("search_too_slow", "q", message)
            }
            StoreError::TooManyRuns { limit } => Self::too_many_runs(limit),
            StoreError::StorageFull { used, limit } => Self::storage_full(used, limit),
            StoreError::LimitReached { items, limit } => {
                let detail = format!("There are {limit} {items}, the maximum. Delete one and try again.");
                Self::new(StatusCode::CONFLICT, "limit_reached", detail)
            }
            StoreError::Disabled => Self::unauthenticated(),
            StoreError::EmailTaken => Self::new(
                StatusCode::CONFLICT,
                "email_taken",
                "Somebody has an account with this address already. Sign in, or use another one.",
            ),
            StoreError::LastAdministrator => Self::new(
                StatusCode::CONFLICT,
                "last_administrator",
                "This is the last administrator. Make somebody else one first.",
            ),
            StoreError::Database(sqlx_error) => {
                tracing::error!(error = %sqlx_error, "the database failed");
                Self::database_unavailable()
            }
            StoreError::Migration(_) | StoreError::Corrupt(_) => {
                tracing::error!(%error, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Weak(advice) => Self::invalid(vec![FieldError::new("password", advice)]),
            PasswordError::Busy => {
                let detail = "Too many people sign in at once. Try again in a moment.";
                Self::unavailable("overloaded", detail, Duration::from_secs(2))
            }
            PasswordError::Failed => {
                tracing::error!(%error, "a stored password cannot be read");
                Self::internal()
            }
        }
    }
}

impl From<TooManyGuesses> for ApiError {
    fn from(error: TooManyGuesses) -> Self {
        match error {
            TooManyGuesses::Wait(wait) => {
                let detail = "Too many wrong attempts. Wait a while, then try again.";
                let mut refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail);
                refused.retry_after = Some(wait);
                refused
            }
            TooManyGuesses::Store(error) => error.into(),
        }
    }
}

impl From<NoRandomNumbers> for ApiError {
    fn from(error: NoRandomNumbers) -> Self {
        tracing::error!(%error, "a secret could not be made");
        Self::internal()
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Invalid(errors) => Self::invalid(errors),
            StartError::NoModel(note) => Self::unavailable("no_model_available", note, Duration::from_secs(10)),
            StartError::Overloaded { message, retry_after } => {
                Self::unavailable("model_overloaded", message, retry_after)
            }
            StartError::TooMany { most } => Self::too_many_runs(most),
            StartError::Draining => Self::draining(),
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Invalid(errors) => Self::invalid(errors),
            AnswerError::Store(error) => error.into(),
        }
    }
}

impl From<FleetError> for ApiError {
    fn from(error: FleetError) -> Self {
        match error {
            FleetError::Configured => Self::configured(),
            FleetError::Invalid(errors) => Self::invalid(errors),
            FleetError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectError> for ApiError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::TakesNone => {
                let detail = "Nobody signs in for this server: it is a program, is switched off, or has a header Authorization set.";
                Self::new(StatusCode::CONFLICT, "no_sign_in", detail)
            }
            ConnectError::NotBegun => {
                let detail = "What came back was not begun in this browser, or too long ago. Connect the server again.";
                Self::new(StatusCode::CONFLICT, "sign_in_expired", detail)
            }
            ConnectError::SignIn(error @ SignInError::NoRegistration(..)) => {
                Self::new(StatusCode::CONFLICT, "registration_needed", error.to_string())
            }
            ConnectError::SignIn(error) => Self::new(StatusCode::CONFLICT, "sign_in_unavailable", error.to_string()),
            ConnectError::Store(error) => error.into(),
        }
    }
}

impl From<InvokeError> for ApiError {
    fn from(error: InvokeError) -> Self {
        match error {
            InvokeError::UnknownTool(_) => Self::not_found("tool"),
            InvokeError::Invalid(errors) => Self::invalid(errors),
            InvokeError::Denied(name) => {
                let detail = format!("You do not permit {name}. Change its permission on the page of tools first.");
                Self::new(StatusCode::FORBIDDEN, "tool_denied", detail)
            }
            InvokeError::TooMany { max } => {
                rate_limited("jobs");
                let detail = format!(
                    "You have {max} unfinished tool calls, which is the limit. Stop one, decide on one that waits for \
                     approval, or wait until one has ended."
                );
                Self::too_many("too_many_jobs", detail, UNTIL_ONE_ENDS)
            }
            InvokeError::Draining => Self::draining(),
            InvokeError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lim_40_a_search_that_is_refused_is_a_fault_of_the_request() {
        let slow = ApiError::from(StoreError::SearchTooSlow).into_problem();
        assert_eq!((slow.status, slow.code.as_str(), slow.errors[0].path.as_str()), (422, "search_too_slow", "q"));
        let many = ApiError::from(StoreError::TooManySearches).into_problem();
        assert_eq!((many.status, many.code.as_str()), (429, "too_many_searches"));
    }

    #[test]
    fn sizes_are_told_in_units_that_people_read() {
        assert_eq!(in_units(0), "0.0 KiB");
        assert_eq!(in_units(1_048_575), "1023.9 KiB");
        assert_eq!(in_units(1 << 30), "1.0 GiB");
        assert_eq!(in_units(u64::MAX / 2), "8589934591.9 GiB");
    }
}
