//! Finding 11: a sign-in that ends at an address of the attacker's choice; finding 15: one that can be repeated, or names nobody.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use reqwest::{Method, Url};

use super::Play;
use crate::{
    odd_provider::{CLIENT, OddProvider},
    person::Answer,
    scene::Scene,
};

/// Values of `next` that leave the site in some browser.
const ELSEWHERE: [&str; 22] = [
    "//evil.example",
    "/.//evil.example:7795/",
    "/..//evil.example",
    "/./..//evil.example",
    "/chat/..//evil.example",
    "/%2e//evil.example",
    "/%2E%2e//evil.example",
    "/\\evil.example",
    "/.\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example@weir/",
    "/\\/\\evil.example",
    "///evil.example",
    "chat",
];

pub(crate) struct Redirects;

#[async_trait]
impl Play for Redirects {
    fn name(&self) -> &'static str {
        "redirects"
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        // The server learns of its provider in the aftermath; here the watcher sees it at rest.
        let answer = scene.stranger.get("/api/auth/open-id?next=//evil.example").await?;
        scene.check(answer.status == 404, || {
            format!("without a provider a sign-in was answered with {}", answer.status)
        });
        Ok(())
    }

    async fn aftermath(&self, scene: &mut Scene) -> Result<()> {
        let provider = OddProvider::start().await?;
        scene.stop_in_time().await?;
        let url = scene.weir().url();
        for (key, value) in [
            ("WEIR_PUBLIC_URL", url.as_str()),
            ("WEIR_OPENID_ISSUER", provider.issuer()),
            ("WEIR_OPENID_CLIENT_ID", CLIENT),
            ("WEIR_OPENID_CLIENT_SECRET", "a secret of the play"),
        ] {
            scene.weir().set(key, value);
        }
        scene.weir().start().await?;
        let site = Url::parse(&url)?;
        for next in ELSEWHERE {
            let begun = SignIn::begin(scene, next).await?;
            provider.sign_in_as("mallory", &begun.nonce);
            let ended = begun.come_back(scene).await?;
            let target = ended.header("location");
            let is_own = site.join(target).is_ok_and(|target| target.origin() == site.origin());
            scene.check(ended.status == 302 && is_own, || {
                format!("next={next:?} ends with {} at {target:?}", ended.status)
            });
        }
        let begun = SignIn::begin(scene, "/chat?c=1").await?;
        provider.sign_in_as("mallory", &begun.nonce);
        let ended = begun.come_back(scene).await?;
        scene.check(ended.header("location") == "/chat?c=1", || {
            format!("a path of the app is lost: {}", ended.header("location"))
        });
        scene.check(is_signed_in(&ended), || "the sign-in does not work".to_owned());
        let again = begun.come_back(scene).await?;
        scene.check(!is_signed_in(&again), || "the callback of a sign-in works twice".to_owned());
        for subject in ["", " "] {
            let begun = SignIn::begin(scene, "/chat").await?;
            provider.sign_in_as(subject, &begun.nonce);
            let ended = begun.come_back(scene).await?;
            scene.check(!is_signed_in(&ended), || format!("a person whose subject is {subject:?} is signed in"));
        }
        let begun = SignIn::begin(scene, "/chat").await?;
        provider.sign_in_as("mallory", "another nonce");
        let ended = begun.come_back(scene).await?;
        scene.check(!is_signed_in(&ended), || "a token of another sign-in is accepted".to_owned());
        Ok(())
    }
}

/// A sign-in that has reached the provider.
struct SignIn {
    state: String,
    nonce: String,
    cookie: String,
}

impl SignIn {
    /// Goes to the provider.
    async fn begin(scene: &Scene, next: &str) -> Result<Self> {
        let query = Url::parse_with_params("http://weir/api/auth/open-id", [("next", next)])?;
        let path = format!("{}?{}", query.path(), query.query().unwrap_or_default());
        let answer = scene.stranger.get(&path).await?;
        ensure!(answer.status == 302, "a sign-in was answered with {}", answer.status);
        let provider = Url::parse(answer.header("location"))?;
        let mut asked: HashMap<String, String> = provider.query_pairs().into_owned().collect();
        let mut take = |name: &str| asked.remove(name).with_context(|| format!("no {name}"));
        let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        Ok(Self { state: take("state")?, nonce: take("nonce")?, cookie })
    }

    /// Comes back with a code.
    async fn come_back(&self, scene: &Scene) -> Result<Answer> {
        let path = format!("/api/auth/open-id/callback?state={}&code=c", self.state);
        scene.stranger.send(Method::GET, &path, &[("cookie", &self.cookie)], None).await
    }
}

/// Whether an answer gives the browser a session.
fn is_signed_in(answer: &Answer) -> bool {
    let mut cookies = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    cookies.any(|line| line.starts_with("weir_session=") && !line.starts_with("weir_session=;"))
}
