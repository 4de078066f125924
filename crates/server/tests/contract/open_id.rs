//! Signing in through a provider of `OpenID` Connect that is not ours. `cargo xtask test` installs it.

use std::collections::BTreeMap;

use axum::http::Method;
use openidconnect::{ClientSecret, IssuerUrl};
use reqwest::Url;
use serde_json::Value;
use weir_server::access::{Access, OpenIdSettings};

use crate::{
    app::{Answered, Options, TestApp},
    people::Who,
    programs::Provider,
};

const ORIGIN: &str = "http://weir.example";

async fn provider() -> Option<Provider> {
    Provider::start("open_id_provider.mjs", &format!("{ORIGIN}/api/auth/open-id/callback")).await
}

impl Provider {
    fn settings(&self, sign_up: bool) -> OpenIdSettings {
        OpenIdSettings {
            issuer: IssuerUrl::new(self.issuer.clone()).unwrap(),
            client_id: "weir".to_owned(),
            client_secret: Some(ClientSecret::new("a secret of the test".to_owned())),
            name: "Example".to_owned(),
            sign_up,
        }
    }

    async fn sign_everybody_in_as(&self, who: &str) {
        self.http.post(format!("{}/as/{who}", self.issuer)).send().await.unwrap();
    }
}

async fn app_with(settings: OpenIdSettings) -> TestApp {
    let access = Access::with_open_id(ORIGIN.parse().unwrap(), settings).unwrap();
    TestApp::with(Options { access, ..Options::default() }).await
}

/// The first cookie of an answer, as a browser sends it back.
fn cookie(answer: &Answered) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

impl TestApp {
    /// To the provider and back: the answer to the way back.
    async fn through(&self, provider: &Provider) -> Answered {
        let there = self.get("/api/auth/open-id?next=/chat?c=1").await;
        assert_eq!(there.status, 302);
        let back = provider.visit(there.header("location").parse().unwrap()).await;
        self.come_back(&back, &cookie(&there)).await
    }

    async fn come_back(&self, back: &Url, cookie: &str) -> Answered {
        let path = format!("{}?{}", back.path(), back.query().unwrap_or_default());
        Who::carrying(cookie).send(self, Method::GET, &path, None).await
    }
}

/// Whoever was let in: the session's cookie is the last one.
fn who(answer: &Answered) -> Who {
    let lines: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    Who::carrying(lines.last().unwrap().split(';').next().unwrap())
}

#[tokio::test]
async fn oid_1_whoever_the_provider_knows_comes_in_and_is_where_they_wanted_to_be() {
    let Some(provider) = provider().await else { return };
    let app = app_with(provider.settings(true)).await;
    assert_eq!(app.get("/api/auth").await.json::<Value>(200)["openId"], "Example");
    let early = app.through(&provider).await;
    assert_eq!(early.header("location"), "/sign-in?error=no_account", "the administrator comes first");
    app.administrator().await;
    let there: Url = app.get("/api/auth/open-id").await.header("location").parse().unwrap();
    let asked: BTreeMap<_, _> = there.query_pairs().into_owned().collect();
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(["state", "nonce", "code_challenge"].iter().all(|name| asked[*name].len() > 20), "{asked:?}");

    let back = app.through(&provider).await;
    assert_eq!((back.status, back.header("location")), (302, "/chat?c=1"));
    let me: Value = who(&back).get(&app, "/api/me").await.json(200);
    assert_eq!((&me["name"], &me["email"]), (&"Grace Hopper".into(), &"grace@example.org".into()));
    assert_eq!((&me["role"], &me["hasPassword"]), (&"user".into(), &false.into()));
    let again: Value = who(&app.through(&provider).await).get(&app, "/api/me").await.json(200);
    assert_eq!(again["id"], me["id"]);
}

#[tokio::test]
async fn oid_1_a_way_back_counts_only_in_the_browser_that_went_and_once() {
    let Some(provider) = provider().await else { return };
    let app = app_with(provider.settings(true)).await;
    app.administrator().await;
    let there = app.get("/api/auth/open-id").await;
    let other = app.get("/api/auth/open-id").await;
    let back = provider.visit(there.header("location").parse().unwrap()).await;
    for wrong in [cookie(&other), "weir_open_id=".to_owned(), "weir_open_id=eyJ9".to_owned(), "a=b".to_owned()] {
        let refused = app.come_back(&back, &wrong).await;
        assert_eq!(refused.header("location"), "/sign-in?error=open_id_failed", "{wrong}");
    }
    assert_eq!(app.come_back(&back, &cookie(&there)).await.header("location"), "/chat");
    let twice = app.come_back(&back, &cookie(&there)).await;
    assert_eq!(twice.header("location"), "/sign-in?error=open_id_failed");
}

#[tokio::test]
async fn oid_2_an_address_lets_nobody_in_and_a_closed_door_stays_closed() {
    let Some(provider) = provider().await else { return };
    let app = app_with(provider.settings(true)).await;
    let ada = app.administrator().await;
    provider.sign_everybody_in_as("mallory").await;
    let mallory: Value = who(&app.through(&provider).await).get(&app, "/api/me").await.json(200);
    let ada: Value = ada.get(&app, "/api/me").await.json(200);
    assert_ne!(mallory["id"], ada["id"], "an address that nobody has made sure of is nobody's");
    assert_eq!((&mallory["name"], &mallory["email"]), (&"mallory".into(), &Value::Null));

    let closed = app_with(provider.settings(false)).await;
    closed.administrator().await;
    assert_eq!(closed.through(&provider).await.header("location"), "/sign-in?error=no_account");
}

#[tokio::test]
async fn oid_3_a_provider_that_is_not_there_or_says_no_is_told_as_such() {
    let Some(provider) = provider().await else { return };
    let nowhere = IssuerUrl::new("http://127.0.0.1:1".to_owned()).unwrap();
    let app = app_with(OpenIdSettings { issuer: nowhere, ..provider.settings(true) }).await;
    app.administrator().await;
    assert_eq!(app.get("/api/auth/open-id").await.header("location"), "/sign-in?error=open_id_unavailable");
    let denied = app.get("/api/auth/open-id/callback?error=access_denied&state=x").await;
    assert_eq!(denied.header("location"), "/sign-in?error=open_id_denied");
    TestApp::guarded().await.get("/api/auth/open-id").await.problem(404, "not_found");
}
