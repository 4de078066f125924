//! JSON whose cost a client chooses: how many values a text may hold, and responses that take long to write.

use std::io;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, task::spawn_blocking};
use weir_protocol::{MAX_JSON_VALUES, has_too_many_values};

use super::ApiError;

/// What is answered to more.
pub(crate) const TOO_MANY_VALUES: &str = "The JSON holds too many values; 50,000 are allowed. Send it in parts.";
/// Up to this many bytes a text is parsed where it is.
const SMALL_TEXT: usize = 16 * 1024;
/// Large texts that are parsed at once.
const LARGE_AT_ONCE: usize = 2;
/// Up to this many bytes a response is written where it is: a quarter of a millisecond.
const SMALL_RESPONSE: usize = 32 * 1024;

/// Parses a frame. A large one is parsed on a blocking thread, few of them at once.
///
/// # Errors
/// A clause that says why it cannot be parsed.
pub(super) async fn parse<T: DeserializeOwned + Send + 'static>(text: Bytes) -> Result<T, String> {
    static LARGE: Semaphore = Semaphore::const_new(LARGE_AT_ONCE);
    if text.len() <= SMALL_TEXT {
        return parse_here(&text);
    }
    let _turn = LARGE.acquire().await;
    spawn_blocking(move || parse_here(&text)).await.unwrap_or_else(|_| Err("it could not be parsed".to_owned()))
}

fn parse_here<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    if has_too_many_values(text) {
        return Err(format!("it holds more than {MAX_JSON_VALUES} values"));
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// A response whose body is this value as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => response(text),
            Err(error) => {
                tracing::error!(%error, "a response cannot be written as JSON");
                ApiError::internal().into_response()
            }
        }
    }
}

/// A response with this value as JSON. A large one is written on a blocking thread.
pub(crate) async fn respond<T: Serialize + Send + 'static>(value: T) -> Result<Response, ApiError> {
    let mut text = Bounded(Vec::with_capacity(512));
    if serde_json::to_writer(&mut text, &value).is_ok() {
        return Ok(response(text.0));
    }
    let written = spawn_blocking(move || serde_json::to_vec(&value)).await;
    match written {
        Ok(Ok(text)) => Ok(response(text)),
        _ => Err(ApiError::internal()),
    }
}

/// A response with this JSON.
pub(crate) fn response(text: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from(text)).into_response()
}

/// A buffer that takes [`SMALL_RESPONSE`] bytes and then fails.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > SMALL_RESPONSE {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_large_response_has_the_same_form_as_a_small_one() {
        for size in [1, SMALL_RESPONSE, 4 * SMALL_RESPONSE] {
            let response = respond("x".repeat(size)).await.unwrap();
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body.len(), size + 2);
        }
    }
}
