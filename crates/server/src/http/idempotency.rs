//! The `Idempotency-Key` header (IETF draft-ietf-httpapi-idempotency-key-header).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use weir_store::IdempotencyKey;

use super::ApiError;

/// The key of a request, if it has one.
pub(crate) struct Key {
    key: Option<String>,
    request: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let key = read(&parts.headers)?;
        Ok(Self { key, request: format!("{} {}", parts.method, parts.uri.path()) })
    }
}

fn read(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let sane = (1..=255).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
    let key = value.to_str().ok().filter(|_| sane).ok_or_else(|| {
        let message = "must be 1 to 255 visible ASCII characters";
        ApiError::invalid_as("invalid_idempotency_key", "Idempotency-Key", message)
    })?;
    Ok(Some(key.to_owned()))
}

impl Key {
    /// The key for this body; spacing and the order of fields do not make it another one.
    pub(crate) fn of(self, body: &impl Serialize) -> Option<IdempotencyKey> {
        let key = self.key?;
        let mut digest = Sha256::new_with_prefix(self.request.as_bytes());
        digest.update([0]);
        // The bodies are plain structs: they can always be written.
        digest.update(serde_json::to_vec(body).unwrap_or_default());
        Some(IdempotencyKey { key, fingerprint: digest.finalize().into() })
    }
}
