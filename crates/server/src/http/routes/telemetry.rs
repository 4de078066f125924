//! What pages tell of themselves.

use axum::http::StatusCode;
use metrics::{counter, histogram};
use weir_protocol::{PageError, Problem, Telemetry, WebVital, WebVitalName};

use crate::http::{ApiError, auth::Principal, extract::Body};

/// Takes what a page has noticed of itself: it is counted, and what failed is written to the log by its kind.
#[utoipa::path(
    post, path = "/api/telemetry", tag = "health", operation_id = "reportTelemetry",
    request_body = Telemetry,
    responses(
        (status = 202, description = "Counted."),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn report(_: Principal, Body(told): Body<Telemetry>) -> Result<StatusCode, ApiError> {
    told.vitals.iter().for_each(count);
    for PageError { area, name, page } in &told.errors {
        counter!("weir_web_errors_total").increment(1);
        tracing::info!(area, name, page, "something failed in a page");
    }
    Ok(StatusCode::ACCEPTED)
}

fn count(vital: &WebVital) {
    let name = match vital.name {
        WebVitalName::Cls => {
            histogram!("weir_web_layout_shift_thousandths").record(vital.value * 1000.0);
            return;
        }
        WebVitalName::Fcp => "FCP",
        WebVitalName::Inp => "INP",
        WebVitalName::Lcp => "LCP",
        WebVitalName::Ttfb => "TTFB",
    };
    histogram!("weir_web_vital_seconds", "name" => name).record(vital.value / 1000.0);
}
