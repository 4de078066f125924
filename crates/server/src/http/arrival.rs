//! The arrival of a body, before its request takes a place: bounded in bytes, in time and in number.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use tokio::time::sleep;

use super::{ApiError, extract::MAX_BODY_BYTES};
use crate::{
    limits::{Admission, HeldBytes, Requester},
    metrics::rate_limited,
};

/// How long a body may take.
pub(super) const BODY_TIME: Duration = Duration::from_secs(20);
/// The largest body of a request without a credential, in bytes: addresses, names and passwords.
const MAX_GUEST_BODY_BYTES: usize = 16 * 1024;
/// The paths whose handlers read bodies of requests without a credential.
const GUEST_BODIES: &str = "/api/auth/";

/// Counts the bytes of a body, for as long as it lives. It is among the extensions of its request.
#[derive(Clone)]
pub(super) struct CountedBody {
    _held: Arc<HeldBytes<Requester>>,
}

/// The body of the request came later than its head. It is among the extensions of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct LateBody;

/// Why a body did not arrive. The handler that would read the body answers it, after what it checks before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFailure {
    TooLarge(usize),
    TooSlow,
    BrokenOff,
    NoRoom,
}

impl From<BodyFailure> for ApiError {
    fn from(failure: BodyFailure) -> Self {
        match failure {
            BodyFailure::TooLarge(limit) => Self::too_large(limit),
            BodyFailure::TooSlow => Self::body_too_slow(),
            BodyFailure::BrokenOff => Self::unreadable("The body broke off."),
            BodyFailure::NoRoom => {
                rate_limited("bodies");
                let detail = "The server is reading too many request bodies. Try again in a moment.";
                Self::unavailable("overloaded", detail, Duration::from_secs(2))
            }
        }
    }
}

/// Waits for the body of a request. No handler ever waits for one.
pub(crate) async fn receive(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let requester = Requester::of(request.extensions());
    let limit = match requester {
        Requester::User(_) => MAX_BODY_BYTES,
        Requester::Guest(_) if request.uri().path().starts_with(GUEST_BODIES) => MAX_GUEST_BODY_BYTES,
        // The handler refuses the request without looking at the body.
        Requester::Guest(_) => return next.run(request.map(|_| Body::empty())).await,
    };
    let (mut parts, body) = request.into_parts();
    let held = admission.bodies_of(requester).open(requester);
    let mut arriving = pin!(collect(body, limit, held));
    // A body that came with its head is there now. It need not be counted.
    let arrived = match poll_fn(|cx| Poll::Ready(arriving.as_mut().poll(cx))).await {
        Poll::Ready(arrived) => arrived,
        Poll::Pending => {
            parts.extensions.insert(LateBody);
            arrive(&admission, requester, arriving).await
        }
    };
    let body = match arrived {
        Ok((bytes, held)) => {
            parts.extensions.insert(CountedBody { _held: Arc::new(held) });
            Body::from(bytes)
        }
        Err(failure) => {
            parts.extensions.insert(failure);
            Body::empty()
        }
    };
    next.run(Request::from_parts(parts, body)).await
}

type Arrived = Result<(Bytes, HeldBytes<Requester>), BodyFailure>;

/// Waits for the body no longer than [`BODY_TIME`], and only while the sender has not too many unfinished ones.
async fn arrive(
    admission: &Admission,
    requester: Requester,
    arriving: Pin<&mut impl Future<Output = Arrived>>,
) -> Arrived {
    let arrival = admission.arrivals.start(requester);
    tokio::select! {
        biased;
        arrived = arriving => arrived,
        () = arrival.displaced() => {
            rate_limited("unfinished_requests");
            Err(BodyFailure::TooSlow)
        }
        () = sleep(BODY_TIME) => Err(BodyFailure::TooSlow),
    }
}

async fn collect(body: Body, limit: usize, mut held: HeldBytes<Requester>) -> Arrived {
    let mut body = pin!(body);
    // A length that is announced is believed only when it is too much.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyFailure::TooLarge(limit));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|_| BodyFailure::BrokenOff)?;
        // Trailers mean nothing here.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(BodyFailure::TooLarge(limit));
        }
        if !held.grow(data.len()) {
            return Err(BodyFailure::NoRoom);
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.into(), held))
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn_with_state, response::IntoResponse as _, routing::post};
    use futures_util::{StreamExt as _, stream};
    use tokio::{spawn, task::yield_now, time::Instant};
    use tower::ServiceExt as _;

    use super::*;
    use crate::limits::{ByteBudget, LimitOptions};

    async fn handler(request: Request) -> Response {
        match request.extensions().get::<BodyFailure>() {
            Some(failure) => ApiError::from(*failure).into_response(),
            None => ().into_response(),
        }
    }

    async fn answer(admission: &Admission, body: Body) -> Response {
        let routes = Router::new().route("/api/auth/sign-in", post(handler));
        let service = routes.layer(from_fn_with_state(admission.clone(), receive));
        service.oneshot(Request::post("/api/auth/sign-in").body(body).unwrap()).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn edge_4_a_body_that_trickles_is_waited_for_no_longer() {
        let admission = Admission::new(&LimitOptions::SHARED);
        let drops = stream::unfold((), async |()| {
            sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        let began = Instant::now();
        let answer = answer(&admission, Body::from_stream(drops)).await;
        assert_eq!((answer.status().as_u16(), began.elapsed()), (408, BODY_TIME));
        assert_eq!(admission.guest_bodies.in_use(), 0);
    }

    #[tokio::test]
    async fn lim_34_bodies_hold_a_bounded_number_of_bytes() {
        let mut admission = Admission::new(&LimitOptions::SHARED);
        admission.guest_bodies = ByteBudget::new(100, 100);
        let begun = stream::iter([Ok::<_, std::io::Error>("x".repeat(60))]).chain(stream::pending());
        let first = spawn({
            let admission = admission.clone();
            async move { answer(&admission, Body::from_stream(begun)).await }
        });
        yield_now().await;
        assert_eq!(answer(&admission, Body::from("x".repeat(60))).await.status(), 503);
        first.abort();
        assert!(first.await.is_err());
        assert_eq!(answer(&admission, Body::from("x".repeat(60))).await.status(), 200);
        assert_eq!(answer(&admission, Body::from(vec![b'x'; MAX_GUEST_BODY_BYTES + 1])).await.status(), 413);
    }
}
