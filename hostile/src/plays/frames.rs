//! Sibling: frames of a WebSocket that are deep, large, many or never read.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::Play;
use crate::{scene::Scene, socket::Received};

/// The largest frame that the contract takes.
const LARGEST: usize = 1024 * 1024;

pub(crate) struct Frames;

#[async_trait]
impl Play for Frames {
    fn name(&self) -> &'static str {
        "frames"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let padded = format!("{{\"type\":\"subscribe\",\"topic\":\"{}\"}}", "a".repeat(LARGEST - 64));
        let wide = format!("{{\"type\":\"ack\",\"seq\":[{}0]}}", "0,".repeat(LARGEST / 2 - 100));
        let args = format!(
            "{{\"type\":\"invoke_tool\",\"id\":\"01980000-0000-7000-8000-000000000001\",\"name\":\"calculate\",\"args\":{}}}",
            nested("{\"expression\":", "}", 50_000)
        );
        let floods = [
            vec![nested("[", "]", 100_000); 20],
            vec![nested("{\"type\":", "}", 50_000); 20],
            vec![args; 10],
            vec![padded; scene.count(30, 100)],
            vec![wide; scene.count(10, 50)],
            vec!["a".repeat(LARGEST + 1); 3],
            (0..scene.count(2_000, 10_000)).map(subscription).collect(),
            vec![json!({ "type": "subscribe", "topic": "inbox" }).to_string(); 2_000],
        ];
        for flood in floods {
            let mut socket = scene.attacker_socket().await?;
            for frame in flood {
                if !socket.send(frame).await {
                    break;
                }
            }
            let closed = loop {
                match socket.receive(Duration::from_secs(2)).await? {
                    Received::Frame(frame) => scene.attacker.inspect("a frame", &frame.to_string()),
                    Received::Closed(code) => break code,
                    Received::Silence => break None,
                }
            };
            let is_known = closed.is_none_or(|code| matches!(code, 1009 | 1013 | 4400 | 4429));
            scene.check(is_known, || format!("a socket was closed with {closed:?}"));
        }
        // Messages in pieces that never end, and control frames.
        let mut socket = scene.attacker_socket().await?;
        for _ in 0..5_000 {
            if !socket.send_message(Message::Ping(Bytes::from_static(&[0; 125]))).await {
                break;
            }
        }
        let mut sockets = Vec::new();
        for _ in 0..200 {
            let opened = crate::socket::Socket::open_as(scene.addr()?, scene.attacker.token()?).await;
            match opened {
                Ok(mut socket) => {
                    socket.send(subscription(0)).await;
                    sockets.push(socket);
                }
                Err(_) => break,
            }
        }
        scene.check(sockets.len() <= 64, || format!("one user holds {} sockets", sockets.len()));
        Ok(())
    }
}

/// A subscription to a run that does not exist.
fn subscription(number: usize) -> String {
    json!({ "type": "subscribe", "topic": format!("run:01980000-0000-7000-8000-{number:012x}"), "after": 0 })
        .to_string()
}
