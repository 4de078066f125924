//! Finding 15: addresses that a deny rule or the egress guard does not recognise.

use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;

use super::Play;
use crate::scene::{Scene, lenient};

pub(crate) struct DenyRules;

#[async_trait]
impl Play for DenyRules {
    fn name(&self) -> &'static str {
        "deny-rules"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let rule = json!({ "argument": "url", "matches": "host", "value": "denied.example", "permission": "deny" });
        let body = json!({ "permission": "allow", "rules": [rule] });
        // A token without the scope admin changes no permission.
        let path = "/api/tools/fetch_page/permission";
        let by_token = scene.attacker.with_json(Method::PUT, path, &body).await?.status;
        scene.check(by_token == 403, || format!("a token of a user changed a permission: {by_token}"));
        let cookie = scene.attacker_account.cookie.as_str();
        let headers = [("cookie", cookie), ("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
        let set = scene.stranger.send(Method::PUT, path, &headers, Some(body.to_string().into_bytes())).await?;
        ensure!(set.status == 200, "a rule was answered with {}", set.status);
        for host in [
            "denied.example",
            "denied.example.",
            "DENIED.example",
            "denied.example:443",
            "a@denied.example",
            "den%69ed.example",
        ] {
            let called = scene.attacker.call("fetch_page", &json!({ "url": format!("http://{host}/") })).await?;
            scene.check(called.is_err(), || format!("a rule that denies denied.example lets {host} pass"));
        }
        let port = scene.addr()?.port();
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "2130706433",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "localhost",
            "localhost.",
            "a.localhost",
            "127.0.0.1.",
        ] {
            let args = json!({ "url": format!("http://{host}:{port}/healthz") });
            let job = scene.attacker.called("fetch_page", &args, lenient(Duration::from_secs(30))).await?;
            scene.check(job["status"] != "done", || format!("a tool reaches this machine as {host}"));
        }
        Ok(())
    }
}
