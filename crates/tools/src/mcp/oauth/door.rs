//! Where requests may go on the way to a sign-in.
//!
//! An administrator has set the MCP server, which is asked wherever it is. What it says of authorization servers is a stranger's word:
//! those are asked on the internet only, but where the server itself is written as an address of this machine or of a private network,
//! and there only in the same. With a server over TLS nothing is asked without.

use std::{
    error::Error,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use oauth2::{HttpResponse, http};
use reqwest::redirect;
use rmcp::transport::auth::{OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRequest};
use serde::Deserialize;
use url::Url;

use super::{journey::SignInError, theirs};
use crate::{CanonicalHost, Outside, outside::Refused, own_thread::OwnThread};

/// How long each request may take.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(500) } else { Duration::from_secs(10) };
/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// The clients that every door shares, made when somebody goes through one.
#[derive(Clone)]
pub(super) struct Clients(Arc<Inner>);

struct Inner {
    outside: Outside,
    /// Obeys the guard.
    guarded: OnceLock<Option<reqwest::Client>>,
    /// Goes where an administrator has said.
    plain: OnceLock<Option<reqwest::Client>>,
}

/// A client, if it can be set up.
fn build(client: reqwest::ClientBuilder) -> Option<reqwest::Client> {
    let client = client.user_agent(concat!("weir/", env!("CARGO_PKG_VERSION"))).timeout(PATIENCE);
    // Codes and tokens are in what is sent: they go where they were meant to. A connection ends with the thread of its request.
    client.redirect(redirect::Policy::none()).pool_max_idle_per_host(0).build().ok()
}

impl Clients {
    pub(super) fn new(outside: Outside) -> Self {
        Self(Arc::new(Inner { outside, guarded: OnceLock::new(), plain: OnceLock::new() }))
    }

    /// The guard.
    pub(super) fn outside(&self) -> &Outside {
        &self.0.outside
    }

    /// The door that requests on behalf of this MCP server go through.
    pub(super) fn door(&self, server: &Url) -> Result<Door, SignInError> {
        let Inner { outside, guarded, plain } = &*self.0;
        let set_up = |client: &Option<reqwest::Client>| {
            client.clone().ok_or_else(|| SignInError::Unavailable("The HTTP client cannot be set up.".to_owned()))
        };
        Ok(Door {
            server: server.clone(),
            outside: outside.clone(),
            guarded: set_up(guarded.get_or_init(|| build(outside.client())))?,
            plain: set_up(plain.get_or_init(|| build(reqwest::Client::builder())))?,
            refusal: Mutex::default(),
        })
    }
}

/// Why something is not asked for; a sentence.
#[derive(Debug, thiserror::Error)]
enum Shut {
    #[error("{0} is not asked: {1}")]
    Inside(String, Refused),
    #[error("{0} is not asked: the server is reached over TLS, and this would not be")]
    Plain(String),
    #[error("the answer is larger than 256 KiB")]
    TooLarge,
}

/// The way from one MCP server to its authorization server.
pub(super) struct Door {
    server: Url,
    outside: Outside,
    guarded: reqwest::Client,
    plain: reqwest::Client,
    /// What an endpoint gave as its reason the last time.
    refusal: Mutex<Option<String>>,
}

/// An error of an endpoint (RFC 6749, 5.2; RFC 7591, 3.2.2).
#[derive(Deserialize)]
struct Said {
    error: String,
    error_description: Option<String>,
}

impl Door {
    /// What the authorization server gave as its reason, if it gave one.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a person's browser may be sent there.
    pub(super) fn is_page(&self, url: &Url) -> bool {
        url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && self.server.scheme() == "http"))
    }

    /// The client that asks there.
    fn client(&self, url: &Url) -> Result<&reqwest::Client, Shut> {
        if self.server.scheme() == "https" && url.scheme() != "https" {
            return Err(Shut::Plain(theirs(url.as_str())));
        }
        let own = url.origin() == self.server.origin() && url.username().is_empty() && url.password().is_none();
        let beside = url.scheme().starts_with("http")
            && place(url).is_some_and(|there| Some(there) == place(&self.server))
            && url.username().is_empty();
        if own || beside {
            return Ok(&self.plain);
        }
        self.outside.check(url).map_err(|refused| Shut::Inside(theirs(url.as_str()), refused))?;
        Ok(&self.guarded)
    }

    /// Sends a request on a thread, which the server may keep busy until the deadline, and reads an answer of a bounded size.
    pub(super) async fn ask(&self, request: http::Request<Vec<u8>>) -> Result<HttpResponse, OAuthHttpClientError> {
        let url: Url = request.uri().to_string().parse()?;
        let exchange = exchange(self.client(&url)?.clone(), reqwest::Request::try_from(request)?);
        let response = OwnThread::start("oauth").spawn(exchange).await??;
        if response.status().is_client_error() {
            self.note(response.body());
        }
        Ok(response)
    }

    fn note(&self, body: &[u8]) {
        let Ok(said) = serde_json::from_slice::<Said>(body) else { return };
        let words = match said.error_description {
            Some(description) => format!("{} ({})", theirs(&said.error), theirs(&description)),
            None => theirs(&said.error),
        };
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }
}

async fn exchange(client: reqwest::Client, request: reqwest::Request) -> Result<HttpResponse, OAuthHttpClientError> {
    let mut answer = client.execute(request).await?;
    let mut response = http::Response::builder().status(answer.status()).version(answer.version());
    if let Some(headers) = response.headers_mut() {
        *headers = std::mem::take(answer.headers_mut());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(Shut::TooLarge.into());
        }
    }
    Ok(response.body(body)?)
}

impl OAuthHttpClient for Door {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(self.ask(request.request))
    }
}

/// Where an address is, as it is written, if that is not on the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Loopback,
    Private,
}

fn place(url: &Url) -> Option<Place> {
    let host = CanonicalHost::of(url)?;
    if host.is_loopback() {
        return Some(Place::Loopback);
    }
    let is_private = match host {
        CanonicalHost::Name(_) => false,
        CanonicalHost::Address(IpAddr::V4(address)) => address.is_private(),
        CanonicalHost::Address(IpAddr::V6(address)) => address.is_unique_local(),
    };
    is_private.then_some(Place::Private)
}

/// An error with what lies below it: the first sentence of ours, else all of them.
pub(super) fn words(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = Some(error);
    while let Some(error) = below {
        if let Some(shut) = error.downcast_ref::<Shut>() {
            return shut.to_string();
        }
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return refused.to_string();
        }
        below = error.source();
        if let Some(error) = below {
            text = format!("{text}: {error}");
        }
    }
    theirs(&text)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::Instant,
    };

    use super::*;

    /// Which client asks there for a server at this address.
    fn asked(server: &str, url: &str) -> &'static str {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let door = Clients::new(Outside::default()).door(&server.parse().unwrap()).ok().unwrap();
        match door.client(&url.parse().unwrap()) {
            Ok(client) if std::ptr::eq(client, &raw const door.plain) => "as the server",
            Ok(_) => "guarded",
            Err(_) => "never",
        }
    }

    #[test]
    fn what_a_server_names_is_asked_on_the_internet_or_beside_it() {
        for (server, url, how) in [
            ("https://mcp.example.com/mcp", "https://login.example.org/token", "guarded"),
            ("https://mcp.example.com/mcp", "https://mcp.example.com/.well-known/x", "as the server"),
            ("https://mcp.example.com/mcp", "http://mcp.example.com/token", "never"),
            ("https://mcp.example.com/mcp", "https://127.0.0.1/token", "never"),
            ("https://mcp.example.com/mcp", "https://169.254.169.254/latest", "never"),
            ("https://mcp.example.com/mcp", "https://10.0.0.1/token", "never"),
            ("https://mcp.example.com/mcp", "https://u:p@mcp.example.com/token", "never"),
            ("https://mcp.example.com/mcp", "file:///etc/passwd", "never"),
            ("http://127.0.0.1:3000/mcp", "http://localhost:4000/token", "as the server"),
            ("http://localhost:3000/mcp", "http://[::1]:4000/token", "as the server"),
            ("http://localhost.:3000/mcp", "http://2130706433:4000/token", "as the server"),
            // The guarded client resolves the name, and refuses where that is.
            ("https://mcp.example.com/mcp", "https://localhost./token", "guarded"),
            ("https://mcp.example.com/mcp", "https://[::ffff:7f00:1]/token", "never"),
            ("http://127.0.0.1:3000/mcp", "http://10.0.0.1/token", "never"),
            ("http://127.0.0.1:3000/mcp", "http://169.254.169.254/latest", "never"),
            ("http://127.0.0.1:3000/mcp", "https://login.example.org/token", "guarded"),
            ("http://10.0.0.1/mcp", "http://192.168.7.1/token", "as the server"),
            ("http://10.0.0.1/mcp", "http://127.0.0.1/token", "never"),
            ("http://10.0.0.1/mcp", "http://169.254.169.254/latest", "never"),
        ] {
            assert_eq!(asked(server, url), how, "{server} names {url}");
        }
    }

    #[test]
    fn browsers_are_sent_to_pages_only() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_page = |server: &str, url: &str| {
            let door = Clients::new(Outside::default()).door(&server.parse().unwrap()).ok().unwrap();
            door.is_page(&url.parse().unwrap())
        };
        assert!(is_page("https://mcp.example.com/", "https://login.example.org/authorize"));
        assert!(is_page("http://127.0.0.1:1/", "http://127.0.0.1:2/authorize"));
        assert!(!is_page("https://mcp.example.com/", "http://login.example.org/authorize"));
        assert!(!is_page("http://127.0.0.1:1/", "javascript:alert(1)"));
    }

    #[tokio::test]
    async fn mcp_25_a_request_to_an_authorization_server_has_a_deadline() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let unfinished = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
        for said in ["", "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK\r\nx: ", unfinished] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/token", listener.local_addr().unwrap());
            let door = Clients::new(Outside::default()).door(&url.parse().unwrap()).ok().unwrap();
            let answering = tokio::spawn(async move {
                let (mut socket, _) = listener.accept().await.unwrap();
                assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0, "a request");
                socket.write_all(said.as_bytes()).await.unwrap();
                // The client has gone when this ends.
                let _ = socket.read_to_end(&mut Vec::new()).await;
            });
            let began = Instant::now();
            let error = door.ask(http::Request::get(&url).body(Vec::new()).unwrap()).await.unwrap_err();
            let took = began.elapsed();
            assert!(took >= PATIENCE, "{said}: {took:?}: {}", words(&*error));
            answering.await.unwrap();
        }
    }

    #[tokio::test]
    async fn mcp_30_endless_responses_before_the_response_occupy_no_async_worker() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let (flooded, is_flooded) = tokio::sync::oneshot::channel();
        let flooding = std::thread::spawn(move || {
            let early = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20_000);
            let (mut socket, _) = listener.accept().unwrap();
            assert!(std::io::Read::read(&mut socket, &mut [0; 4096]).unwrap() > 0, "a request");
            std::io::Write::write_all(&mut socket, early.as_bytes()).unwrap();
            flooded.send(()).unwrap();
            // It ends when the client has gone.
            while std::io::Write::write_all(&mut socket, early.as_bytes()).is_ok() {}
        });
        let door = Clients::new(Outside::default()).door(&url.parse().unwrap()).ok().unwrap();
        let began = Instant::now();
        let asking = tokio::spawn(async move {
            let request = http::Request::get(&url).body(Vec::new()).unwrap();
            door.ask(request).await.map(|_| ()).map_err(|error| words(&*error))
        });
        is_flooded.await.unwrap();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks, 1, "the connection is a task of another runtime");
        asking.await.unwrap().unwrap_err();
        assert!(began.elapsed() >= PATIENCE, "the flood lasts until the deadline");
        flooding.join().unwrap();
    }
}
