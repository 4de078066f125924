//! What every response carries, and what every request must satisfy.

use std::{future::pending, pin::pin};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field};
use weir_protocol::{PROTOCOL_VERSION, Problem};
use weir_runs::Contact;

use super::{ApiError, Json, asset, security};
use crate::{
    app::App,
    metrics::{self, watched},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROTOCOL: HeaderName = HeaderName::from_static("weir-protocol");

/// Gives every response its request id and the protocol's version, and writes the body of a problem. What programs are answered is
/// stored by no cache, unless the handler says otherwise: streams and public documents do.
pub(crate) async fn envelope(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers()).unwrap_or_else(|| app.clock.id().to_string());
    let span = tracing::info_span!(
        "request",
        id,
        method = %request.method(),
        path = request.uri().path(),
        otel.name = field::Empty,
        otel.kind = field::Empty
    );
    let (began, method, route) = (Instant::now(), method_of(request.method()), route_of(&request));
    let is_private = asset::belongs_to_programs(request.uri().path());
    if weir_trace::is_collected() {
        begin_trace(&span, request.headers(), method, &route);
    }
    let answering = pin!(next.run(request).instrument(span.clone()));
    let mut response = watched(route.clone(), answering).await;
    weir_trace::set(&span, "http.response.status_code", i64::from(response.status().as_u16()));
    if response.status().is_server_error() {
        weir_trace::failed(&span, response.status().as_str());
    }
    metrics::answered(method, route, response.status(), began.elapsed());
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = with_body(response, Problem { request_id: id.clone(), ..problem });
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
    let headers = response.headers_mut();
    headers.insert(PROTOCOL, HeaderValue::from_static(PROTOCOL_VERSION));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    security::add(headers, app.access.is_secure());
    if is_private {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// Names the span of a request by the conventions for HTTP servers, as a child of what the caller names.
fn begin_trace(span: &Span, headers: &HeaderMap, method: &'static str, route: &str) {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    weir_trace::adopt(span, header(weir_trace::TRACEPARENT), header(weir_trace::TRACESTATE));
    weir_trace::name(span, &format!("{method} {route}"), "server");
    weir_trace::set(span, "http.request.method", method);
    weir_trace::set(span, "http.route", route.to_owned());
}

/// What a request is counted under: its route, whose names are few, and never its path. A page or a file of the web app has none.
fn route_of(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    route.unwrap_or("page").to_owned()
}

/// The method, if it is one that the server knows.
fn method_of(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

fn with_body(response: Response, problem: Problem) -> Response {
    let (mut parts, _) = response.into_parts();
    let (body_parts, body) = Json(problem).into_response().into_parts();
    if let Some(length) = body_parts.headers.get(header::CONTENT_LENGTH) {
        parts.headers.insert(header::CONTENT_LENGTH, length.clone());
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, body)
}

/// The caller's id, if it is one that can be written into a log as it is.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (1..=128).contains(&id.len()).then_some(id).filter(|id| id.bytes().all(sane)).map(str::to_owned)
}

/// Refuses what would begin something while the server is about to stop.
pub(crate) async fn refuse_while_draining(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if *request.method() == Method::POST && app.draining.is_cancelled() {
        return Err(ApiError::draining());
    }
    Ok(next.run(request).await)
}

/// Refuses what needs the database while this instance is cut off from it: another one can answer. What has begun to wait for
/// it and changes nothing is let go.
pub(crate) async fn refuse_while_cut_off(
    State(contact): State<Contact>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !request.uri().path().starts_with("/api/") {
        return Ok(next.run(request).await);
    }
    if contact.is_lost() {
        return Err(ApiError::database_unavailable());
    }
    if !request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    let ending = contact.ending();
    let lost = async {
        ending.cancelled().await;
        if !contact.is_lost() {
            // The server closes, and what is under way comes to its end.
            pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        response = next.run(request) => Ok(response),
        () = lost => Err(ApiError::database_unavailable()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{
        Router,
        body::Body,
        middleware::from_fn_with_state,
        routing::{get, post},
    };
    use tokio::{spawn, sync::Notify, task::yield_now};
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt as _;

    use super::*;

    async fn answers(notify: Arc<Notify>) {
        notify.notified().await;
    }

    #[tokio::test]
    async fn ins_8_whoever_waits_for_a_database_that_is_cut_off_is_told_so_unless_something_was_begun() {
        let (contact, database) = (Contact::new(CancellationToken::new()), Arc::new(Notify::new()));
        let (reading, writing) = (database.clone(), database.clone());
        let router = Router::new()
            .route("/api/read", get(async move || answers(reading).await))
            .route("/api/write", post(async move || answers(writing).await))
            .route("/healthz", get(async || ()))
            .layer(from_fn_with_state(contact.clone(), refuse_while_cut_off));
        let send = |method, path| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let router = router.clone();
            spawn(async move { router.oneshot(request).await.unwrap() })
        };
        let (read, write) = (send("GET", "/api/read"), send("POST", "/api/write"));
        yield_now().await;
        contact.lose();
        assert_eq!(read.await.unwrap().headers()["retry-after"], "1");
        assert_eq!(send("GET", "/api/read").await.unwrap().status(), 503);
        assert_eq!(send("POST", "/api/write").await.unwrap().status(), 503);
        assert_eq!(send("GET", "/healthz").await.unwrap().status(), 200);
        database.notify_one();
        assert_eq!(write.await.unwrap().status(), 200, "what was begun comes to its end");
        contact.regain();
        database.notify_one();
        assert_eq!(send("GET", "/api/read").await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn a_server_that_closes_answers_whoever_waits() {
        let (closing, database) = (CancellationToken::new(), Arc::new(Notify::new()));
        let reading = database.clone();
        let router = Router::new()
            .route("/api/read", get(async move || answers(reading).await))
            .layer(from_fn_with_state(Contact::new(closing.clone()), refuse_while_cut_off));
        let read = spawn(router.oneshot(Request::get("/api/read").body(Body::empty()).unwrap()));
        yield_now().await;
        closing.cancel();
        yield_now().await;
        database.notify_one();
        assert_eq!(read.await.unwrap().unwrap().status(), 200);
    }
}
