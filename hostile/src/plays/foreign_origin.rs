//! Finding 10: a page of another origin, in the browser of a person who is signed in or who uses an open server.

use anyhow::Result;
use async_trait::async_trait;
use reqwest::Method;

use super::Play;
use crate::{scene::Scene, socket::Socket};

pub(crate) struct ForeignOrigin;

#[async_trait]
impl Play for ForeignOrigin {
    fn name(&self) -> &'static str {
        "foreign-origin"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let cookie = scene.victim_account.cookie.clone();
        refuses(scene, Some(&cookie)).await
    }

    async fn aftermath(&self, scene: &mut Scene) -> Result<()> {
        scene.stop_in_time().await?;
        scene.weir().set("WEIR_AUTH", "open");
        scene.weir().start().await?;
        refuses(scene, None).await
    }
}

/// Asks for a socket and for a change, as pages of several origins would.
async fn refuses(scene: &Scene, cookie: Option<&str>) -> Result<()> {
    let (addr, port) = (scene.addr()?, scene.addr()?.port());
    let own = format!("http://{addr}");
    let foreign = [
        format!("http://127.0.0.1:{}", port ^ 1),
        format!("http://localhost:{port}"),
        format!("http://localhost:{}", port ^ 1),
        format!("http://[::1]:{port}"),
        format!("https://{addr}"),
        format!("http://127.0.0.2:{port}"),
        format!("http://{addr}.evil.example"),
        format!("http://evil.example/{addr}"),
        format!("http://{addr}@evil.example"),
        format!("http://evil.example#@{addr}"),
        format!("{own}/ http://evil.example"),
        "http://127.0.0.1".to_owned(),
        "null".to_owned(),
        "file://".to_owned(),
        "chrome-extension://abcdef".to_owned(),
        " ".to_owned(),
    ];
    for origin in foreign.iter().chain([&own]) {
        let is_own = *origin == own;
        let mut headers = vec![("origin", origin.as_str())];
        headers.extend(cookie.map(|cookie| ("cookie", cookie)));
        let opened = Socket::open(addr, &headers).await?;
        let is_right = match &opened {
            Ok(_) => is_own,
            Err(status) => !is_own && (400..500).contains(status),
        };
        scene.check(is_right, || format!("a WebSocket for the origin {origin:?}: {:?}", opened.as_ref().err()));
        headers.push(("content-type", "application/json"));
        let answer = scene.stranger.send(Method::POST, "/api/conversations", &headers, Some(b"{}".to_vec())).await?;
        let is_right = if is_own { answer.status == 201 } else { (400..500).contains(&answer.status) };
        scene.check(is_right, || format!("a change for the origin {origin:?} was answered with {}", answer.status));
        let shared = answer.header("access-control-allow-origin");
        scene.check(shared.is_empty(), || format!("the origin {origin:?} may read answers: {shared}"));
    }
    Ok(())
}
