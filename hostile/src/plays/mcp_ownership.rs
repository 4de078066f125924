//! Finding 12: another user's session of `/mcp`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use super::Play;
use crate::{mcp_client, person::Person, scene::Scene};

pub(crate) struct McpOwnership;

#[async_trait]
impl Play for McpOwnership {
    fn name(&self) -> &'static str {
        "mcp-ownership"
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("WEIR_LOG", "debug".to_owned())]
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let session = mcp_client::session(&scene.victim).await?;
        // Her call lasts while the attacker tries.
        let code = format!("const until = Date.now() + 3000; while (Date.now() < until); '{}'", scene.secret);
        let call = mcp_client::call(7, "run_code", &json!({ "code": code }));
        let call = mcp_client::open(&scene.victim, &session, &call).await?;
        scene.check(call.status() == 200, || format!("her call was answered with {}", call.status()));
        for person in
            [scene.attacker.clone(), scene.administrator.never_receives(&scene.secret), scene.stranger.clone()]
        {
            tries(scene, &person, &session).await?;
        }
        let text = timeout(Duration::from_secs(40), call.text()).await.context("her call has no end")??;
        scene.check(text.contains(&scene.secret), || format!("her call did not return its result: {text}"));
        let ping = json!({ "jsonrpc": "2.0", "id": 8, "method": "ping" });
        let answer = mcp_client::send(&scene.victim, Some(&session), &ping).await?;
        scene.check(answer.status == 200, || format!("her session is answered with {}", answer.status));
        let is_logged = scene.cluster.logs().contains(&session);
        scene.check(!is_logged, || "the log shows the id of a session".to_owned());
        Ok(())
    }
}

/// Tries every kind of request with a session that belongs to another user.
async fn tries(scene: &Scene, person: &Person, session: &str) -> Result<()> {
    let refused = |what: &str, status: u16| {
        scene.check(matches!(status, 401 | 404), || format!("{what} in another user's session: {status}"));
    };
    for (what, message) in [
        ("a ping", json!({ "jsonrpc": "2.0", "id": 9, "method": "ping" })),
        ("a list of tools", json!({ "jsonrpc": "2.0", "id": 10, "method": "tools/list" })),
        ("a call", mcp_client::call(11, "current_time", &json!({}))),
        (
            "a cancellation",
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } }),
        ),
    ] {
        refused(what, mcp_client::send(person, Some(session), &message).await?.status);
    }
    for resume in [None, Some("0"), Some("0/0"), Some("7")] {
        let mut headers = mcp_client::headers(Some(session));
        headers.extend(resume.map(|id| ("last-event-id", id)));
        let mut response = person.open(Method::GET, "/mcp", &headers, None).await?;
        refused("GET", response.status().as_u16());
        // A stream that is opened by mistake is read for a moment.
        let mut text = Vec::new();
        while let Ok(Ok(Some(chunk))) = timeout(Duration::from_millis(500), response.chunk()).await {
            text.extend_from_slice(&chunk);
        }
        person.inspect("GET /mcp", &String::from_utf8_lossy(&text));
    }
    let answer = person.send(Method::DELETE, "/mcp", &mcp_client::headers(Some(session)), None).await?;
    refused("DELETE", answer.status);
    Ok(())
}
