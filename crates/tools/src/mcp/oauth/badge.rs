//! The token that each request to a server carries, and what the server says of it.

use std::{
    collections::HashMap,
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::stream::BoxStream;
use reqwest::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, RequestId},
    transport::{
        auth::WWWAuthenticateParams,
        streamable_http_client::{
            AuthRequiredError, InsufficientScopeError, SseError, StreamableHttpClient, StreamableHttpError,
            StreamableHttpPostResponse, StreamableHttpResponseLimits,
        },
    },
};
use sse_stream::Sse;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;
use weir_protocol::McpOAuthClient;

use super::{Challenge, Grant, SignIns, renewal::RenewalError};
use crate::mcp::{event_stream::EventStreams, fault::ConnectionFault, offered::TIMEOUT};

/// How long the head of a response may take, or a complete one that is no stream.
const EXCHANGE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a server may take to end a session.
const DELETE_TIMEOUT: Duration = Duration::from_secs(1);

type Failure = StreamableHttpError<reqwest::Error>;

/// The way to one server, with what lets somebody in there. Cheap to clone.
#[derive(Clone)]
pub(in crate::mcp) struct Badge(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    /// The server's name.
    server: String,
    url: String,
    client: Option<McpOAuthClient>,
    /// None: what lets in is set as a header, or nothing does.
    sign_ins: Option<SignIns>,
    /// What it wants before it lets anybody in, and why; none: it has not said so.
    refused: Mutex<Option<(Challenge, String)>>,
    rings: Notify,
    fault: ConnectionFault,
    /// The connection was left: every exchange ends.
    closed: CancellationToken,
}

impl Badge {
    /// Of a server whose sign-ins are kept there. A breach of the protocol is reported to `fault`.
    pub(in crate::mcp) fn new(
        http: reqwest::Client,
        server: &str,
        url: &str,
        client: Option<&McpOAuthClient>,
        sign_ins: Option<SignIns>,
        fault: ConnectionFault,
    ) -> Self {
        Self(Arc::new(Inner {
            http,
            server: server.to_owned(),
            url: url.to_owned(),
            client: client.cloned(),
            sign_ins,
            refused: Mutex::default(),
            rings: Notify::new(),
            fault,
            closed: CancellationToken::new(),
        }))
    }

    /// Ends every exchange and stream at once. Only the request that ends the session is still sent, and has a second.
    pub(in crate::mcp) fn close(&self) {
        self.0.closed.cancel();
    }

    /// Waits for the head of a response, until the connection is closed or `limit` has passed.
    async fn bounded<T>(
        &self,
        limit: Duration,
        exchange: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.0.closed.cancelled() => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was closed").into())
            }
            answer = timeout(limit, exchange) => answer.unwrap_or_else(|_| {
                let why = format!("it did not respond within {} s", limit.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, why).into())
            }),
        }
    }

    fn streams(&self, request: Option<RequestId>, max_event_bytes: usize) -> EventStreams {
        EventStreams { request, max_event_bytes, fault: self.0.fault.clone(), closed: self.0.closed.clone() }
    }

    /// What the server wants before it lets anybody in, and why, in a sentence; none: it has let us in.
    pub(in crate::mcp) fn refused(&self) -> Option<(Challenge, String)> {
        self.lock().clone()
    }

    /// Returns when the server lets us in no more.
    pub(in crate::mcp) async fn is_refused(&self) {
        self.0.rings.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Challenge, String)>> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, challenge: &str, why: Option<String>) {
        let why = why.filter(|why| !why.is_empty()).unwrap_or_else(|| match self.0.sign_ins {
            Some(_) => "It asks for a sign-in. Connect it.".to_owned(),
            None => "It does not take the header Authorization that is set for it.".to_owned(),
        });
        *self.lock() = Some((Challenge(challenge.to_owned()), why));
        self.0.rings.notify_one();
    }

    /// What is granted for this very server, if anything is.
    async fn grant(&self, sign_ins: &SignIns) -> Result<Option<Grant>, Failure> {
        let kept = sign_ins.grants.load(&self.0.server).await.map_err(io::Error::other)?;
        Ok(kept.filter(|grant| grant.fits(&self.0.url, self.0.client.as_ref())))
    }

    /// Sends a request with a token where there is one, and once more with another one where the server does not take that.
    /// Of a `call` one may miss rights for that are not needed elsewhere.
    async fn carry<T, F>(&self, call: bool, send: impl Fn(Option<String>) -> F + Send + Sync) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let Some(sign_ins) = &self.0.sign_ins else {
            let answer = send(None).await.map_err(unchallenged);
            if let Err(StreamableHttpError::AuthRequired(error)) = &answer {
                self.refuse(&error.www_authenticate_header, None);
            }
            return answer;
        };
        let (mut grant, mut why) = (self.grant(sign_ins).await?, None);
        if let Some(old) = grant.as_ref().filter(|grant| grant.is_old(sign_ins.grants.now())) {
            match self.another(sign_ins, old.access_token().unwrap_or_default()).await {
                Ok(another) => (grant, why) = another,
                Err(error) if old.is_over(sign_ins.grants.now()) => return Err(error),
                // There is a minute left in which that may go.
                Err(error) => tracing::debug!(%error, server = self.0.server, "a token was not renewed early"),
            }
        } else if let Some(ended) = &grant {
            why.clone_from(&ended.ended);
        }
        let token = grant.as_ref().and_then(Grant::access_token).map(str::to_owned);
        let mut answer = send(token.clone()).await.map_err(unchallenged);
        if let (Err(StreamableHttpError::AuthRequired(_)), Some(refused)) = (&answer, &token) {
            let (another, ended) = self.another(sign_ins, refused).await?;
            why = ended.or(why);
            if let Some(fresh) = another.as_ref().and_then(Grant::access_token) {
                answer = send(Some(fresh.to_owned())).await.map_err(unchallenged);
            }
        }
        match &answer {
            Err(StreamableHttpError::AuthRequired(error)) => self.refuse(&error.www_authenticate_header, why),
            Err(StreamableHttpError::InsufficientScope(error)) => {
                self.lacks(sign_ins, error).await;
                if !call {
                    let why = "It asks for more rights than were granted. Connect it again.".to_owned();
                    self.refuse(&error.www_authenticate_header, Some(why));
                }
            }
            _ => {}
        }
        answer
    }

    /// Another token than the one that was refused, or why there is none.
    async fn another(&self, sign_ins: &SignIns, refused: &str) -> Result<(Option<Grant>, Option<String>), Failure> {
        match sign_ins.renew(&self.0.server, refused).await {
            Ok(grant) => Ok((Some(grant), None)),
            Err(RenewalError::Ended(why)) => Ok((None, Some(why))),
            Err(RenewalError::Later(why)) => Err(io::Error::other(why).into()),
        }
    }

    /// Notes which scopes are missing: whoever connects the server again is asked for them.
    async fn lacks(&self, sign_ins: &SignIns, error: &InsufficientScopeError) {
        let Ok(url) = Url::parse(&self.0.url) else { return };
        let scope = WWWAuthenticateParams::parse(&error.www_authenticate_header, &url).scope.unwrap_or_default();
        let scope: String =
            scope.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(1000).collect();
        if let Err(error) = sign_ins.grants.note_missing(&self.0.server, scope.trim()).await {
            tracing::warn!(%error, "the scopes that an MCP server asks for were not noted");
        }
    }
}

/// A 401 without a challenge is one as well.
fn unchallenged(error: Failure) -> Failure {
    let is_it = match &error {
        StreamableHttpError::UnexpectedServerResponse(text) => text.starts_with("HTTP 401"),
        StreamableHttpError::Client(error) => error.status() == Some(StatusCode::UNAUTHORIZED),
        _ => false,
    };
    if is_it { StreamableHttpError::AuthRequired(AuthRequiredError::new(String::new())) } else { error }
}

fn is_call(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, ClientJsonRpcMessage::Request(sent) if matches!(sent.request, ClientRequest::CallToolRequest(_)))
}

fn request_id(message: &ClientJsonRpcMessage) -> Option<RequestId> {
    match message {
        ClientJsonRpcMessage::Request(sent) => Some(sent.id.clone()),
        _ => None,
    }
}

type Headers = HashMap<HeaderName, HeaderValue>;

impl StreamableHttpClient for Badge {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, None, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let limit = if is_call(&message) { TIMEOUT } else { EXCHANGE_TIMEOUT };
        let post = |token| {
            let (uri, message, session, headers) = (uri.clone(), message.clone(), session.clone(), headers.clone());
            let exchange = self.0.http.post_message_with_response_limits(uri, message, session, token, headers, limits);
            self.bounded(limit, exchange)
        };
        Ok(match self.carry(is_call(&message), post).await? {
            StreamableHttpPostResponse::Sse(events, session) => {
                let streams = self.streams(request_id(&message), limits.max_sse_event_size);
                StreamableHttpPostResponse::Sse(streams.check(events), session)
            }
            response => response,
        })
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<(), Failure> {
        let delete = |token| async {
            let exchange = self.0.http.delete_session(uri.clone(), session.clone(), token, headers.clone());
            timeout(DELETE_TIMEOUT, exchange).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        };
        self.carry(true, delete).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        let most = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(uri, session, last, None, headers, most).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        _: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        let get = |token| {
            let (uri, session, last, headers) = (uri.clone(), session.clone(), last.clone(), headers.clone());
            let exchange = self.0.http.get_stream_with_max_sse_event_size(uri, session, last, token, headers, most);
            self.bounded(EXCHANGE_TIMEOUT, exchange)
        };
        let events = self.carry(true, get).await?;
        Ok(self.streams(None, most).check(events))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn mcp_25_an_exchange_ends_at_its_deadline_and_with_its_connection() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let fault = ConnectionFault::default();
        let badge = Badge::new(reqwest::Client::new(), "far", "http://127.0.0.1:1/mcp", None, None, fault);
        let began = Instant::now();
        let ended = badge.bounded(EXCHANGE_TIMEOUT, pending::<Result<(), Failure>>()).await.unwrap_err();
        assert_eq!(began.elapsed().as_secs(), EXCHANGE_TIMEOUT.as_secs());
        assert!(ended.to_string().contains("did not respond within 60 s"), "{ended}");
        badge.close();
        let ended = badge.bounded(EXCHANGE_TIMEOUT, pending::<Result<(), Failure>>()).await.unwrap_err();
        assert_eq!(
            began.elapsed().as_secs(),
            EXCHANGE_TIMEOUT.as_secs(),
            "a closed connection is left at once: {ended}"
        );
    }
}
