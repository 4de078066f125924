//! Finding 6: pages of large messages, asked for by readers that do not read.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::Play;
use crate::{connection, scene::Scene};

/// The largest message that the contract takes.
const MESSAGE: usize = 256 * 1024;
/// The largest page, in bytes.
const PAGE: usize = 8 * 1024 * 1024;

pub(crate) struct UnreadPages;

#[async_trait]
impl Play for UnreadPages {
    fn name(&self) -> &'static str {
        "unread-pages"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let text = "a".repeat(MESSAGE);
        let messages = scene.count(80, 200);
        let conversation = scene.attacker.message(None, &text).await?;
        for _ in 1..messages {
            scene.attacker.message(Some(&conversation), &text).await?;
        }
        let path = format!("/api/messages?conversationId={conversation}&limit=200");
        let (mut next, mut seen) = (path.clone(), 0);
        loop {
            let answer = scene.attacker.get(&next).await?;
            let size = answer.body.len();
            scene.check(size <= PAGE, || format!("a page has {size} bytes"));
            let page = answer.json();
            seen += page["items"].as_array().map_or(0, Vec::len);
            match page["nextCursor"].as_str() {
                Some(cursor) if seen < messages => next = format!("{path}&cursor={cursor}"),
                _ => break,
            }
        }
        scene.check(seen == messages, || format!("the pages show {seen} of {messages} messages"));
        let (addr, credential) = (scene.addr()?, scene.attacker.credential());
        let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n{credential}\r\n");
        let mut readers = Vec::new();
        for _ in 0..scene.count(15, 30) {
            readers.push(connection::open_narrow(addr, request.as_bytes()).await?);
            scene.pass(Duration::from_millis(20)).await;
        }
        scene.pass(Duration::from_secs(3)).await;
        Ok(())
    }
}
