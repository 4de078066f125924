//! The HTTP connections of a listener.
//!
//! `axum::serve` would do, but it looks for HTTP/2 on each of them first, and what it needs for that stays with a
//! connection: most of ours are open for hours and silent.

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpStream, pin, select};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Serves every connection that the listener lets in. When `closing` is cancelled nobody new is let in, and what is under
/// way comes to its end; it returns when that has.
pub(crate) async fn serve(mut listener: impl Listener<Io = TcpStream>, router: Router, closing: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let stream = select! {
            biased;
            () = closing.cancelled() => break,
            (stream, _) = listener.accept() => stream,
        };
        connections.spawn(connection(stream, router.clone(), closing.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, router: Router, closing: CancellationToken) {
    let service = TowerToHyperService::new(router);
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
