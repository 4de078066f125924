//! The same through an authorization server that is not ours. `cargo xtask test` installs it.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use weir_bench::Json;

use crate::{
    app::{Data as _, TestApp, request},
    mcp_fixture::{Held, router},
    programs::Provider,
};

/// Its tokens are good for so long, in milliseconds.
const LIFETIME: i64 = 30_000;

/// An MCP server that takes the tokens of an authorization server elsewhere. Both end with this value.
struct Far {
    addr: SocketAddr,
    provider: Arc<Provider>,
    _serving: AbortOnDropHandle<()>,
}

/// What the MCP server knows.
struct Known {
    addr: SocketAddr,
    provider: Arc<Provider>,
}

impl Far {
    async fn start() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let own = format!("http://{addr}/mcp");
        let provider = Arc::new(Provider::start("mcp_authorization_server.mjs", &own).await?);
        let known = Arc::new(Known { addr, provider: provider.clone() });
        let guarded = router(&Arc::new(Held::default()), &ProtocolVersion::V_2025_11_25)
            .layer(from_fn_with_state(known.clone(), let_in));
        let served = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .with_state(known)
            .merge(guarded);
        let serving = tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
        Some(Self { addr, provider, _serving: AbortOnDropHandle::new(serving) })
    }
}

async fn resource(State(known): State<Arc<Known>>) -> Json<Value> {
    let resource = format!("http://{}/mcp", known.addr);
    Json(
        json!({ "resource": resource, "authorization_servers": [known.provider.issuer], "scopes_supported": ["read"] }),
    )
}

async fn let_in(State(known): State<Arc<Known>>, mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|line| line.to_str().ok());
    let token = sent.and_then(|line| line.strip_prefix("Bearer ")).unwrap_or_default();
    let asked = known.provider.http.get(format!("{}/good?token={token}", known.provider.issuer)).send().await.unwrap();
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
    let back = far.provider.visit(page["url"].as_str().unwrap().parse().unwrap()).await;
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
