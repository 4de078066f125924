//! Health, and the description of the contract.

use std::time::Duration;

use axum::{extract::State, http::header, response::IntoResponse};
use serde_json::{Value, json};
use tokio::{sync::OnceCell, task::spawn_blocking, time::timeout};
use weir_protocol::Problem;

use crate::{
    app::App,
    http::{ApiError, Json},
    openapi,
};

/// How long the database may take to answer a probe.
const PING_TIME: Duration = Duration::from_secs(2);

/// The process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "healthz", security(()),
    responses((status = 200, body = Object))
)]
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// It can do its work: the database answers and takes writes, and the server is not about to stop. A 503 names the reason.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz", security(()),
    responses(
        (status = 200, body = Object),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    if app.draining.is_cancelled() {
        return Err(ApiError::draining());
    }
    // Of the newest write: a probe of the database must not cost one.
    if let Some(reason) = app.store.write_health().failure() {
        return Err(ApiError::database_failed(&format!("Writes to the database fail: {reason}.")));
    }
    if app.contact.is_lost() {
        return Err(ApiError::database_failed("This instance is cut off from the database."));
    }
    match timeout(PING_TIME, app.store.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return Err(ApiError::database_failed(&format!("Reads from the database fail: {}.", error.reason())));
        }
        Err(_) => return Err(ApiError::database_failed("Reads from the database take too long.")),
    }
    // Without the bell everything still works, only a poll later.
    let broadcaster = if app.log.hears() { "ok" } else { "polling" };
    Ok(Json(json!({ "status": "ready", "checks": { "database": "ok", "writes": "ok", "broadcaster": broadcaster } })))
}

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "health", operation_id = "openapi", security(()),
    responses((status = 200, body = Object))
)]
pub(crate) async fn document() -> Result<impl IntoResponse, ApiError> {
    static DOCUMENT: OnceCell<String> = OnceCell::const_new();
    let made = DOCUMENT.get_or_try_init(|| spawn_blocking(openapi::document)).await;
    let document = made.map_err(|_| ApiError::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document.as_str()))
}
