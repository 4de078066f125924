//! A provider of `OpenID` Connect that the test holds in its hand: what its ID tokens may say, and how often a callback counts.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    ClientSecret, IssuerUrl, JsonWebKeyId, PrivateSigningKey as _,
    core::{CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use weir_bench::Json;
use weir_server::access::{Access, OpenIdSettings};

use crate::{
    app::{Answered, Options, TestApp},
    people::Who,
};

const ORIGIN: &str = "http://weir.example";
const KEY: &str = include_str!("open_id_key.pem");
const FAILED: &str = "/sign-in?error=open_id_failed";

/// What the provider does.
#[derive(Clone)]
struct Provider {
    issuer: String,
    /// The ID token that it gives next.
    id_token: Arc<Mutex<String>>,
}

impl Provider {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider = Self { issuer, id_token: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(async || Json(json!({ "keys": [key().as_verification_key()] }))))
            .route("/token", axum::routing::post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    async fn app(&self) -> TestApp {
        let settings = OpenIdSettings {
            issuer: IssuerUrl::new(self.issuer.clone()).unwrap(),
            client_id: "weir".to_owned(),
            client_secret: Some(ClientSecret::new("a secret of the test".to_owned())),
            name: "Example".to_owned(),
            sign_up: true,
        };
        let access = Access::with_open_id(ORIGIN.parse().unwrap(), settings).unwrap();
        TestApp::with(Options { access, ..Options::default() }).await
    }

    /// What a right ID token says.
    fn claims(&self, nonce: &str) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        json!({
            "iss": self.issuer, "aud": "weir", "sub": "grace", "nonce": nonce, "iat": now, "exp": now + 300,
            "name": "Grace", "email": "ada@example.org", "email_verified": false,
        })
    }

    fn gives(&self, id_token: String) {
        *self.id_token.lock().unwrap() = id_token;
    }
}

async fn metadata(State(provider): State<Provider>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    Json(json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
    }))
}

async fn token(State(provider): State<Provider>) -> Json<Value> {
    let id_token = provider.id_token.lock().unwrap().clone();
    Json(json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": id_token }))
}

fn key() -> CoreRsaPrivateSigningKey {
    CoreRsaPrivateSigningKey::from_pem(KEY, Some(JsonWebKeyId::new("k".to_owned()))).unwrap()
}

/// A token with this header and these claims, with a right signature.
fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = key().sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn rs256() -> Value {
    json!({ "alg": "RS256", "kid": "k" })
}

/// A browser on its way to the provider.
struct Begun {
    state: String,
    nonce: String,
    cookie: String,
}

impl Begun {
    async fn at(app: &TestApp, next: &str) -> Self {
        let there = app.get(&format!("/api/auth/open-id?next={next}")).await;
        assert_eq!(there.status, 302, "{there:?}");
        let url: reqwest::Url = there.header("location").parse().unwrap();
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let cookie = there.header("set-cookie").split(';').next().unwrap().to_owned();
        Self { state: value("state"), nonce: value("nonce"), cookie }
    }

    /// The callback, with more in its query.
    async fn come_back(&self, app: &TestApp, more: &str) -> Answered {
        let path = format!("/api/auth/open-id/callback?state={}&code=c{more}", self.state);
        Who::carrying(&self.cookie).get(app, &path).await
    }
}

#[tokio::test]
async fn oid_4_a_callback_counts_once_in_its_browser_and_for_ten_minutes() {
    let provider = Provider::start().await;
    let app = provider.app().await;
    app.administrator().await;
    let begun = Begun::at(&app, "/chat").await;
    provider.gives(signed(&rs256(), &provider.claims(&begun.nonce)));
    let (one, two) = tokio::join!(begun.come_back(&app, ""), begun.come_back(&app, ""));
    let mut places = [one.header("location"), two.header("location")];
    places.sort_unstable();
    assert_eq!(places, ["/chat", FAILED], "two at the same time");
    let replayed = begun.come_back(&app, "").await;
    assert_eq!((replayed.status, replayed.header("location")), (302, FAILED));
    assert!(!format!("{replayed:?}").contains("weir_session="), "{replayed:?}");

    let begun = Begun::at(&app, "/chat").await;
    provider.gives(signed(&rs256(), &provider.claims(&begun.nonce)));
    let stranger = Begun::at(&app, "/chat").await;
    let stolen = Begun { cookie: stranger.cookie.clone(), ..Begun::at(&app, "/chat").await };
    assert_eq!(stolen.come_back(&app, "").await.header("location"), FAILED, "another browser");
    let denied = Who::carrying(&stranger.cookie);
    let path = format!("/api/auth/open-id/callback?state={}&error=access_denied", stranger.state);
    assert_eq!(denied.get(&app, &path).await.header("location"), "/sign-in?error=open_id_denied");
    assert_eq!(stranger.come_back(&app, "").await.header("location"), FAILED, "a refusal counts as well");
    app.clock.advance(10 * 60 * 1000);
    assert_eq!(begun.come_back(&app, "").await.header("location"), FAILED, "too late");
}

#[tokio::test]
async fn oid_5_an_id_token_that_is_not_right_in_every_part_signs_nobody_in() {
    let provider = Provider::start().await;
    let app = provider.app().await;
    let ada = app.administrator().await.id(&app).await;
    let now = provider.claims("")["iat"].as_u64().unwrap();
    let (longest, too_long) = ("a".repeat(255), "a".repeat(256));
    let wrong = [
        ("sub", json!("")),
        ("sub", json!(" ")),
        ("sub", json!("\t")),
        ("sub", json!("gra\nce")),
        ("sub", json!("\u{200b}")),
        ("sub", json!(too_long)),
        ("sub", Value::Null),
        ("sub", json!(7)),
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["weir", "other"])),
        ("aud", json!([])),
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("exp", json!(now - 1)),
        ("exp", Value::Null),
    ];
    for (name, value) in wrong {
        let begun = Begun::at(&app, "/chat").await;
        let mut claims = provider.claims(&begun.nonce);
        claims[name] = value.clone();
        provider.gives(signed(&rs256(), &claims));
        let answer = begun.come_back(&app, "").await;
        assert_eq!(answer.header("location"), FAILED, "{name}: {value}");
    }
    let headers = [json!({ "alg": "none" }), json!({ "alg": "HS256" }), json!({ "alg": "RS256", "kid": "other" })];
    let with_signature = headers.into_iter().map(|header| (header, None));
    let without = ["none", "HS256", "RS256"].into_iter().flat_map(|algorithm| {
        ["", "AAAA", "!"].map(|signature| (json!({ "alg": algorithm, "kid": "k" }), Some(signature)))
    });
    for (header, signature) in with_signature.chain(without) {
        let begun = Begun::at(&app, "/chat").await;
        let token = signed(&header, &provider.claims(&begun.nonce));
        let replaced = |signature| format!("{}.{signature}", token.rsplit_once('.').unwrap().0);
        provider.gives(signature.map_or_else(|| token.clone(), replaced));
        let answer = begun.come_back(&app, "").await;
        assert_eq!((answer.status, answer.header("location")), (302, FAILED), "{header} {signature:?}");
    }
    let begun = Begun::at(&app, "/chat").await;
    provider.gives(signed(&rs256(), &provider.claims(&begun.nonce)));
    assert_eq!(begun.come_back(&app, "&iss=https://evil.example").await.header("location"), FAILED);

    // The longest subject, and an address of another person that the provider has not verified.
    let begun = Begun::at(&app, "/chat").await;
    let mut claims = provider.claims(&begun.nonce);
    claims["sub"] = json!(longest);
    provider.gives(signed(&rs256(), &claims));
    let answer = begun.come_back(&app, &format!("&iss={}", provider.issuer)).await;
    assert_eq!(answer.header("location"), "/chat");
    let session = answer.headers.get_all("set-cookie").iter().next_back().unwrap().to_str().unwrap();
    let grace = Who::carrying(session.split(';').next().unwrap());
    let me: Value = grace.get(&app, "/api/me").await.json(200);
    assert_eq!((&me["role"], &me["email"]), (&json!("user"), &Value::Null));
    assert_ne!(me["id"], json!(ada));
}

#[tokio::test]
async fn edge_18_a_sign_in_leads_to_a_page_of_this_app_only() {
    let provider = Provider::start().await;
    let app = provider.app().await;
    app.administrator().await;
    for (next, place) in [
        ("/tools?view=servers", "/tools?view=servers"),
        ("/.//other:7795/chat", "/chat"),
        ("//other/", "/chat"),
        ("https://other/", "/chat"),
        ("/sign-in", "/chat"),
    ] {
        let begun = Begun::at(&app, &next.replace('?', "%3F")).await;
        provider.gives(signed(&rs256(), &provider.claims(&begun.nonce)));
        assert_eq!(begun.come_back(&app, "").await.header("location"), place, "{next}");
    }
}
