//! Everything that knows HTTP.

mod admission;
mod asset;
mod auth;
mod error;
mod extract;
mod host;
mod idempotency;
mod layers;
mod limit;
mod next_page;
mod origin;
mod router;
mod routes;
mod security;
mod sse;
mod ws;

pub(crate) use auth::Principal;
pub use error::ApiError;
pub(crate) use extract::MAX_BODY_BYTES;
pub use router::{api, router};
pub use ws::Sessions;
