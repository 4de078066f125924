//! The same through an authorization server that is not ours. `cargo xtask test` installs it.

use std::{collections::BTreeMap, net::SocketAddr, process::Stdio, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use reqwest::{Url, redirect};
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    app::{Data as _, TestApp, request},
    mcp_fixture::{Held, router},
    programs::programs,
};

/// Its tokens are good for so long, in milliseconds.
const LIFETIME: i64 = 30_000;

/// An MCP server that takes the tokens of an authorization server elsewhere. Both end with this value.
struct Far {
    addr: SocketAddr,
    http: reqwest::Client,
    _serving: AbortOnDropHandle<()>,
    _child: Child,
}

/// What the MCP server knows.
struct Known {
    addr: SocketAddr,
    issuer: String,
    http: reqwest::Client,
}

impl Far {
    async fn start() -> Option<Self> {
        let programs = programs()?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/mcp_authorization_server.mjs");
        let mut child = Command::new("node")
            .args([script.as_ref(), programs.as_os_str(), format!("http://{addr}/mcp").as_ref()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let issuer = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let known = Arc::new(Known { addr, issuer, http: http.clone() });
        let guarded = router(&Arc::new(Held::default()), &ProtocolVersion::V_2025_11_25)
            .layer(from_fn_with_state(known.clone(), let_in));
        let served = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .with_state(known)
            .merge(guarded);
        let serving = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        Some(Self { addr, http, _serving: AbortOnDropHandle::new(serving), _child: child })
    }

    /// A fresh browser: from the page that Weir sends it to, to the address that it is sent back to.
    async fn visit(&self, mut url: Url) -> Url {
        let mut cookies = BTreeMap::new();
        while url.host_str() == Some("127.0.0.1") {
            let line: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = self.http.get(url.clone()).header("cookie", line.join("; ")).send().await.unwrap();
            for line in answer.headers().get_all("set-cookie") {
                let (name, value) = line.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = answer.headers().get("location") else { panic!("{}", answer.text().await.unwrap()) };
            url = url.join(location.to_str().unwrap()).unwrap();
        }
        url
    }
}

async fn resource(State(known): State<Arc<Known>>) -> Json<Value> {
    let resource = format!("http://{}/mcp", known.addr);
    Json(json!({ "resource": resource, "authorization_servers": [known.issuer], "scopes_supported": ["read"] }))
}

async fn let_in(State(known): State<Arc<Known>>, mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|line| line.to_str().ok());
    let token = sent.and_then(|line| line.strip_prefix("Bearer ")).unwrap_or_default();
    let asked = known.http.get(format!("{}/good?token={token}", known.issuer)).send().await.unwrap();
    if !asked.status().is_success() {
        let metadata = format!("http://{}/.well-known/oauth-protected-resource/mcp", known.addr);
        let challenge = [(header::WWW_AUTHENTICATE, format!("Bearer resource_metadata=\"{metadata}\""))];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    request.headers_mut().insert(header::AUTHORIZATION, "Bearer let-me-in".parse().unwrap());
    next.run(request).await
}

#[tokio::test]
async fn mcp_14_a_real_authorization_server_lets_us_in_renews_and_takes_back() {
    let Some(far) = Far::start().await else { return };
    let app = TestApp::new().await;
    let transport = json!({ "type": "http", "url": format!("http://{}/mcp", far.addr) });
    app.post("/api/mcp-servers", json!({ "name": "far", "transport": transport })).await.json::<Value>(201);
    app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;

    let there = app.post_with("/api/mcp-servers/far/sign-in", &[("host", "weir.example")], json!({})).await;
    let page: Value = there.json(200);
    let cookie = there.header("set-cookie").split(';').next().unwrap();
    let back = far.visit(page["url"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!((back.host_str(), back.path()), (Some("weir.example"), "/api/mcp-sign-in/callback"));
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    let done = app.send(request(Method::GET, &path, &[("cookie", cookie)], None)).await;
    assert_eq!(done.header("location"), "/tools?view=servers&server=far&connect=done");
    let ready = app.mcp_server("far", |server| server["status"] == "ready").await;
    let tool = ready["tools"].as_array().unwrap().iter().filter_map(Value::as_str);
    let tool = tool.into_iter().find(|name| name.starts_with("far__say_it_")).unwrap().to_owned();

    // Each renewal gives another refresh token.
    for _ in 0..3 {
        app.clock.advance(LIFETIME);
        let job = app.invoke(&tool, json!({ "text": "Good day" })).await;
        let said = app.job_events(&job).await.rest().await.pop().unwrap().value();
        assert_eq!(said["output"], "Good day", "{said}");
    }
    app.delete("/api/mcp-servers/far/sign-in").await.json::<Value>(200);
    app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;
}
