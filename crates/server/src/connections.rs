//! The HTTP connections of a listener.
//!
//! `axum::serve` would do, but it looks for HTTP/2 on each of them first, and what it needs for that stays with a
//! connection: most of ours are open for hours and silent.

use std::net::SocketAddr;

use axum::{Router, extract::Request, serve::Listener};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpStream, pin, select};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Who is at the other end of a request's connection: a browser, or a proxy that stands before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves every connection that the listener lets in. When `closing` is cancelled nobody new is let in, and what is under
/// way comes to its end; it returns when that has.
pub(crate) async fn serve(
    mut listener: impl Listener<Io = TcpStream, Addr = SocketAddr>,
    router: Router,
    closing: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = select! {
            biased;
            () = closing.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        connections.spawn(connection(stream, Peer(peer), router.clone(), closing.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, closing: CancellationToken) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    pin!(serving);
    select! {
        biased;
        ended = serving.as_mut() => return told(ended),
        () = closing.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    told(serving.await);
}

/// A client that goes away in the middle is an ordinary thing.
fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
