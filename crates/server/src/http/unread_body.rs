//! Discards the body of a request that was answered before its body was read. A connection that closes with unread bytes is reset, and the
//! client may never see the response (RFC 9112, section 9.6).

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    middleware::Next,
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

use super::extract::MAX_BODY_BYTES;

/// How long an unread body is read and discarded.
const DISCARD_TIME: Duration = Duration::from_secs(2);
/// How many bytes of it, at most.
const DISCARD_BYTES: usize = MAX_BODY_BYTES;

/// Discards what the handler leaves of the request's body, within bounds of time and bytes.
pub(crate) async fn discard(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::new(Unread(body)))).await
}

/// A body whose rest is discarded when it is dropped.
struct Unread(Body);

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.0);
        if rest.is_end_stream() {
            return;
        }
        // A body that is dropped outside of a runtime has no connection.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(DISCARD_TIME, read_and_discard(rest)));
        }
    }
}

async fn read_and_discard(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARD_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, middleware::from_fn, routing::post};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Connects to a server that refuses every request without looking at its body.
    async fn connect() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let refuses = post(async || StatusCode::TOO_MANY_REQUESTS);
        let router = Router::new().route("/", refuses).layer(from_fn(discard));
        tokio::spawn(async move { axum::serve(listener, router).await });
        TcpStream::connect(address).await.unwrap()
    }

    #[tokio::test]
    async fn edge_27_a_request_that_is_refused_before_its_body_arrives_gets_its_response() {
        let mut stream = connect().await;
        let length = 1024 * 1024;
        let head = format!("POST / HTTP/1.1\r\nhost: weir\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut first = vec![0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(first, b"HTTP/1.1 429");
        // Like most clients, this one continues to send, and then reuses the connection.
        stream.write_all(&vec![b'x'; length]).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest.matches("HTTP/1.1 429").count(), 1, "{rest}");
    }

    #[tokio::test]
    async fn edge_27_a_body_without_end_is_read_no_further() {
        let mut stream = connect().await;
        stream.write_all(b"POST / HTTP/1.1\r\nhost: weir\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let piece = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
        let mut sent = 0;
        // Beyond what is discarded, and what the sockets of both sides may buffer.
        while sent < 64 * DISCARD_BYTES && stream.write_all(piece.as_bytes()).await.is_ok() {
            sent += piece.len();
        }
        assert!(sent < 64 * DISCARD_BYTES);
    }
}
