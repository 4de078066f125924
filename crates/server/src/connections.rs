//! The HTTP connections of a listener.
//!
//! `axum::serve` would do, but it looks for HTTP/2 on each of them first, and what it needs for that stays with a
//! connection: most of ours are open for hours and silent.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{Router, serve::Listener};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, pin, select};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    descriptors,
    limits::{Network, Place, Places, network_of},
    metrics::{rate_limited, watched},
    write_timeout::WriteTimeout,
};

/// Who is at the other end of a request's connection: a browser, or a proxy that stands before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// How long the head of a request may take, from the end of the answer before: so also how long a connection may be idle. More than
/// the minute for which proxies keep theirs, so that they close them and no request is lost.
const HEAD_TIME: Duration = Duration::from_secs(75);
/// The largest head of a request, in bytes; browsers and proxies send less than a quarter of it.
const HEAD_BYTES: usize = 64 * 1024;
/// What one connection buffers of requests and of responses, in bytes. More than a head needs.
const BUFFER_BYTES: usize = HEAD_BYTES + 32 * 1024;
/// How long a write may make no progress before the connection ends.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// Connections that one address may hold: those of some hundred people in one office.
pub(crate) const CONNECTIONS_AN_ADDRESS: u32 = 1024;

/// An address holds as many connections as may be.
#[derive(Debug)]
struct TooMany;

/// How many connections each address holds.
pub struct Guests {
    places: Places<IpAddr>,
    /// Those who bring other people's connections.
    trusted: Vec<Network>,
}

impl Guests {
    /// Each address may hold this many connections; this machine and trusted proxies as many as there is room for.
    pub fn new(most: u32, trusted: Vec<Network>) -> Self {
        Self { places: Places::new(most), trusted }
    }

    /// Lets one more in, and counts it where that is to be counted.
    fn let_in(&self, address: IpAddr) -> Result<Option<Place<IpAddr>>, TooMany> {
        if address.to_canonical().is_loopback() || self.trusted.iter().any(|network| network.contains(address)) {
            return Ok(None);
        }
        self.places.take(network_of(address)).map(Some).ok_or(TooMany)
    }
}

/// Serves every connection that the listener lets in. When `closing` is cancelled nobody new is let in, and what is under
/// way comes to its end; it returns when that has.
pub async fn serve(
    mut listener: impl Listener<Io = TcpStream, Addr = SocketAddr>,
    router: Router,
    guests: Guests,
    closing: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = select! {
            biased;
            () = closing.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok(place) = guests.let_in(peer.ip()) else {
            rate_limited("connections");
            tokio::spawn(descriptors::turn_away(stream));
            continue;
        };
        let serving = connection(stream, Peer(peer), router.clone(), closing.clone(), WRITE_TIME);
        let serving = Box::pin(async move {
            serving.await;
            drop(place);
        });
        connections.spawn(watched("connection", serving));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, closing: CancellationToken, write_time: Duration) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, write_time)), service)
        .with_upgrades();
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

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, Bytes},
        routing::{get, post},
    };
    use futures_util::stream;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpSocket},
        time::Instant,
    };
    use weir_testkit::soon;

    use super::*;

    async fn served() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here")).route("/", post(async |body: String| body));
        let guests = Guests::new(1, Vec::new());
        tokio::spawn(serve(listener, router, guests, CancellationToken::new()));
        addr
    }

    /// All that the server says until it closes the connection.
    async fn said(stream: &mut TcpStream) -> String {
        let mut said = Vec::new();
        // One that is closed before it has read everything says so by a reset.
        let _ = stream.read_to_end(&mut said).await;
        String::from_utf8(said).unwrap()
    }

    #[tokio::test]
    async fn edge_3_the_head_of_a_request_has_a_largest_size_and_a_largest_number_of_fields() {
        let addr = served().await;
        let many = "x-many: y\r\n".repeat(101);
        let large = format!("x-large: {}\r\n", "y".repeat(HEAD_BYTES));
        for fields in [many, large] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: weir\r\n{fields}\r\n").as_bytes()).await;
            let answer = soon("the refusal", said(&mut stream)).await;
            assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn edge_3_who_sends_a_head_slowly_or_nothing_at_all_is_let_go() {
        let addr = served().await;
        for begun in ["", "GET / HTT", "GET / HTTP/1.1\r\nhost: weir\r\n", "GET / HTTP/1.1\r\nhost: weir\r\n\r\nGET"] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let before = Instant::now();
            said(&mut stream).await;
            assert!(
                before.elapsed() >= HEAD_TIME && before.elapsed() < 2 * HEAD_TIME,
                "{begun}: {:?}",
                before.elapsed()
            );
        }
    }

    #[tokio::test]
    async fn edge_6_a_peer_that_reads_nothing_loses_its_socket() {
        let endless = || async {
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone())))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(4096).unwrap();
        let mut client = client.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: weir\r\n\r\n").await.unwrap();
        let router = Router::new().route("/", get(endless));
        let write_time = Duration::from_millis(200);
        let serving = connection(server, Peer(peer), router, CancellationToken::new(), write_time);
        soon("the end of the connection", serving).await;
        // What was sent before is still there, and then the end.
        assert!(said(&mut client).await.starts_with("HTTP/1.1 200 OK"));
    }

    #[test]
    fn lim_9_an_address_holds_as_many_connections_as_may_be() {
        let guests = Guests::new(2, vec!["198.51.100.0/24".parse().unwrap()]);
        let place = |address: &str| guests.let_in(address.parse().unwrap());
        let held = [place("192.0.2.1").unwrap(), place("192.0.2.1").unwrap()];
        assert!(place("192.0.2.1").is_err());
        assert!(place("192.0.2.2").is_ok(), "another address");
        let free: Vec<_> = (0..10).flat_map(|_| [place("127.0.0.1"), place("::1"), place("198.51.100.7")]).collect();
        assert!(free.iter().all(Result::is_ok), "this machine and a trusted proxy");
        drop(held);
        assert!(place("192.0.2.1").is_ok());
    }
}
