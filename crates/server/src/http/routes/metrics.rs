//! What is measured: for the dashboard, and for Prometheus.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use tokio::task::spawn_blocking;
use weir_protocol::{MetricsHistory, Problem};

use crate::{
    app::App,
    http::{
        ApiError,
        auth::{Administrator, Principal},
        json,
    },
    metrics,
};

/// How it goes, now and over the last 15 minutes.
///
/// Everybody sees what all come to together, and their own runs; an administrator also sees the instances, and that other
/// people's runs go on. The WebSocket topic `metrics` goes on from here.
#[utoipa::path(
    get, path = "/api/metrics", tag = "health", operation_id = "metricsHistory",
    responses(
        (status = 200, body = MetricsHistory),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn history(State(app): State<App>, principal: Principal) -> Result<Response, ApiError> {
    let history = json::respond(app.metrics.history(principal.viewer())).await?;
    Ok((NO_STORE, history).into_response())
}

type HeaderNoStore = [(header::HeaderName, &'static str); 1];
const NO_STORE: HeaderNoStore = [(header::CACHE_CONTROL, "no-store")];

/// Everything that this instance has measured, as Prometheus reads it (text format 0.0.4).
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metricsText",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn text(State(app): State<App>, _: Administrator) -> Result<Response, ApiError> {
    // Thousands of series take some milliseconds.
    let text = spawn_blocking(move || app.metrics.prometheus()).await.map_err(|_| ApiError::internal())?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], NO_STORE, text).into_response())
}
