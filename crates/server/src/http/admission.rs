//! The order in which a request is admitted: its credential is looked up, its limits are charged, its body arrives, and only
//! then it takes a place, which it holds while its handler works. A client that sends its body slowly holds no place.

use std::{future::Future, net::IpAddr, panic, time::Duration};

use axum::{
    body::HttpBody as _,
    extract::{Request, State},
    http::Extensions,
    middleware::Next,
    response::Response,
};
use tokio::{runtime::Handle, time::timeout};
use tracing::Instrument as _;

use super::{ApiError, Principal, arrival::CountedBody, asset, limit::ClientAddress};
use crate::{
    limits::{Admission, Requester, network_of},
    metrics::rate_limited,
};

/// Bodies above this size are worked on outside the async workers: parsing them takes longer than a millisecond.
const LARGE_BODY: u64 = 16 * 1024;

impl Requester {
    /// The sender of a request whose credential was looked up.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        match extensions.get::<Principal>() {
            Some(principal) => Self::User(principal.user),
            None => Self::Guest(network(extensions)),
        }
    }
}

/// The network that a request comes from, where it came over one.
fn network(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|ClientAddress(address)| network_of(*address))
}

/// Runs a lookup of a credential, a bounded number of them at once.
pub(crate) async fn in_turn<T>(
    admission: &Admission,
    extensions: &Extensions,
    lookup: impl Future<Output = T>,
) -> Result<T, ApiError> {
    match timeout(admission.patience, admission.lookups.acquire(network(extensions))).await {
        Ok(Some(_turn)) => Ok(lookup.await),
        Ok(None) | Err(_) => Err(overloaded()),
    }
}

/// Gives a request whose body has arrived its place, or asks the client to come back: 503 with `Retry-After` of 1 to 3
/// seconds, so that a storm does not come back as one.
///
/// From there on an unsafe request runs to its end in a task, also when its client disconnects: a change is never made by half, nor
/// made and not announced. Its place and its body stay counted until then, so a client that disconnects cannot pile up work.
/// Its response, which may be a stream, is dropped when no client takes it. Messages of MCP are the exception: a client gives a call up
/// by its disconnect, and the library runs the call in a task that is told so.
pub(crate) async fn admit(
    State(admission): State<Admission>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if asset::is_public(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let requester = Requester::of(request.extensions());
    let is_safe = request.method().is_safe();
    let is_mcp = request.uri().path() == "/mcp";
    let is_large = !is_safe && request.body().size_hint().lower() > LARGE_BODY;
    let taken = timeout(admission.patience, async {
        let large = if is_large { Some(admission.large_requests.acquire(requester).await?) } else { None };
        Some((admission.places_of(requester).acquire(requester).await?, large))
    });
    let Ok(Some(permits)) = taken.await else { return Err(overloaded()) };
    let body = request.extensions_mut().remove::<CountedBody>();
    let work = async move {
        let _held = (permits, body);
        next.run(request).await
    };
    if is_safe || (is_mcp && !is_large) {
        return Ok(work.await);
    }
    let work = work.in_current_span();
    let runtime = Handle::current();
    let working = if is_large {
        admission.requests.spawn_blocking(move || runtime.block_on(work))
    } else {
        admission.requests.spawn(work)
    };
    match working.await {
        Ok(response) => Ok(response),
        Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
        // The runtime shuts down.
        Err(_) => Err(ApiError::draining()),
    }
}

fn overloaded() -> ApiError {
    rate_limited("places");
    let seconds = 1 + uuid::Uuid::now_v7().as_u128() % 3;
    let detail = "The server is overloaded. Try again in a moment.";
    ApiError::unavailable("overloaded", detail, Duration::from_secs(u64::try_from(seconds).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use axum::{
        Router,
        body::Body,
        middleware::from_fn_with_state,
        routing::{get, post},
    };
    use futures_util::FutureExt as _;
    use tokio::{spawn, sync::Notify, task::yield_now};
    use tower::ServiceExt as _;

    use super::*;
    use crate::limits::{LimitOptions, SharedPermits};

    fn request(path: &str) -> Request {
        Request::get(path).body(Body::empty()).unwrap()
    }

    fn from(address: [u8; 4]) -> Request {
        let mut request = request("/api/slow");
        request.extensions_mut().insert(ClientAddress(address.into()));
        request
    }

    fn admission(places: usize, share: usize) -> Admission {
        let mut admission = Admission::new(&LimitOptions::SHARED);
        admission.guest_places = SharedPermits::new(places, share);
        admission.patience = Duration::from_millis(20);
        admission
    }

    fn router(admission: Admission, done: &Arc<Notify>) -> Router {
        let slow = done.clone();
        Router::new()
            .route("/api/slow", get(async move || slow.notified().await))
            .route("/healthz", get(async || ()))
            .layer(from_fn_with_state(admission, admit))
    }

    #[tokio::test]
    async fn err_16_a_request_that_finds_no_place_is_asked_to_come_back() {
        let done = Arc::new(Notify::new());
        let router = router(admission(1, 1), &done);
        let first = spawn(router.clone().oneshot(request("/api/slow")));
        yield_now().await;
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

    #[tokio::test]
    async fn life_10_a_change_is_made_whole_though_its_client_disconnects_and_keeps_its_place() {
        let (go, changes) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let (gate, counted) = (go.clone(), changes.clone());
        let change = async move || {
            counted.fetch_add(1, Ordering::SeqCst);
            gate.notified().await;
            counted.fetch_add(1, Ordering::SeqCst);
        };
        let admission = admission(1, 1);
        let router = Router::new().route("/", post(change)).layer(from_fn_with_state(admission.clone(), admit));
        let request = || Request::post("/").body(Body::empty()).unwrap();
        let mut client = Box::pin(router.clone().oneshot(request()));
        while changes.load(Ordering::SeqCst) == 0 {
            assert!((&mut client).now_or_never().is_none());
            yield_now().await;
        }
        drop(client);
        assert_eq!(router.clone().oneshot(request()).await.unwrap().status(), 503, "its place is taken");
        go.notify_one();
        admission.requests_ended().await;
        assert_eq!(changes.load(Ordering::SeqCst), 2);
        go.notify_one();
        assert_eq!(router.oneshot(request()).await.unwrap().status(), 200, "its place is free");
    }

    #[tokio::test]
    async fn lim_30_an_address_without_a_credential_takes_its_share_of_the_places_and_no_more() {
        let done = Arc::new(Notify::new());
        let router = router(admission(3, 2), &done);
        let held: Vec<_> = (0..2).map(|_| spawn(router.clone().oneshot(from([192, 0, 2, 1])))).collect();
        yield_now().await;
        assert_eq!(router.clone().oneshot(from([192, 0, 2, 1])).await.unwrap().status(), 503);
        let other = spawn(router.clone().oneshot(from([192, 0, 2, 2])));
        let mut of_user = request("/api/slow");
        of_user.extensions_mut().insert(Principal::local());
        let user = spawn(router.clone().oneshot(of_user));
        yield_now().await;
        done.notify_waiters();
        for served in held.into_iter().chain([other, user]) {
            assert_eq!(served.await.unwrap().unwrap().status(), 200);
        }
    }

    #[tokio::test]
    async fn edge_8_a_large_request_is_worked_on_outside_the_async_workers() {
        let here = std::thread::current().id();
        let is_here = async move || (std::thread::current().id() == here).to_string();
        let router = Router::new()
            .route("/", post(is_here))
            .layer(from_fn_with_state(Admission::new(&LimitOptions::SHARED), admit));
        for (size, expected) in [(1, "true"), (200_000, "false")] {
            let request = Request::post("/").body(Body::from(vec![b'x'; size])).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let text = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
            assert_eq!(text, expected, "{size} bytes");
        }
    }
}
