//! Parsing at the edge: bodies, queries and ids, with errors that name the field.

use std::{collections::HashMap, str::FromStr};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use weir_protocol::{
    AnswerQuestion, ChangePassword, CreateAccount, CreateApiToken, CreateConversation, CreateInvite, CreateMcpServer,
    CreateMessage, Credentials, DecideApproval, DeleteAccount, FieldError, InvokeTool, SetPermission, StartRun,
    Telemetry, UpdateConversation, UpdateMcpServer, UpdateMe, UpdatePerson,
};

use super::{
    ApiError,
    arrival::{BODY_TIME, BodyFailure},
    json,
};

/// The largest body, in bytes: the longest text with every character escaped fits.
pub(crate) const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// The longest text to look for; the database's matching takes patterns of a bounded length only.
const MAX_SEARCH_CHARS: usize = 200;
/// Faults of form that are told at once.
const MOST_FAULTS: usize = 16;

/// A body that says what is wrong with itself.
pub(crate) trait Checked {
    /// The fields that must be there; serde tells only the first that is not.
    const REQUIRED: &[&str];

    /// Every field that is wrong. None is where whatever has the right form makes sense.
    fn faults(&self) -> Vec<FieldError> {
        Vec::new()
    }
}

macro_rules! checked {
    ($($body:ty: $required:expr),* $(,)?) => {
        $(impl Checked for $body {
            const REQUIRED: &[&str] = &$required;

            fn faults(&self) -> Vec<FieldError> {
                <$body>::faults(self)
            }
        })*
    };
}

checked! {
    StartRun: [],
    CreateConversation: [],
    UpdateConversation: [],
    CreateMessage: ["role", "content"],
    InvokeTool: ["args"],
    SetPermission: ["permission"],
    DecideApproval: ["decision"],
    AnswerQuestion: ["action"],
    CreateMcpServer: ["name", "transport"],
    UpdateMcpServer: [],
    CreateAccount: ["secret", "email", "name", "password"],
    UpdateMe: [],
    ChangePassword: ["current", "new"],
    CreateApiToken: ["name", "scopes"],
    CreateInvite: ["role"],
    Telemetry: [],
}

/// An address or a password that cannot be anybody's is answered as a wrong one.
impl Checked for Credentials {
    const REQUIRED: &[&str] = &["email", "password"];
}

impl Checked for DeleteAccount {
    const REQUIRED: &[&str] = &[];
}

impl Checked for UpdatePerson {
    const REQUIRED: &[&str] = &[];
}

/// A JSON body of the right form whose fields make sense.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Checked> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::not_json());
        }
        if let Some(failure) = request.extensions().get::<BodyFailure>() {
            return Err((*failure).into());
        }
        let bytes = timeout(BODY_TIME, Bytes::from_request(request, state))
            .await
            .map_err(|_| BodyFailure::TooSlow)?
            .map_err(|rejection| match rejection.status().as_u16() {
                413 => BodyFailure::TooLarge(MAX_BODY_BYTES),
                _ => BodyFailure::BrokenOff,
            })?;
        let body: T = parse(&bytes)?;
        let faults = body.faults();
        if faults.is_empty() { Ok(Self(body)) } else { Err(ApiError::invalid(faults)) }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned + Checked>(bytes: &[u8]) -> Result<T, ApiError> {
    if weir_protocol::has_too_many_values(bytes) {
        return Err(ApiError::unreadable(json::TOO_MANY_VALUES));
    }
    let mut value: Value = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::unreadable(format!("The body is not JSON: {error}.")))?;
    // serde would take a list for the fields in their order.
    let Some(object) = value.as_object() else {
        return Err(ApiError::invalid(vec![FieldError::new("body", "must be a JSON object")]));
    };
    let missing = T::REQUIRED.iter().filter(|field| !object.contains_key(**field));
    let mut faults: Vec<_> = missing.map(|field| FieldError::new(*field, "is required")).collect();
    // serde stops at the first fault. Taking the faulty field out shows the next one.
    while faults.len() < MOST_FAULTS {
        let error = match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(body) if faults.is_empty() => return Ok(body),
            Ok(_) => break,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let field = path.split(['.', '[']).next().unwrap_or_default();
        let taken_out = value.as_object_mut().is_some_and(|object| object.remove(field).is_some());
        if !taken_out && !faults.is_empty() {
            // What is told now is that a field is missing: one that was so from the start, or was taken out.
            break;
        }
        let path = if path == "." { "body".to_owned() } else { path };
        faults.push(FieldError::new(path, format!("cannot be read: {}", error.inner())));
        if !taken_out {
            break;
        }
    }
    Err(ApiError::invalid(faults))
}

/// The query of a request; every key at most once counts.
pub(crate) struct Query {
    values: HashMap<String, String>,
    faults: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let unreadable = || ApiError::invalid(vec![FieldError::new("query", "cannot be read")]);
        let axum::extract::Query(values) =
            axum::extract::Query::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        Ok(Self { values, faults: Vec::new() })
    }
}

impl Query {
    /// A text; an empty one counts as absent.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A parsed value.
    pub(crate) fn parsed<T: FromStr>(&mut self, key: &str, expected: &str) -> Option<T> {
        let parsed = self.text(key)?.parse();
        if parsed.is_err() {
            self.fault(key, &format!("must be {expected}"));
        }
        parsed.ok()
    }

    /// One of the words of an enumeration.
    pub(crate) fn word<T: DeserializeOwned>(&mut self, key: &str, expected: &str) -> Option<T> {
        let word = serde_json::from_value(Value::String(self.text(key)?.to_owned()));
        if word.is_err() {
            self.fault(key, &format!("must be {expected}"));
        }
        word.ok()
    }

    /// A text to look for: at most [`MAX_SEARCH_CHARS`].
    pub(crate) fn search(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?.to_owned();
        if text.chars().count() > MAX_SEARCH_CHARS {
            self.fault(key, &format!("must be at most {MAX_SEARCH_CHARS} characters"));
        } else if text.contains('\0') {
            self.fault(key, "must not contain the character U+0000");
        }
        Some(text)
    }

    /// A value that must be there.
    pub(crate) fn required<T: FromStr>(&mut self, key: &str, expected: &str) -> Option<T> {
        if self.text(key).is_none() {
            self.fault(key, "is required");
        }
        self.parsed(key, expected)
    }

    /// How many items a page has: 1 to 200, 50 when nothing is said.
    pub(crate) fn limit(&mut self) -> u32 {
        let expected = "a whole number from 1 to 200";
        let limit = self.parsed("limit", expected).unwrap_or(50);
        if !(1..=200).contains(&limit) {
            self.fault("limit", &format!("must be {expected}"));
        }
        limit
    }

    /// All faults, if there are any.
    pub(crate) fn check(&mut self) -> Result<(), ApiError> {
        let faults = std::mem::take(&mut self.faults);
        if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(faults)) }
    }

    fn fault(&mut self, key: &str, message: &str) {
        self.faults.push(FieldError::new(key, message));
    }
}

/// The id in a path. One that cannot be read names nothing: 404.
pub(crate) struct PathId<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::not_found("thing");
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let id = params.iter().next().and_then(|(_, value)| value.parse().ok());
        id.map(Self).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use axum::{body, http::Method};
    use futures_util::{StreamExt as _, stream};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn edge_4_a_body_that_does_not_come_to_its_end_is_waited_for_no_longer() {
        let begun = stream::iter([Ok::<_, std::io::Error>("{\"prompt\":")]).chain(stream::pending());
        let request = Request::builder()
            .method(Method::POST)
            .header("content-type", "application/json")
            .body(body::Body::from_stream(begun))
            .unwrap();
        let Err(refused) = Body::<StartRun>::from_request(request, &()).await else { panic!("half a body") };
        assert_eq!(refused.into_problem().code, "body_too_slow");
    }
}
