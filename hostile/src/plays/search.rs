//! Finding 4: searches for a text that nearly matches everywhere, in large messages.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::Play;
use crate::{
    accounts,
    scene::{Scene, lenient},
};

/// The largest message that the contract takes.
const MESSAGE: usize = 256 * 1024;
/// The longest that a search may take, with those before it.
const ENDED: Duration = Duration::from_secs(30);

pub(crate) struct Search;

#[async_trait]
impl Play for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let text = "a".repeat(MESSAGE);
        let conversation = scene.attacker.message(None, &text).await?;
        for _ in 1..40 {
            scene.attacker.message(Some(&conversation), &text).await?;
        }
        let token = accounts::token(&scene.stranger, &scene.attacker_account.cookie, &["read"]).await?;
        let reader = scene.attacker.with_token(&token);
        let mut searches = JoinSet::new();
        for number in 0..scene.count(16, 40) {
            let query = format!("{}b{number}", "a".repeat(190));
            let reader = reader.clone();
            searches.spawn(async move {
                reader.send(Method::GET, &format!("/api/conversations?q={query}"), &[], None).await
            });
            scene.pass(Duration::from_millis(250)).await;
        }
        let limit = lenient(ENDED);
        let ended = tokio::time::timeout(limit, async {
            while let Some(search) = searches.join_next().await {
                let answer = search??;
                let is_answered = answer.status == 200 || answer.is_refusal();
                scene.check(is_answered, || format!("a search was answered with {}", answer.status));
            }
            anyhow::Ok(())
        });
        match ended.await {
            Ok(ended) => ended?,
            Err(_) => scene.findings.add(format!("the searches do not end within {limit:?}")),
        }
        let query = format!("{}b", "a".repeat(190));
        scene.attacker.called("search_history", &json!({ "query": query }), limit).await?;
        let found = scene.attacker.get(&format!("/api/conversations?q={}", scene.secret)).await?.json();
        let is_empty = found["items"].as_array().is_some_and(Vec::is_empty);
        scene.check(is_empty, || format!("a search finds another user's message: {found}"));
        let own = scene.victim.get(&format!("/api/conversations?q={}", scene.secret)).await?.json();
        scene.check(own["items"].as_array().is_some_and(|items| items.len() == 1), || format!("no own message: {own}"));
        Ok(())
    }
}
