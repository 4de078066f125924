//! How many requests are worked on at once. A storm waits its turn for a while, and is then asked to come back.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tokio::{sync::Semaphore, time::timeout};

use super::ApiError;

/// Requests that are worked on at once, each up to the head of its answer: a stream that has begun takes no place. Far more than
/// the database can work on, and few enough that the last of them does not wait for long.
const PLACES: usize = 256;
/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places of one server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), patience: PATIENCE }
    }
}

/// Gives a request of the API its place, or tells it when to come back: 503 with `Retry-After` of 1 to 3 seconds, so that a
/// storm does not come back as one.
pub(crate) async fn admit(
    State(admission): State<Admission>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !request.uri().path().starts_with("/api/") {
        return Ok(next.run(request).await);
    }
    let Ok(Ok(_place)) = timeout(admission.patience, admission.places.acquire()).await else {
        let seconds = 1 + uuid::Uuid::now_v7().as_u128() % 3;
        let detail = "The server has too much to do at once. Try again in a moment.";
        let retry_after = Duration::from_secs(u64::try_from(seconds).unwrap_or(1));
        return Err(ApiError::unavailable("overloaded", detail, retry_after));
    };
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use tokio::sync::Notify;
    use tower::ServiceExt as _;

    use super::*;

    fn request(path: &str) -> Request {
        Request::get(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn err_16_a_request_that_finds_no_place_is_asked_to_come_back() {
        let done = Arc::new(Notify::new());
        let admission = Admission { places: Arc::new(Semaphore::new(1)), patience: Duration::from_millis(20) };
        let slow = done.clone();
        let router = Router::new()
            .route("/api/slow", get(async move || slow.notified().await))
            .route("/healthz", get(async || ()))
            .layer(from_fn_with_state(admission, admit));
        let first = tokio::spawn(router.clone().oneshot(request("/api/slow")));
        tokio::task::yield_now().await;
        let refused = router.clone().oneshot(request("/api/slow")).await.unwrap();
        assert_eq!(refused.status(), 503);
        let retry_after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3).contains(&retry_after));
        assert_eq!(router.clone().oneshot(request("/healthz")).await.unwrap().status(), 200, "health needs no place");
        done.notify_one();
        assert_eq!(first.await.unwrap().unwrap().status(), 200);
        done.notify_one();
        assert_eq!(router.oneshot(request("/api/slow")).await.unwrap().status(), 200, "the place is free again");
    }
}
