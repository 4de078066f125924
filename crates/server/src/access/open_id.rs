//! Signing in through a provider of `OpenID` Connect (Core 1.0): the code flow with PKCE (RFC 7636), state and nonce.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openidconnect::{
    AsyncHttpClient, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse as _,
    core::{CoreClient, CoreJwsSigningAlgorithm as Algorithm, CoreProviderMetadata, CoreResponseType},
};
use reqwest::redirect;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use weir_tools::OwnThread;

use crate::config::PublicUrl;

/// How long what the provider says of itself, its keys included, is taken for true.
const KNOWN_FOR: Duration = Duration::from_mins(10);
/// How long the provider may take to answer, and one step of a sign-in with all its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that may wait for the provider at once. Those of password sign-ins share the places of requests without a credential with them,
/// and have at least three quarters.
const WAITING: usize = 16;
/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// The signatures of ID tokens that are accepted: those with a key pair. `none` is no signature, and a symmetric one (HS256) proves only
/// that its author knows the client secret. The library also panics on a symmetric signature of another length.
const SIGNATURES: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// The provider, as the configuration names it.
#[derive(Clone, Debug)]
pub struct OpenIdSettings {
    /// Its issuer identifier.
    pub issuer: IssuerUrl,
    /// What Weir is called there.
    pub client_id: String,
    /// What Weir proves that with; public clients have none.
    pub client_secret: Option<ClientSecret>,
    /// What it is called on the page.
    pub name: String,
    /// Whether whoever it knows gets an account here.
    pub sign_up: bool,
}

/// A provider that lets people in. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct OpenId(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: OpenIdSettings,
    redirect: RedirectUrl,
    http: Http,
    known: Mutex<Option<(Instant, CoreProviderMetadata)>>,
    waiting: Arc<Semaphore>,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenIdError {
    /// The provider cannot be reached, or says what it may not.
    #[error("the provider cannot be used: {0}")]
    Provider(String),
    /// What came back is not what was begun in this browser, or not the provider's word.
    #[error("what came back cannot be trusted: {0}")]
    Untrusted(String),
}

/// What the server keeps between the redirect to the provider and the callback. A secret.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingSignIn {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    /// The page to open afterwards.
    pub(crate) next: String,
}

/// What the provider sends a browser back with (RFC 6749, 4.1.2; RFC 9207).
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenIdCallback<'a> {
    pub(crate) code: &'a str,
    pub(crate) issuer: Option<&'a str>,
}

/// A person, as the provider knows them.
pub(crate) struct Known {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) name: String,
    /// Only where the provider has made sure of it.
    pub(crate) email: Option<String>,
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl OpenId {
    /// A provider that sends people back to `public`.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up, or the address is none.
    pub(crate) fn new(settings: OpenIdSettings, public: &PublicUrl) -> Result<Self, OpenIdError> {
        let provider = |error: &dyn std::error::Error| OpenIdError::Provider(error.to_string());
        let redirect = RedirectUrl::new(format!("{}/api/auth/open-id/callback", public.origin()));
        let http = reqwest::Client::builder()
            .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            // Where the provider points to is asked with secrets: nowhere else.
            .redirect(redirect::Policy::none())
            .build();
        Ok(Self(Arc::new(Inner {
            settings,
            redirect: redirect.map_err(|error| provider(&error))?,
            http: Http { client: http.map_err(|error| provider(&error))?, thread: OwnThread::start("open-id") },
            known: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING)),
        })))
    }

    /// What the provider is called on the page.
    pub(crate) fn name(&self) -> &str {
        &self.0.settings.name
    }

    /// Whether whoever the provider knows gets an account.
    pub(crate) fn signs_up(&self) -> bool {
        self.0.settings.sign_up
    }

    /// A permit to wait for the provider; none when too many requests wait.
    pub(crate) fn try_wait(&self) -> Option<OwnedSemaphorePermit> {
        self.0.waiting.clone().try_acquire_owned().ok()
    }

    /// The page of the provider, the state that its callback carries, and what to keep until then.
    pub(crate) async fn begin(&self, next: String) -> Result<(String, String, PendingSignIn), OpenIdError> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let client = in_time(self.client()).await?;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok((url.into(), state.into_secret(), PendingSignIn { nonce, verifier, next }))
    }

    /// The person that a callback names.
    pub(crate) async fn finish(
        &self,
        pending: PendingSignIn,
        callback: OpenIdCallback<'_>,
    ) -> Result<Known, OpenIdError> {
        in_time(self.exchange(pending, callback)).await
    }

    async fn exchange(&self, pending: PendingSignIn, callback: OpenIdCallback<'_>) -> Result<Known, OpenIdError> {
        let untrusted = |error: &dyn std::error::Error| OpenIdError::Untrusted(words(error));
        if callback.issuer.is_some_and(|issuer| issuer != self.0.settings.issuer.as_str()) {
            return Err(OpenIdError::Untrusted("the callback names another issuer".to_owned()));
        }
        let client = self.client().await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(callback.code.to_owned()))
            .map_err(|error| OpenIdError::Provider(error.to_string()))?
            .set_pkce_verifier(pending.verifier)
            .request_async(&self.0.http)
            .await
            .map_err(|error| untrusted(&error))?;
        let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES);
        let token = answer.id_token().ok_or_else(|| OpenIdError::Untrusted("it names nobody".to_owned()))?;
        let claims = token.claims(&verifier, &pending.nonce).map_err(|error| untrusted(&error))?;
        if !is_subject(claims.subject()) {
            return Err(OpenIdError::Untrusted(
                "the subject of the ID token is not 1 to 255 printable ASCII characters".to_owned(),
            ));
        }
        let plain = |name: Option<String>| name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let email = claims.email().filter(|_| claims.email_verified() == Some(true)).map(|email| email.to_string());
        let name = plain(claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()))
            .or_else(|| plain(claims.preferred_username().map(|name| name.to_string())))
            .or_else(|| plain(email.as_deref().and_then(|email| email.split('@').next()).map(str::to_owned)));
        Ok(Known {
            issuer: self.0.settings.issuer.to_string(),
            subject: claims.subject().to_string(),
            name: name.unwrap_or_else(|| "Somebody".to_owned()).chars().take(100).collect(),
            email,
        })
    }

    /// A client of the provider as it is now.
    async fn client(&self) -> Result<Client, OpenIdError> {
        let Inner { settings, redirect, http, known, .. } = &*self.0;
        let mut known = known.lock().await;
        let metadata = match &*known {
            Some((since, metadata)) if since.elapsed() < KNOWN_FOR => metadata.clone(),
            _ => {
                let found = CoreProviderMetadata::discover_async(settings.issuer.clone(), http).await;
                let metadata = found.map_err(|error| OpenIdError::Provider(words(&error)))?;
                known.insert((Instant::now(), metadata)).1.clone()
            }
        };
        let id = ClientId::new(settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, settings.client_secret.clone());
        Ok(client.set_redirect_uri(redirect.clone()))
    }
}

async fn in_time<T>(step: impl Future<Output = Result<T, OpenIdError>>) -> Result<T, OpenIdError> {
    let stepped = timeout(PATIENCE, step).await;
    stepped.unwrap_or_else(|_| Err(OpenIdError::Provider("it takes too long to answer".to_owned())))
}

/// Whether a subject identifies a person: 1 to 255 ASCII characters (`OpenID` Connect Core 1.0, 2), without blanks around them.
fn is_subject(subject: &str) -> bool {
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
    (1..=255).contains(&subject.len()) && subject.bytes().all(is_printable) && subject.trim() == subject
}

/// The way to the provider. The provider may keep the thread busy, and no async worker.
#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    thread: OwnThread,
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = SendError;
    type Future = BoxFuture<'c, Result<HttpResponse, SendError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        let sending = self.thread.spawn(send(self.client.clone(), request));
        Box::pin(async { sending.await.unwrap_or(Err(SendError::Stopped)) })
    }
}

/// One request, with an answer of a bounded size.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, SendError> {
    let request = reqwest::Request::try_from(request)?;
    let mut answer = http.execute(request).await?;
    let mut response = axum::http::Response::builder().status(answer.status()).version(answer.version());
    if let Some(headers) = response.headers_mut() {
        *headers = std::mem::take(answer.headers_mut());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(SendError::TooLarge);
        }
    }
    response.body(body).map_err(|_| SendError::TooLarge)
}

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the server stops")]
    Stopped,
}

/// An error with what lies below it.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text = format!("{text}: {error}");
        below = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    #[tokio::test]
    async fn mcp_30_endless_responses_of_the_provider_occupy_no_async_worker() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (flooded, is_flooded) = tokio::sync::oneshot::channel();
        let flooding = thread::spawn(move || {
            let early = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20_000);
            let (mut socket, _) = listener.accept().unwrap();
            assert!(socket.read(&mut [0; 4096]).unwrap() > 0, "a request");
            socket.write_all(early.as_bytes()).unwrap();
            flooded.send(()).unwrap();
            // It ends when the client has gone.
            while socket.write_all(early.as_bytes()).is_ok() {}
        });
        let client = reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap();
        let http = Http { client, thread: OwnThread::start("open-id") };
        let request = axum::http::Request::get(&url).body(Vec::new()).unwrap();
        let asking = tokio::spawn(async move { http.call(request).await.map(|_| ()) });
        is_flooded.await.unwrap();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks, 1, "the connection is a task of another runtime");
        asking.await.unwrap().unwrap_err();
        flooding.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn oid_6_a_provider_that_hangs_holds_sixteen_requests_for_ten_seconds() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = OpenIdSettings {
            issuer: IssuerUrl::new("https://id.example.org".to_owned()).unwrap(),
            client_id: "weir".to_owned(),
            client_secret: None,
            name: "Example".to_owned(),
            sign_up: false,
        };
        let provider = OpenId::new(settings, &"https://weir.example.org".parse().unwrap()).unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| provider.try_wait().unwrap()).collect();
        assert!(provider.try_wait().is_none());
        waiting.pop();
        assert!(provider.try_wait().is_some());
        let begun = Instant::now();
        assert!(matches!(in_time(pending::<Result<(), _>>()).await, Err(OpenIdError::Provider(_))));
        assert_eq!(begun.elapsed(), PATIENCE);
    }

    #[test]
    fn oid_5_a_subject_is_1_to_255_printable_characters() {
        let longest = "a".repeat(255);
        for subject in ["a", "248289761001", "auth0|5f7c", "CN=Grace Hopper", &longest] {
            assert!(is_subject(subject), "{subject:?}");
        }
        let too_long = "a".repeat(256);
        for subject in ["", " ", "\t", "\u{a0}", "\u{200b}", " a", "a ", "a\n", "a\0b", "gr\u{e4}ce", &too_long] {
            assert!(!is_subject(subject), "{subject:?}");
        }
    }
}
