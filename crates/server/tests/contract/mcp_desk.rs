//! An MCP server that lets nobody in without a token, and the authorization server that gives them, as a test holds them in its hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Router,
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use weir_bench::Json;

use crate::mcp_fixture::{Held, router};

type Fields = BTreeMap<String, String>;

/// Both; they end with this value.
pub(crate) struct Desk {
    pub(crate) addr: SocketAddr,
    pub(crate) book: Arc<Book>,
    _serving: AbortOnDropHandle<()>,
}

/// What the test holds, and what the authorization server has written down.
pub(crate) struct Book {
    origin: String,
    pub(crate) rules: Mutex<Rules>,
    pub(crate) seen: Mutex<Seen>,
}

/// How the authorization server behaves.
pub(crate) struct Rules {
    /// Whether anybody can register by themselves.
    pub(crate) registers: bool,
    /// What it says it is on the way back; none: nothing.
    pub(crate) iss: Option<String>,
    /// Where the MCP server says that people sign in.
    pub(crate) named: String,
    /// For how many seconds a token is good.
    pub(crate) lifetime: u64,
    /// Why no token is renewed.
    pub(crate) refuses: Option<&'static str>,
    /// The person says no.
    pub(crate) denies: bool,
}

/// What was asked of it.
#[derive(Default)]
pub(crate) struct Seen {
    /// What is good: access tokens and their scopes.
    pub(crate) good: BTreeMap<String, String>,
    /// Refresh tokens, each for one use, and their scopes.
    refresh: BTreeMap<String, String>,
    /// What was asked for with each code.
    codes: BTreeMap<String, Fields>,
    pub(crate) registered: Vec<Value>,
    pub(crate) asked: Vec<Fields>,
    pub(crate) tokens: Vec<Fields>,
    pub(crate) renewals: usize,
    pub(crate) revoked: BTreeSet<String>,
    given: usize,
}

impl Desk {
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let origin = format!("http://{addr}");
        let rules = Rules {
            registers: true,
            iss: Some(origin.clone()),
            named: origin.clone(),
            lifetime: 3600,
            refuses: None,
            denies: false,
        };
        let book = Arc::new(Book { origin, rules: Mutex::new(rules), seen: Mutex::default() });
        let guarded = router(&Arc::new(Held::default()), &ProtocolVersion::V_2026_07_28)
            .layer(from_fn_with_state(book.clone(), let_in));
        let desk = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/register", post(register))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .with_state(book.clone())
            .merge(guarded);
        let serving = tokio::spawn(async move { axum::serve(listener, desk).await.unwrap() });
        Self { addr, book, _serving: AbortOnDropHandle::new(serving) }
    }

    /// As a server that is to be added.
    pub(crate) fn to_add(&self, name: &str) -> Value {
        json!({ "name": name, "transport": { "type": "http", "url": format!("http://{}/mcp", self.addr) } })
    }

    pub(crate) fn rules(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.book.rules.lock().unwrap());
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.book.seen.lock().unwrap())
    }
}

fn challenge(book: &Book, status: StatusCode, more: &str) -> Response {
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", book.origin);
    (status, [(header::WWW_AUTHENTICATE, format!("Bearer resource_metadata=\"{metadata}\"{more}"))]).into_response()
}

/// Lets in whoever has a token; the tool `fail` takes the scope `write`.
async fn let_in(State(book): State<Arc<Book>>, mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|line| line.to_str().ok());
    let token = sent.and_then(|line| line.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(scopes) = book.seen.lock().unwrap().good.get(token).cloned() else {
        return challenge(&book, StatusCode::UNAUTHORIZED, ", scope=\"read\"");
    };
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let calls = String::from_utf8_lossy(&body).contains("\"name\":\"fail\"");
    if calls && !scopes.split(' ').any(|scope| scope == "write") {
        return challenge(&book, StatusCode::FORBIDDEN, ", error=\"insufficient_scope\", scope=\"write\"");
    }
    head.headers.insert(header::AUTHORIZATION, "Bearer let-me-in".parse().unwrap());
    request = Request::from_parts(head, Body::from(body));
    next.run(request).await
}

async fn resource(State(book): State<Arc<Book>>) -> Json<Value> {
    let named = book.rules.lock().unwrap().named.clone();
    Json(json!({ "resource": format!("{}/mcp", book.origin), "authorization_servers": [named] }))
}

async fn metadata(State(book): State<Arc<Book>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", book.origin);
    let rules = book.rules.lock().unwrap();
    Json(json!({
        "issuer": book.origin,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "revocation_endpoint": at("/revoke"),
        "registration_endpoint": rules.registers.then(|| at("/register")),
        "authorization_response_iss_parameter_supported": true,
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn register(State(book): State<Arc<Book>>, Json(client): Json<Value>) -> Response {
    let mut seen = book.seen.lock().unwrap();
    seen.registered.push(client.clone());
    let id = format!("client-{}", seen.registered.len());
    let answer = json!({ "client_id": id, "redirect_uris": client["redirect_uris"], "client_secret": "registered" });
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn authorize(State(book): State<Arc<Book>>, Query(asked): Query<Fields>) -> Redirect {
    let (mut seen, rules) = (book.seen.lock().unwrap(), book.rules.lock().unwrap());
    let code = format!("code-{}", seen.asked.len());
    let mut back = format!("{}?state={}", asked["redirect_uri"], asked["state"]);
    if let Some(iss) = &rules.iss {
        back = format!("{back}&iss={iss}");
    }
    let word = if rules.denies { "error=access_denied".to_owned() } else { format!("code={code}") };
    seen.codes.insert(code, asked.clone());
    seen.asked.push(asked);
    Redirect::to(&format!("{back}&{word}"))
}

async fn token(State(book): State<Arc<Book>>, headers: HeaderMap, Form(form): Form<Fields>) -> Response {
    let (mut seen, rules) = (book.seen.lock().unwrap(), book.rules.lock().unwrap());
    assert_eq!(form["resource"], format!("{}/mcp", book.origin));
    assert!(headers.contains_key(header::AUTHORIZATION), "a client with a secret proves it");
    seen.tokens.push(form.clone());
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let scopes = if form["grant_type"] == "authorization_code" {
        let Some(asked) = seen.codes.remove(&form["code"]) else { return refused("invalid_grant") };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        assert_eq!((&proof, &form["redirect_uri"]), (&asked["code_challenge"], &asked["redirect_uri"]));
        asked.get("scope").cloned().unwrap_or_default()
    } else {
        seen.renewals += 1;
        if let Some(error) = rules.refuses {
            return refused(error);
        }
        // For one use: whoever comes with it again is a thief.
        let Some(scopes) = seen.refresh.remove(&form["refresh_token"]) else { return refused("invalid_grant") };
        scopes
    };
    seen.given += 1;
    let (access, refresh) = (format!("secret-access-{}", seen.given), format!("secret-refresh-{}", seen.given));
    seen.good = [(access.clone(), scopes.clone())].into();
    seen.refresh.insert(refresh.clone(), scopes.clone());
    Json(json!({
        "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": rules.lifetime,
        "scope": scopes,
    }))
    .into_response()
}

async fn revoke(State(book): State<Arc<Book>>, Form(form): Form<Fields>) -> StatusCode {
    book.seen.lock().unwrap().revoked.insert(form["token"].clone());
    StatusCode::OK
}
