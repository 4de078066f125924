//! Sibling: requests whose heads, queries and bodies are hard to read, and keys by the thousand.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use tokio::time::timeout;

use super::Play;
use crate::{connection, scene::Scene};

pub(crate) struct Requests;

#[async_trait]
impl Play for Requests {
    fn name(&self) -> &'static str {
        "requests"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        bodies(scene).await?;
        for cursor in [
            "a".repeat(8_000),
            "%00".to_owned(),
            "eyJ".repeat(2_000),
            "AAAA".to_owned(),
            "%F0%9F%98%80".to_owned(),
            "-1".to_owned(),
        ] {
            for path in ["/api/conversations", "/api/jobs"] {
                let answer = scene.attacker.get(&format!("{path}?cursor={cursor}&limit=200")).await?;
                let is_refused = answer.is_refusal();
                scene.check(is_refused, || format!("a bad cursor at {path} was answered with {}", answer.status));
            }
        }
        let addr = scene.addr()?;
        for head in heads(addr) {
            let mut stream = connection::open(addr, head.as_bytes()).await?;
            // A request that is not complete has no answer for a while.
            let status = timeout(Duration::from_millis(500), connection::status(&mut stream)).await;
            if let Ok(Ok(status)) = status {
                scene.check(status < 500, || format!("a head was answered with {status}: {head:.60}"));
            }
        }
        let attacker = scene.attacker.clone();
        let keys = (0..scene.count(500, 5_000)).map(|number| {
            let attacker = attacker.clone();
            async move {
                let key = format!("{number:0255}");
                let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                attacker.send(Method::POST, "/api/conversations", &headers, Some(b"{}".to_vec())).await
            }
        });
        let mut asked = std::pin::pin!(stream::iter(keys).buffer_unordered(8));
        while let Some(answer) = asked.next().await {
            let answer = answer?;
            let is_answered = answer.status == 201 || answer.is_refusal();
            scene.check(is_answered, || format!("a key was answered with {}", answer.status));
        }
        Ok(())
    }
}

/// Bodies that are deep, wide, or no JSON.
async fn bodies(scene: &Scene) -> Result<()> {
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let bodies = [
        nested("[", "]", 500_000),
        nested("{\"args\":", "}", 200_000),
        format!("{{\"args\":{}}}", nested("[", "]", 100)),
        format!("{{\"args\":[{}0]}}", "0,".repeat(900_000)),
        format!(
            "{{\"args\":{{{}\"z\":0}}}}",
            (0..100_000).fold(String::new(), |text, number| text + &format!("\"k{number}\":0,"))
        ),
        "{\"args\":1e999}".to_owned(),
        "{\"args\":\"\\ud800\"}".to_owned(),
        format!("{{\"args\":{}}}", "9".repeat(1_000_000)),
        "{".repeat(1_000_000),
        "\"".to_owned() + &"\\u0000".repeat(200_000),
    ];
    for path in ["/api/tools/calculate", "/api/realtime", "/api/conversations", "/api/messages", "/mcp"] {
        for body in &bodies {
            let headers = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
            let answer = scene.attacker.send(Method::POST, path, &headers, Some(body.clone().into_bytes())).await?;
            let is_answered = answer.is_refusal() || answer.status < 300;
            scene.check(is_answered, || format!("a body at {path} was answered with {}", answer.status));
        }
    }
    Ok(())
}

/// Heads that are long, many-fielded, or no HTTP.
fn heads(addr: SocketAddr) -> Vec<String> {
    let with = |fields: &str| format!("GET /api/me HTTP/1.1\r\nhost: {addr}\r\n{fields}\r\n");
    vec![
        with(&format!("x-long: {}\r\n", "a".repeat(200_000))),
        with(&"x: y\r\n".repeat(20_000)),
        with(&format!("authorization: Bearer {}\r\n", "a".repeat(30_000))),
        with(&format!("cookie: {}\r\n", "weir_session=a; ".repeat(3_000))),
        with(&format!("last-event-id: {}\r\n", "9".repeat(10_000))),
        with(&format!("x-forwarded-for: {}\r\n", "127.0.0.1, ".repeat(4_000))),
        with("content-length: 5\r\ncontent-length: 6\r\n"),
        with("transfer-encoding: chunked\r\ncontent-length: 5\r\n"),
        with("transfer-encoding: chunked, chunked\r\n"),
        format!(
            "POST /api/conversations HTTP/1.1\r\nhost: {addr}\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"
        ),
        format!("GET /{} HTTP/1.1\r\nhost: {addr}\r\n\r\n", "a/".repeat(20_000)),
        format!("GET /api/conversations?{} HTTP/1.1\r\nhost: {addr}\r\n\r\n", "q=a&".repeat(10_000)),
        format!("GET http://[ HTTP/1.1\r\nhost: {addr}\r\n\r\n"),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}".repeat(100),
        "\r\n".repeat(10_000),
    ]
}
