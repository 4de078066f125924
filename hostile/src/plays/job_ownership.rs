//! Finding 13: the id of another user's job, run or session, on a WebSocket and over HTTP.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::Play;
use crate::{
    scene::{Scene, lenient},
    socket::Socket,
};

pub(crate) struct JobOwnership;

#[async_trait]
impl Play for JobOwnership {
    fn name(&self) -> &'static str {
        "job-ownership"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let begun = format!("console.log('{}');", scene.secret);
        let code = format!("{begun} const until = Date.now() + 5000; while (Date.now() < until); '{}'", scene.secret);
        let called = scene.victim.call("run_code", &json!({ "code": code })).await?;
        let job = called.map_err(|answer| anyhow::anyhow!("her call was refused with {}", answer.status))?;
        let run = scene.victim.ask(&format!("{} [[tokens=100 rate=20]]", scene.secret)).await?;
        let mut hers = Socket::open_as(scene.addr()?, scene.victim.token()?).await?;
        let welcome = hers.receive_until(|frame| frame["type"] == "welcome").await?.context("no welcome")?;
        let mut socket = scene.attacker_socket().await?;
        let frames = [
            json!({ "type": "resume", "session": welcome["session"], "seq": 0 }),
            json!({ "type": "invoke_tool", "id": job, "name": "calculate", "args": { "expression": "1" } }),
            json!({ "type": "invoke_tool", "id": job, "name": "run_code", "args": { "code": code } }),
            json!({ "type": "invoke_tool", "id": run.run, "name": "calculate", "args": { "expression": "1" } }),
            json!({ "type": "cancel_tool", "id": job }),
            json!({ "type": "subscribe", "topic": format!("job:{job}"), "after": 0 }),
            json!({ "type": "subscribe", "topic": format!("run:{}", run.run), "after": 0 }),
            json!({ "type": "subscribe", "topic": "end" }),
        ];
        for frame in &frames {
            socket.send(frame.to_string()).await;
        }
        let attacker = scene.attacker.clone();
        let ended = |frame: &Value| {
            attacker.inspect("the attacker's WebSocket", &frame.to_string());
            frame["code"] == "unknown_topic" && frame["topic"] == "end"
        };
        let answered = socket.receive_until(ended).await?;
        scene.check(answered.is_some(), || "the attacker's socket was closed".to_owned());
        for (method, path) in [
            (Method::GET, format!("/api/jobs/{job}")),
            (Method::DELETE, format!("/api/jobs/{job}")),
            (Method::GET, format!("/api/jobs/{job}/events")),
            (Method::GET, format!("/api/realtime/{}", run.run)),
            (Method::DELETE, format!("/api/realtime/{}", run.run)),
            (Method::GET, format!("/api/conversations/{}", run.conversation)),
            (Method::DELETE, format!("/api/conversations/{}", run.conversation)),
            (Method::GET, format!("/api/messages?conversationId={}", run.conversation)),
        ] {
            let status = attacker.send(method.clone(), &path, &[], None).await?.status;
            scene.check(status == 404, || format!("{method} of another user's {path}: {status}"));
        }
        let cookie = scene.attacker_account.cookie.as_str();
        let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
        let (path, body) = (format!("/api/tool-calls/{job}/approval"), br#"{"decision":"deny"}"#.to_vec());
        let status = scene.stranger.send(Method::POST, &path, &headers, Some(body)).await?.status;
        scene.check(status == 404, || format!("a decision on another user's call: {status}"));
        let found = scene.victim.job_ended(&job, lenient(Duration::from_secs(20))).await?;
        scene.check(found["status"] == "done", || format!("her job ended as {}: {}", found["status"], found["error"]));
        scene.check(found["name"] == "run_code", || format!("her job became one of {}", found["name"]));
        let events = scene.victim.get(&format!("/api/jobs/{job}/events")).await?.text();
        scene.check(events.contains("event: complete"), || "the log of her job has no end".to_owned());
        let runs = events.matches("event: partial_result").count();
        scene.check(runs == 1, || format!("her job ran {runs} times"));
        Ok(())
    }
}
