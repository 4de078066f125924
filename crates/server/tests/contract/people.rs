//! People who sign in, as a test holds them in its hand.

use axum::http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use weir_protocol::{AuthMode, InviteId};
use weir_server::access::Access;
use weir_store::Clock as _;

use crate::app::{Answered, Options, TestApp, request};

/// A password that nobody guesses.
pub(crate) const PASSWORD: &str = "seventeen quiet herons";

/// A browser with its cookie, or a program with its token: the headers of its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who(Vec<(String, String)>);

impl Who {
    /// Nobody.
    pub(crate) fn nobody() -> Self {
        Self::default()
    }

    /// A program with this token.
    pub(crate) fn bearer(token: &str) -> Self {
        Self(vec![("authorization".to_owned(), format!("Bearer {token}"))])
    }

    /// A browser with this secret.
    pub(crate) fn cookie(secret: &str) -> Self {
        Self::carrying(&format!("weir_session={secret}"))
    }

    /// The browser that got this answer.
    pub(crate) fn of(answer: &Answered) -> Self {
        Self::carrying(answer.header("set-cookie").split(';').next().unwrap())
    }

    /// A browser with this cookie, on an own page.
    pub(crate) fn carrying(cookie: &str) -> Self {
        let own_page = ("sec-fetch-site".to_owned(), "same-origin".to_owned());
        Self(vec![("cookie".to_owned(), cookie.to_owned()), own_page])
    }

    /// What stands after `Bearer`.
    pub(crate) fn secret(&self) -> Option<String> {
        self.0.iter().find_map(|(_, value)| value.strip_prefix("Bearer ").map(str::to_owned))
    }

    /// The headers of its requests.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    pub(crate) async fn send(&self, app: &TestApp, method: Method, path: &str, body: Option<Value>) -> Answered {
        app.send(request(method, path, &self.headers(), body)).await
    }

    pub(crate) async fn get(&self, app: &TestApp, path: &str) -> Answered {
        self.send(app, Method::GET, path, None).await
    }

    /// Who they are.
    pub(crate) async fn id(&self, app: &TestApp) -> String {
        let me: Value = self.get(app, "/api/me").await.json(200);
        me["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn post(&self, app: &TestApp, path: &str, body: Value) -> Answered {
        self.send(app, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, app: &TestApp, path: &str) -> Answered {
        self.send(app, Method::DELETE, path, None).await
    }

    /// A new token of theirs.
    pub(crate) async fn token(&self, app: &TestApp, scopes: &[&str]) -> (Self, Value) {
        let made = self.post(app, "/api/me/tokens", json!({ "name": "ci", "scopes": scopes })).await;
        let made: Value = made.json(201);
        (Self::bearer(made["secret"].as_str().unwrap()), made["item"].clone())
    }
}

impl TestApp {
    /// A server where people sign in.
    pub(crate) async fn guarded() -> Self {
        Self::with(Options { access: Access::new(AuthMode::Required, None), ..Options::default() }).await
    }

    /// What a start does while there is no administrator: a link with this secret.
    pub(crate) async fn setup_link(&self, secret: &str) {
        let hash = Sha256::digest(secret).into();
        self.app.store.replace_setup_link(InviteId(self.clock.id()), &hash, self.clock.now()).await.unwrap();
    }

    /// Makes the administrator, who is signed in.
    pub(crate) async fn administrator(&self) -> Who {
        self.setup_link("first").await;
        Who::of(&self.account("/api/auth/setup", "first", "ada@example.org", "Ada").await)
    }

    /// Makes an account with the secret of a link.
    pub(crate) async fn account(&self, path: &str, secret: &str, email: &str, name: &str) -> Answered {
        let body = json!({ "secret": secret, "email": email, "name": name, "password": PASSWORD });
        self.post(path, body).await
    }

    /// Somebody whom an administrator has invited, signed in.
    pub(crate) async fn invited(&self, administrator: &Who, email: &str, role: &str) -> Who {
        let made: Value = administrator.post(self, "/api/invites", json!({ "role": role })).await.json(201);
        let secret = made["secret"].as_str().unwrap();
        Who::of(&self.account("/api/auth/join", secret, email, email.split('@').next().unwrap()).await)
    }

    /// Signs a further browser in.
    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answered {
        self.post("/api/auth/sign-in", json!({ "email": email, "password": password })).await
    }
}
