//! An `OpenID` Connect provider (Core 1.0) that says of the person who signs in what a play wants it to say.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rsa::{
    Pkcs1v15Sign, RsaPrivateKey,
    rand_core::{CryptoRng, Error, RngCore, impls},
    traits::PublicKeyParts as _,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};
use weir_bench::Json;

/// The client id of Weir.
pub(crate) const CLIENT: &str = "weir";
/// What stands before a SHA-256 digest that is signed (RFC 8017, 9.2).
const DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A running provider; it ends with this value.
pub(crate) struct OddProvider {
    issuer: String,
    person: Arc<Mutex<(String, String)>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Served {
    issuer: String,
    key: Arc<RsaPrivateKey>,
    /// The subject and the nonce of the next token.
    person: Arc<Mutex<(String, String)>>,
}

impl OddProvider {
    /// Starts it.
    ///
    /// # Errors
    /// When no address is free.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        // The key protects nothing: it is made from a seed.
        let key = Arc::new(RsaPrivateKey::new(&mut Seeded(fastrand::Rng::with_seed(1)), 2048)?);
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let (n, e) = (BASE64.encode(key.n().to_bytes_be()), BASE64.encode(key.e().to_bytes_be()));
        let keys = json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k", "n": n, "e": e }] });
        let person = Arc::default();
        let served = Served { issuer: issuer.clone(), key, person: Arc::clone(&person) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(document)))
            .route("/keys", get(async move || Json(keys)))
            .route("/token", post(token))
            .with_state(served);
        let serving = tokio::spawn(async move {
            // It ends when it is aborted, and not before.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { issuer, person, serving })
    }

    /// Returns its issuer identifier.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// From now on the person who signs in has this subject, in tokens with this nonce.
    pub(crate) fn sign_in_as(&self, subject: &str, nonce: &str) {
        *self.person.lock().unwrap_or_else(PoisonError::into_inner) = (subject.to_owned(), nonce.to_owned());
    }
}

impl Drop for OddProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn token(State(served): State<Served>) -> Json<Value> {
    let (subject, nonce) = served.person.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = json!({
        "iss": served.issuer, "aud": CLIENT, "sub": subject, "nonce": nonce, "iat": now, "exp": now + 300, "name": "Mallory",
    });
    let header = json!({ "alg": "RS256", "kid": "k", "typ": "JWT" });
    let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let digest = [&DIGEST_INFO[..], &Sha256::digest(&signed)].concat();
    let signature = served.key.sign(Pkcs1v15Sign::new_unprefixed(), &digest).unwrap_or_default();
    let token = format!("{signed}.{}", BASE64.encode(signature));
    Json(json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token }))
}

/// Numbers for a key that is the same in every run.
struct Seeded(fastrand::Rng);

impl RngCore for Seeded {
    fn next_u32(&mut self) -> u32 {
        self.0.u32(..)
    }

    fn next_u64(&mut self) -> u64 {
        self.0.u64(..)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        impls::fill_bytes_via_next(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Seeded {}
