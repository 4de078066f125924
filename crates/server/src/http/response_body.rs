//! What becomes of a response on its way to the client: a large one goes out in pieces, and what it holds is counted until
//! the client has taken it.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use weir_protocol::UserId;

use super::{ApiError, Principal};
use crate::{
    limits::{Admission, HeldBytes},
    metrics::rate_limited,
};

/// Responses up to this size are not counted.
const SMALL: u64 = 4 * 1024;
/// The largest piece that is handed to the connection at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Counts the bytes of a user's response for as long as they are in memory, and refuses the response when this user's
/// unread responses hold too many. Streams hold a piece at a time and are limited by their number.
pub(crate) async fn hold(
    State(admission): State<Admission>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let user = request.extensions().get::<Principal>().map(|principal| principal.user);
    let response = next.run(request).await;
    let (Some(user), Some(size @ SMALL..)) = (user, response.body().size_hint().exact()) else { return Ok(response) };
    let held = usize::try_from(size).ok().and_then(|size| admission.responses.reserve(user, size));
    let Some(held) = held else {
        rate_limited("responses");
        return Err(ApiError::too_many_responses());
    };
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(|_| ApiError::internal())?;
    // The bytes, and so the reservation, live until the last piece has been written to the socket.
    let bytes = Bytes::from_owner(Held { bytes, _held: held });
    Ok(Response::from_parts(parts, Body::new(Pieces(bytes))))
}

struct Held {
    bytes: Bytes,
    _held: HeldBytes<UserId>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that is handed out in pieces of one allocation.
struct Pieces(Bytes);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let size = PIECE.min(self.0.len());
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.0.len()).unwrap_or(u64::MAX))
    }
}

/// A body that keeps something until it ends.
pub(crate) struct Keeping<G> {
    body: Body,
    _guard: G,
}

impl<G: Send + Unpin + 'static> Keeping<G> {
    /// The response, whose body keeps `guard`.
    pub(crate) fn until_the_end(response: Response, guard: G) -> Response {
        response.map(|body| Body::new(Self { body, _guard: guard }))
    }
}

impl<G: Unpin> HttpBody for Keeping<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn_with_state, routing::get};
    use futures_util::StreamExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::limits::LimitOptions;

    const SIZE: usize = 300 * 1024;

    #[tokio::test]
    async fn lim_31_what_unread_responses_hold_is_bounded_for_each_user() {
        let admission = Admission::new(&LimitOptions { response_bytes: 2 * SIZE, ..LimitOptions::SHARED });
        let router =
            Router::new().route("/", get(async || vec![7_u8; SIZE])).layer(from_fn_with_state(admission.clone(), hold));
        let ask = async |is_user: bool| {
            let mut request = Request::get("/").body(Body::empty()).unwrap();
            if is_user {
                request.extensions_mut().insert(Principal::local());
            }
            router.clone().oneshot(request).await.unwrap()
        };
        let unread = [ask(true).await, ask(true).await];
        let refused = ask(true).await;
        assert_eq!(refused.status(), 429);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(ask(false).await.status(), 200, "what is public holds no memory of its own");
        let [read, left] = unread;
        let mut pieces = read.into_body().into_data_stream();
        let first = pieces.next().await.unwrap().unwrap();
        assert_eq!(first.len(), PIECE);
        let rest: Vec<_> = pieces.map(Result::unwrap).collect().await;
        assert_eq!(first.len() + rest.iter().map(Bytes::len).sum::<usize>(), SIZE);
        drop(rest);
        assert_eq!(ask(true).await.status(), 429, "a piece that is not written keeps the whole allocation");
        drop(first);
        assert_eq!(ask(true).await.status(), 200);
        drop(left);
        assert_eq!(admission.responses.in_use(), 0);
    }
}
