//! Everything that knows HTTP.

mod admission;
mod arrival;
mod asset;
mod auth;
mod error;
mod extract;
mod host;
mod idempotency;
mod json;
mod layers;
mod limit;
mod next_page;
mod origin;
mod response_body;
mod router;
mod routes;
mod security;
mod sse;
mod unread_body;
mod ws;

pub(crate) use arrival::BodyFailure;
pub(crate) use auth::Principal;
pub use error::ApiError;
pub(crate) use extract::MAX_BODY_BYTES;
pub use json::Json;
pub(crate) use json::TOO_MANY_VALUES;
pub(crate) use response_body::Keeping;
pub use router::{api, router};
pub(crate) use sse::take_place;
pub use ws::{Sessions, WaitingLimits};
