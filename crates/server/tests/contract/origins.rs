//! Pages of other origins, in front of the whole server.

use axum::http::Method;
use serde_json::{Value, json};
use weir_protocol::AuthMode;
use weir_server::access::Access;

use crate::{
    app::{Answered, Options, TestApp, request},
    people::{PASSWORD, Who},
};

const LOCALHOST: (&str, &str) = ("host", "localhost:3000");
const FOREIGN: [&str; 6] = [
    "http://localhost:7795",
    "http://localhost",
    "http://127.0.0.1:3000",
    "https://localhost:3000",
    "http://[::1]:3000",
    "null",
];
const HANDSHAKE: [(&str, &str); 5] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-protocol", "weir.v1"),
];

async fn asked(app: &TestApp, who: &Who, method: Method, path: &str, more: &[(&str, &str)]) -> Answered {
    // The page speaks for itself.
    let own = who.headers().into_iter().filter(|(name, _)| *name != "sec-fetch-site");
    let headers: Vec<_> = own.chain([LOCALHOST]).chain(more.iter().copied()).collect();
    let body = (method != Method::GET).then(|| json!({}));
    app.send(request(method, path, &headers, body)).await
}

#[tokio::test]
async fn edge_16_a_page_on_another_port_of_this_machine_reads_and_changes_nothing() {
    let guarded = TestApp::guarded().await;
    let ada = guarded.administrator().await;
    for (app, who) in [(&guarded, ada), (&TestApp::new().await, Who::nobody())] {
        for page in FOREIGN {
            let origin = ("origin", page);
            let socket = asked(app, &who, Method::GET, "/api/ws", &[&HANDSHAKE[..], &[origin]].concat()).await;
            socket.problem(403, "origin_not_allowed");
            for (method, path) in [
                (Method::GET, "/api/conversations"),
                (Method::OPTIONS, "/api/conversations"),
                (Method::POST, "/api/conversations"),
                (Method::GET, "/mcp"),
                (Method::POST, "/mcp"),
                (Method::GET, "/metrics"),
                (Method::DELETE, "/api/me"),
            ] {
                let answer = asked(app, &who, method, path, &[origin]).await;
                answer.problem(403, "origin_not_allowed");
                assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
            }
        }
        let own = [("origin", "http://localhost:3000")];
        assert_eq!(asked(app, &who, Method::POST, "/api/conversations", &own).await.status, 201);
        assert_eq!(asked(app, &who, Method::GET, "/api/conversations", &own).await.status, 200);
        let socket = asked(app, &who, Method::GET, "/api/ws", &[&HANDSHAKE[..], &own].concat()).await;
        assert_eq!(socket.status, 101, "{socket:?}");
    }
}

#[tokio::test]
async fn edge_16_a_development_server_is_accepted_where_it_was_set() {
    let dev = vec!["http://localhost:3000".parse().unwrap()];
    let access = Access::new(AuthMode::Open, None).with_dev_origins(dev);
    let app = TestApp::with(Options { access, ..Options::default() }).await;
    let status = async |origin: &str| {
        let headers = [("host", "127.0.0.1:3001"), ("origin", origin)];
        app.send(request(Method::POST, "/api/conversations", &headers, Some(json!({})))).await.status
    };
    assert_eq!(status("http://localhost:3000").await, 201);
    assert_eq!(status("http://127.0.0.1:3001").await, 201);
    assert_eq!(status("http://127.0.0.1:3000").await, 403);
    assert_eq!(status("http://localhost:3001").await, 403);
}

#[tokio::test]
async fn edge_16_behind_tls_the_public_url_is_an_own_origin() {
    let access = Access::new(AuthMode::Required, Some("https://weir.example".parse().unwrap()));
    let app = TestApp::with(Options { access, ..Options::default() }).await;
    let status = async |host: &str, origin: &str| {
        let headers = [("host", host), ("origin", origin)];
        let body = json!({ "email": "ada@example.org", "password": "x" });
        app.send(request(Method::POST, "/api/auth/sign-in", &headers, Some(body))).await.status
    };
    for (host, origin) in [
        ("weir.example", "https://weir.example"),
        ("127.0.0.1:3001", "https://weir.example"),
        ("127.0.0.1:3001", "http://127.0.0.1:3001"),
    ] {
        assert_eq!(status(host, origin).await, 401, "{origin} at {host}");
    }
    for (host, origin) in [
        ("weir.example", "http://weir.example"),
        ("weir.example", "https://weir.example:8443"),
        ("127.0.0.1:3001", "https://127.0.0.1:3001"),
    ] {
        assert_eq!(status(host, origin).await, 403, "{origin} at {host}");
    }
}

#[tokio::test]
async fn edge_17_another_sites_page_embeds_no_answer_of_the_api() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    for site in ["cross-site", "same-site"] {
        for dest in ["script", "image", "style", "iframe", "object", "empty"] {
            let mode = if dest == "iframe" || dest == "object" { "navigate" } else { "no-cors" };
            let told = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            for path in ["/api/me", "/api/conversations", "/metrics", "/api/auth/open-id"] {
                asked(&app, &ada, Method::GET, path, &told).await.problem(403, "origin_not_allowed");
            }
            assert_ne!(asked(&app, &ada, Method::GET, "/chat", &told).await.status, 403, "the web app is public");
        }
        let link = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!(asked(&app, &ada, Method::GET, "/api/me", &link).await.status, 200);
    }
}

#[tokio::test]
async fn auth_21_another_sites_page_signs_nobody_in_and_a_session_is_never_kept() {
    let app = TestApp::guarded().await;
    app.administrator().await;
    let sign_in = async |more: &[(&str, &str)]| {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD });
        app.send(request(Method::POST, "/api/auth/sign-in", &[&[LOCALHOST][..], more].concat(), Some(body))).await
    };
    for path in ["/api/auth/sign-in", "/api/auth/join", "/api/auth/setup", "/api/auth/sign-out"] {
        for told in [("origin", "http://localhost:7795"), ("sec-fetch-site", "same-site")] {
            asked(&app, &Who::nobody(), Method::POST, path, &[told]).await.problem(403, "origin_not_allowed");
        }
    }
    // A secret that somebody else put into the browser does not become a session.
    let planted = "A".repeat(43);
    let cookie = format!("weir_session={planted}");
    let answer = sign_in(&[("cookie", &cookie), ("origin", "http://localhost:3000")]).await;
    answer.json::<Value>(200);
    assert!(!answer.header("set-cookie").contains(&planted));
    Who::cookie(&planted).get(&app, "/api/me").await.problem(401, "unauthenticated");
    Who::of(&answer).get(&app, "/api/me").await.json::<Value>(200);
}
