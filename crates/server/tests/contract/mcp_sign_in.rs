//! Signing in for MCP servers that ask for it (OAuth).

use axum::http::Method;
use reqwest::{Url, redirect};
use serde_json::{Value, json};
use weir_server::mcp::Fleet;
use weir_testkit::soon;
use weir_tools::{Call, Outside, Registry};

use crate::{
    app::{Answered, Data as _, Options, TestApp, request},
    mcp_desk::Desk,
    people::Who,
};

const MINUTE: i64 = 60_000;

/// A browser that has gone to an authorization server and is sent back.
struct Returning {
    back: Url,
    cookie: String,
}

impl Returning {
    /// There, as this person's browser does it.
    async fn from(app: &TestApp, who: &Who, name: &str) -> Self {
        let there = who.post(app, &format!("/api/mcp-servers/{name}/sign-in"), json!({})).await;
        let page: Value = there.json(200);
        let cookie = there.header("set-cookie").split(';').next().unwrap().to_owned();
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let answer = http.get(page["url"].as_str().unwrap()).send().await.unwrap();
        let back = answer.headers().get("location").unwrap().to_str().unwrap().parse().unwrap();
        Self { back, cookie }
    }

    /// Back, with other values in the address; with the cookie of the way there, beside the person's own.
    async fn with(&self, app: &TestApp, who: &Who, changed: &[(&str, &str)]) -> Answered {
        let mut back = self.back.clone();
        let pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        back.query_pairs_mut().clear();
        for (name, value) in pairs {
            let value =
                changed.iter().find(|(other, _)| *other == name).map_or(value, |(_, value)| (*value).to_owned());
            back.query_pairs_mut().append_pair(&name, &value);
        }
        let path = format!("{}?{}", back.path(), back.query().unwrap());
        let headers = who.headers();
        let own = headers.iter().find(|(name, _)| *name == "cookie").map_or("", |(_, value)| value);
        let cookies = [self.cookie.as_str(), own].join("; ");
        app.send(request(Method::GET, &path, &[("cookie", &cookies)], None)).await
    }

    async fn come(&self, app: &TestApp, who: &Who) -> String {
        self.with(app, who, &[]).await.header("location").to_owned()
    }
}

impl TestApp {
    /// A server that asks for a sign-in, as `far`.
    async fn with_desk() -> (Self, Desk) {
        let (app, desk) = (Self::new().await, Desk::start().await);
        app.post("/api/mcp-servers", desk.to_add("far")).await.json::<Value>(201);
        app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;
        (app, desk)
    }

    /// The same, and somebody has signed in.
    async fn with_signed_in() -> (Self, Desk) {
        let (app, desk) = Self::with_desk().await;
        let done = Returning::from(&app, &Who::nobody(), "far").await.come(&app, &Who::nobody()).await;
        assert_eq!(done, "/tools?view=servers&server=far&connect=done");
        app.mcp_server("far", |server| server["status"] == "ready").await;
        (app, desk)
    }

    /// What the tool that says what it is told gives, or the error's code.
    async fn says(&self, tool: &str) -> Value {
        let asked = self.post(&format!("/api/tools/{tool}"), json!({ "args": { "text": "Good day" } })).await;
        if asked.status == 404 {
            return json!("gone");
        }
        let job: Value = asked.json(202);
        let end = self.job_events(job["jobId"].as_str().unwrap()).await.rest().await.pop().unwrap().value();
        if end["output"].is_null() { end["code"].clone() } else { end["output"].clone() }
    }

    /// Returns when that tool answers.
    async fn says_again(&self, tool: &str) {
        let mut changes = self.app.fleet.changes();
        while self.says(tool).await != "Good day" {
            changes.changed().await.unwrap();
        }
    }

    /// The name of that tool here.
    async fn says_it(&self) -> String {
        let server = self.mcp_server("far", |server| server["status"] == "ready").await;
        let tools = server["tools"].as_array().unwrap().iter();
        tools.filter_map(Value::as_str).find(|name| name.starts_with("far__say_it_")).unwrap().to_owned()
    }
}

#[tokio::test]
async fn mcp_14_a_server_that_asks_for_a_sign_in_is_connected_and_disconnected() {
    let (app, desk) = TestApp::with_desk().await;
    let waits = app.mcp_server("far", |_| true).await;
    assert_eq!(waits["error"], "It asks for a sign-in. Connect it.");
    assert_eq!((&waits["signIn"], &waits["tools"]), (&Value::Null, &json!([])));

    let there = app.post("/api/mcp-servers/far/sign-in", json!({})).await;
    let page: Url = there.json::<Value>(200)["url"].as_str().unwrap().parse().unwrap();
    let cookie = there.header("set-cookie");
    assert!(cookie.starts_with("weir_mcp=") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    let asked: std::collections::BTreeMap<_, _> = page.query_pairs().into_owned().collect();
    assert_eq!((&*asked["code_challenge_method"], &*asked["scope"]), ("S256", "read"));
    assert_eq!(asked["resource"], format!("http://{}/mcp", desk.addr));
    assert_eq!(asked["redirect_uri"], "http://localhost/api/mcp-sign-in/callback");

    let done = Returning::from(&app, &Who::nobody(), "far").await.come(&app, &Who::nobody()).await;
    assert_eq!(done, "/tools?view=servers&server=far&connect=done");
    let ready = app.mcp_server("far", |server| server["status"] == "ready").await;
    assert_eq!(
        (&ready["signIn"]["scopes"], &ready["signIn"]["issuer"]),
        (&json!(["read"]), &json!(format!("http://{}", desk.addr)))
    );
    let tool = app.says_it().await;
    assert_eq!(app.says(&tool).await, "Good day");

    let off: Value = app.delete("/api/mcp-servers/far/sign-in").await.json(200);
    assert_eq!(off["signIn"], Value::Null);
    app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;
    assert!(app.app.store.mcp_grant("far").await.unwrap().is_none());
    let given_back = async {
        while desk.seen(|seen| seen.revoked.len()) < 2 {
            tokio::task::yield_now().await;
        }
    };
    soon("the tokens to be given back", given_back).await;
    assert!(desk.seen(|seen| seen.revoked.iter().all(|token| token.starts_with("secret-"))));
}

#[tokio::test]
async fn mcp_14_tokens_are_never_told_and_sent_to_no_other_server() {
    let (app, desk) = TestApp::with_signed_in().await;
    for path in ["/api/mcp-servers", "/api/mcp-servers/far/log"] {
        assert!(!String::from_utf8_lossy(&app.get(path).await.body).contains("secret-"), "{path}");
    }
    // Another server under the same name.
    let other = Desk::start().await;
    let transport = other.to_add("far")["transport"].clone();
    app.patch("/api/mcp-servers/far", json!({ "transport": transport })).await.json::<Value>(200);
    let waits = app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;
    assert_eq!(waits["signIn"], Value::Null);
    assert!(app.app.store.mcp_grant("far").await.unwrap().is_none());
    // And back: nobody is signed in any more.
    let transport = desk.to_add("far")["transport"].clone();
    app.patch("/api/mcp-servers/far", json!({ "transport": transport })).await.json::<Value>(200);
    app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;
}

#[tokio::test]
async fn mcp_15_what_comes_back_counts_once_for_ten_minutes_in_the_browser_that_went() {
    let (app, desk) = TestApp::with_desk().await;
    let nobody = Who::nobody();
    let mut gone = Returning::from(&app, &nobody, "far").await;
    let cookie = std::mem::replace(&mut gone.cookie, "weir_mcp=another-browser-of-somebody-else-0123456789".to_owned());
    assert_eq!(gone.come(&app, &nobody).await, "/tools?view=servers&connect=expired");
    gone.cookie = cookie;
    let other = gone.with(&app, &nobody, &[("state", "made-up")]).await;
    assert_eq!(other.header("location"), "/tools?view=servers&connect=expired");
    assert_eq!(
        app.get("/api/mcp-sign-in/callback?code=x").await.header("location"),
        "/tools?view=servers&connect=expired"
    );
    assert!(desk.seen(|seen| seen.tokens.is_empty()), "no code was taken anywhere");
    assert_eq!(gone.come(&app, &nobody).await, "/tools?view=servers&server=far&connect=done");
    assert_eq!(gone.come(&app, &nobody).await, "/tools?view=servers&connect=expired", "once");

    let late = Returning::from(&app, &nobody, "far").await;
    app.clock.advance(10 * MINUTE);
    assert_eq!(late.come(&app, &nobody).await, "/tools?view=servers&connect=expired");
    assert_eq!(desk.seen(|seen| seen.tokens.len()), 1);
}

#[tokio::test]
async fn mcp_15_what_comes_back_counts_for_the_person_who_went() {
    let desk = Desk::start().await;
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "administrator").await;
    let eve = app.invited(&ada, "eve@example.org", "user").await;
    ada.post(&app, "/api/mcp-servers", desk.to_add("far")).await.json::<Value>(201);
    eve.post(&app, "/api/mcp-servers/far/sign-in", json!({})).await.problem(403, "forbidden");
    let gone = Returning::from(&app, &ada, "far").await;
    assert_eq!(gone.come(&app, &bob).await, "/tools?view=servers&connect=expired");
    assert_eq!(gone.with(&app, &eve, &[]).await.status, 403);
    assert_eq!(gone.with(&app, &Who::nobody(), &[]).await.status, 401);
    assert_eq!(gone.come(&app, &ada).await, "/tools?view=servers&server=far&connect=done");
}

#[tokio::test]
async fn mcp_15_another_issuer_and_a_refusal_connect_nothing() {
    let (app, desk) = TestApp::with_desk().await;
    let nobody = Who::nobody();
    for iss in [Some("https://evil.example".to_owned()), Some(format!("http://{}/", desk.addr)), None] {
        desk.rules(|rules| rules.iss = iss);
        let gone = Returning::from(&app, &nobody, "far").await;
        assert_eq!(gone.come(&app, &nobody).await, "/tools?view=servers&server=far&connect=failed");
    }
    desk.rules(|rules| rules.iss = Some(format!("http://{}", desk.addr)));
    // The server names another authorization server while the person is at the first one.
    let gone = Returning::from(&app, &nobody, "far").await;
    let other = Desk::start().await;
    desk.rules(|rules| rules.named = format!("http://{}", other.addr));
    assert_eq!(gone.come(&app, &nobody).await, "/tools?view=servers&server=far&connect=failed");
    desk.rules(|rules| rules.named = format!("http://{}", desk.addr));
    assert!(desk.seen(|seen| seen.tokens.is_empty()) && other.seen(|seen| seen.tokens.is_empty()));

    desk.rules(|rules| rules.denies = true);
    let gone = Returning::from(&app, &nobody, "far").await;
    assert_eq!(gone.come(&app, &nobody).await, "/tools?view=servers&server=far&connect=denied");
    let waits = app.mcp_server("far", |_| true).await;
    assert_eq!((&waits["status"], &waits["signIn"]), (&json!("needs_sign_in"), &Value::Null));
    let log: Value = app.get("/api/mcp-servers/far/log").await.json(200);
    assert!(log.to_string().contains("cannot be trusted"), "{log}");
}

#[tokio::test]
async fn mcp_16_a_token_is_renewed_before_its_end_and_when_it_is_refused() {
    let (app, desk) = TestApp::with_signed_in().await;
    let tool = app.says_it().await;
    app.clock.advance(58 * MINUTE);
    assert_eq!(app.says(&tool).await, "Good day");
    assert_eq!(desk.seen(|seen| seen.renewals), 0);
    app.clock.advance(MINUTE);
    assert_eq!(app.says(&tool).await, "Good day");
    assert_eq!(desk.seen(|seen| seen.renewals), 1, "a minute before its end");
    desk.seen(|seen| seen.good.clear());
    assert_eq!(app.says(&tool).await, "Good day");
    assert_eq!(desk.seen(|seen| seen.renewals), 2, "the server has forgotten it");
    assert_eq!(app.mcp_server("far", |_| true).await["status"], "ready");
}

#[tokio::test]
async fn mcp_16_whoever_renews_a_token_does_it_for_all_instances() {
    let (app, desk) = TestApp::with_signed_in().await;
    let registry = Registry::new(Vec::new());
    let (store, clock) = (app.app.store.clone(), app.clock.clone());
    let other = Fleet::new(Vec::new(), store, registry.clone(), Outside::default(), clock);
    let mut changes = other.changes();
    other.start().await.unwrap();
    let tool = app.says_it().await;
    while registry.find(&tool).is_none() {
        soon("the other instance's connection", changes.changed()).await.unwrap();
    }
    let call = |registry: &Registry| {
        let tool = registry.find(&tool).unwrap();
        async move {
            let ids = (weir_protocol::ToolCallId(uuid::Uuid::nil()), weir_protocol::UserId(uuid::Uuid::nil()));
            let (call, _reports) = Call::new(ids.0, ids.1);
            tool.call(json!({ "text": "Good day" }), &call).await
        }
    };
    let own = app.app.runs.jobs().registry().clone();
    for round in 1..=3 {
        app.clock.advance(60 * MINUTE);
        let all = [call(&own), call(&registry), call(&own), call(&registry)];
        let given = soon("the calls", futures_util::future::join_all(all)).await;
        assert!(given.iter().all(|given| given.as_ref().is_ok_and(|given| given == "Good day")), "{given:?}");
        assert_eq!(desk.seen(|seen| seen.renewals), round, "each refresh token is good for one use");
    }
    other.stop().await;
}

#[tokio::test]
async fn mcp_16_a_sign_in_that_is_not_renewed_has_to_be_made_again() {
    let (app, desk) = TestApp::with_signed_in().await;
    let tool = app.says_it().await;
    // Not just now is no end.
    desk.rules(|rules| rules.refuses = Some("temporarily_unavailable"));
    app.clock.advance(60 * MINUTE);
    let failed = app.says(&tool).await;
    // Gone: it is asked for its tools at the same time, in vain as well.
    assert!(["server_failed", "server_gone", "unknown_tool", "gone"].contains(&failed.as_str().unwrap()), "{failed}");
    desk.rules(|rules| rules.refuses = None);
    soon("the server to be asked again", app.says_again(&tool)).await;

    desk.rules(|rules| rules.refuses = Some("invalid_grant"));
    app.clock.advance(60 * MINUTE);
    desk.seen(|seen| seen.good.clear());
    let ended = app.says(&tool).await;
    assert!(["sign_in_needed", "server_gone", "unknown_tool", "gone"].contains(&ended.as_str().unwrap()), "{ended}");
    let waits = app.mcp_server("far", |server| server["status"] == "needs_sign_in").await;
    let why = waits["error"].as_str().unwrap();
    assert!(why.contains("did not renew it, invalid_grant") && why.ends_with("Connect it again."), "{why}");
    assert_eq!(waits["signIn"], Value::Null);
    // A restart knows it still.
    assert_eq!(app.post("/api/mcp-servers/far/restart", json!({})).await.status, 202);
    app.mcp_server("far", |server| server["status"] == "needs_sign_in" && server["error"] == why).await;

    desk.rules(|rules| rules.refuses = None);
    Returning::from(&app, &Who::nobody(), "far").await.come(&app, &Who::nobody()).await;
    app.mcp_server("far", |server| server["status"] == "ready").await;
    assert_eq!(app.says(&tool).await, "Good day");
}

#[tokio::test]
async fn mcp_17_a_tool_that_wants_more_rights_says_so_and_gets_them() {
    let (app, desk) = TestApp::with_signed_in().await;
    assert_eq!(app.says("far__fail").await, "sign_in_needed");
    let ready = app.mcp_server("far", |server| !server["signIn"]["missing"].is_null()).await;
    assert_eq!((&ready["status"], &ready["signIn"]["missing"]), (&json!("ready"), &json!(["write"])));
    Returning::from(&app, &Who::nobody(), "far").await.come(&app, &Who::nobody()).await;
    let asked = desk.seen(|seen| seen.asked.last().unwrap()["scope"].clone());
    assert_eq!(asked, "read write", "what was granted is asked for as well");
    let more = app.mcp_server("far", |server| server["signIn"]["scopes"] == json!(["read", "write"])).await;
    assert_eq!(more["signIn"]["missing"], Value::Null);
    app.mcp_server("far", |server| server["status"] == "ready").await;
    assert_eq!(app.says("far__fail").await, "tool_failed", "it may run now, and does what it does");
}

#[tokio::test]
async fn mcp_17_a_client_that_was_registered_by_hand_is_used_where_nobody_can_register() {
    let (app, desk) = TestApp::with_desk().await;
    desk.rules(|rules| rules.registers = false);
    let refused = app.post("/api/mcp-servers/far/sign-in", json!({})).await.problem(409, "registration_needed");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("http://localhost/api/mcp-sign-in/callback") && detail.contains("client ID"), "{detail}");

    let mut transport = desk.to_add("far")["transport"].clone();
    transport["oauth"] = json!({ "clientId": "by-hand", "clientSecret": "secret-of-hand", "scopes": ["read", "list"] });
    let changed: Value = app.patch("/api/mcp-servers/far", json!({ "transport": transport })).await.json(200);
    assert_eq!(changed["transport"]["oauth"], json!({ "clientId": "by-hand", "scopes": ["read", "list"] }));
    Returning::from(&app, &Who::nobody(), "far").await.come(&app, &Who::nobody()).await;
    app.mcp_server("far", |server| server["status"] == "ready").await;
    assert!(desk.seen(|seen| seen.registered.is_empty()));
    let asked = desk.seen(|seen| seen.asked.last().unwrap().clone());
    assert_eq!((&*asked["client_id"], &*asked["scope"]), ("by-hand", "read list"));

    // Another client is somebody else: what the first one was granted is not its.
    transport["oauth"] = json!({ "clientId": "another" });
    app.patch("/api/mcp-servers/far", json!({ "transport": transport })).await.json::<Value>(200);
    app.mcp_server("far", |server| server["status"] == "needs_sign_in" && server["signIn"].is_null()).await;
    transport["oauth"] = json!({ "clientId": "", "scopes": ["a b"] });
    let refused = app.patch("/api/mcp-servers/far", json!({ "transport": transport })).await;
    assert_eq!(refused.faults("invalid_request"), ["transport.oauth.clientId", "transport.oauth.scopes[0]"]);
}

#[tokio::test]
async fn mcp_17_a_server_that_takes_no_sign_in_is_told_as_such() {
    let (app, desk) = TestApp::with_desk().await;
    let mut with_header = desk.to_add("header");
    with_header["transport"]["headers"] = json!({ "authorization": "Bearer wrong" });
    app.post("/api/mcp-servers", with_header).await.json::<Value>(201);
    let waits = app.mcp_server("header", |server| server["status"] == "needs_sign_in").await;
    assert_eq!(waits["error"], "It does not take the header Authorization that is set for it.");
    app.post("/api/mcp-servers/header/sign-in", json!({})).await.problem(409, "no_sign_in");
    let program = json!({ "name": "program", "transport": { "type": "stdio", "command": "false" }, "enabled": false });
    app.post("/api/mcp-servers", program).await.json::<Value>(201);
    app.post("/api/mcp-servers/program/sign-in", json!({})).await.problem(409, "no_sign_in");
    app.post("/api/mcp-servers/nobody/sign-in", json!({})).await.problem(404, "not_found");
    app.delete("/api/mcp-servers/nobody/sign-in").await.problem(404, "not_found");
}

#[tokio::test]
async fn mcp_18_what_a_server_names_is_not_asked_for_inside() {
    let (app, desk) = TestApp::with_desk().await;
    for inside in ["http://169.254.169.254", "http://10.0.0.1:8080/realms/x", "http://[fd00::1]"] {
        desk.rules(|rules| rules.named = inside.to_owned());
        let refused = app.post("/api/mcp-servers/far/sign-in", json!({})).await.problem(409, "sign_in_unavailable");
        assert!(refused["detail"].as_str().unwrap().len() > 20, "{refused}");
    }
    assert!(desk.seen(|seen| seen.registered.is_empty()));
}

#[tokio::test]
async fn mcp_18_authorization_servers_read_what_this_client_is_over_tls_only() {
    let access = weir_server::access::Access::new(
        weir_protocol::AuthMode::Required,
        Some("https://weir.example".parse().unwrap()),
    );
    let app = TestApp::with(Options { access, ..Options::default() }).await;
    let document: Value = app.get("/api/mcp-sign-in/client").await.json(200);
    assert_eq!(document["client_id"], "https://weir.example/api/mcp-sign-in/client");
    assert_eq!(document["redirect_uris"], json!(["https://weir.example/api/mcp-sign-in/callback"]));
    assert_eq!(document["token_endpoint_auth_method"], "none");
    TestApp::new().await.get("/api/mcp-sign-in/client").await.problem(404, "not_found");
}
