//! Rules on arguments of tools, and who may change them.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use weir_protocol::{ArgumentRule, Match, Permission};
use weir_server::app::LOCAL_USER;
use weir_store::ToolPermission;

use crate::{
    app::{Data as _, TestApp},
    people::{PASSWORD, Who},
};

fn rule(argument: &str, matches: &str, value: &str, permission: &str) -> Value {
    json!({ "argument": argument, "matches": matches, "value": value, "permission": permission })
}

async fn tool(app: &TestApp, name: &str) -> Value {
    let list: Value = app.get("/api/tools").await.json(200);
    list["items"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn tool_14_a_call_in_another_spelling_is_denied() {
    let app = TestApp::new().await;
    let rules = [
        rule("url", "prefix", "https://example.com/private", "deny"),
        rule("url", "equals", "https://example.org/?a=1", "deny"),
    ];
    app.permit("fetch_page", json!({ "permission": "allow", "rules": rules })).await.json::<Value>(200);
    for url in [
        "https://example.com/private/",
        "HTTPS://EXAMPLE.com.:443/a/../%70rivate#x",
        " https://user@example.com//private ",
        "https://example.org?a=%31&b",
    ] {
        app.post("/api/tools/fetch_page", json!({ "args": { "url": url } })).await.problem(403, "tool_denied");
    }
    app.permit("wait", json!({ "permission": "allow", "rules": [rule("seconds", "equals", "1", "deny")] }))
        .await
        .json::<Value>(200);
    for seconds in [json!(1), json!(1.0)] {
        app.post("/api/tools/wait", json!({ "args": { "seconds": seconds } })).await.problem(403, "tool_denied");
    }
    let text = format!("https://example.com/{}/%2e%2e/private", "x".repeat(1900));
    app.post("/api/tools/fetch_page", json!({ "args": { "url": text } })).await.problem(403, "tool_denied");
}

#[tokio::test]
async fn tool_16_a_host_rule_that_is_no_bare_host_is_refused() {
    let app = TestApp::new().await;
    for host in
        ["example.com:80", "http://example.com", "*.example.com", ".example.com", "a b", "example.com/x", " a.b"]
    {
        let rules = [rule("url", "host", "example.com", "deny"), rule("url", "host", host, "deny")];
        let refused = app.permit("fetch_page", json!({ "permission": "allow", "rules": rules })).await;
        assert_eq!(refused.faults("invalid_request"), ["rules[1].value"], "{host}");
        assert!(refused.problem(422, "invalid_request")["detail"].as_str().unwrap().contains("192.0.2.1"));
    }
    let refused =
        app.permit("fetch_page", json!({ "permission": "ask", "rules": [rule("url", "prefix", "https://", "allow")] }));
    assert_eq!(refused.await.faults("invalid_request"), ["rules[0].value"]);
    assert_eq!(tool(&app, "fetch_page").await["rules"], Value::Null, "nothing was stored");
    // Earlier versions accepted such rules.
    let stored = |value: &str| ArgumentRule {
        argument: "url".to_owned(),
        matches: Match::Host,
        value: value.to_owned(),
        permission: Permission::Deny,
    };
    let rules = vec![stored("*.example.com"), stored("http://example.org:80/x")];
    let set = ToolPermission { permission: Permission::Allow, rules };
    app.app.store.set_tool_permission(LOCAL_USER, "fetch_page", &set).await.unwrap();
    assert_eq!(tool(&app, "fetch_page").await["rules"].as_array().unwrap().len(), 2);
    app.post("/api/tools/fetch_page", json!({ "args": { "url": "http://127.0.0.1:9/" } })).await.json::<Value>(202);
    app.post("/api/tools/fetch_page", json!({ "args": { "url": "https://example.org/" } }))
        .await
        .problem(403, "tool_denied");
    app.permit("fetch_page", json!({ "permission": "ask" })).await.json::<Value>(200);
}

#[tokio::test]
async fn tool_18_a_remembered_approval_opens_nothing_that_a_rule_denies() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let rules = [rule("url", "prefix", "http://127.0.0.1:9/private", "deny")];
    app.permit("fetch_page", json!({ "permission": "ask", "rules": rules })).await.json::<Value>(200);
    let mut events = app.ask("Read it").await;
    let answer = app.script.answers().await;
    answer.call("fetch_page", r#"{"url":"http://127.0.0.1:9/open"}"#);
    answer.finish();
    let call = loop {
        let event = events.event().await;
        if event.kind == "tool-status" && event.value()["approval"] == "pending" {
            break event.value()["id"].as_str().unwrap().to_owned();
        }
    };
    app.decide(&call, json!({ "decision": "grant", "remember": true })).await.json::<Value>(200);
    app.script.answers().await.finish();
    events.rest().await;
    let fetch_page = tool(&app, "fetch_page").await;
    assert_eq!(fetch_page["rules"][1], rule("url", "host", "127.0.0.1", "allow"), "{fetch_page}");
    let denied = json!({ "args": { "url": "http://127.0.0.1:9/private/x" } });
    app.post("/api/tools/fetch_page", denied).await.problem(403, "tool_denied");
}

#[tokio::test]
async fn auth_22_a_token_without_admin_decides_neither_on_calls_nor_on_permissions() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let (of_bob, _) = bob.token(&app, &["read", "write"]).await;
    let (of_ada, _) = ada.token(&app, &["read", "write"]).await;
    let (admin, _) = ada.token(&app, &["read", "write", "admin"]).await;
    let permission = |who: Who| {
        let app = &app;
        async move {
            let body = json!({ "permission": "allow" });
            who.send(app, Method::PUT, "/api/tools/run_code/permission", Some(body)).await
        }
    };
    let decision = |who: Who| {
        let app = &app;
        async move {
            let path = format!("/api/tool-calls/{}/approval", Uuid::now_v7());
            who.post(app, &path, json!({ "decision": "grant" })).await
        }
    };
    for token in [of_bob, of_ada] {
        permission(token.clone()).await.problem(403, "decision_not_allowed");
        decision(token.clone()).await.problem(403, "decision_not_allowed");
        token.get(&app, "/api/approvals").await.json::<Value>(200);
    }
    for who in [bob, ada, admin] {
        permission(who.clone()).await.json::<Value>(200);
        decision(who).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn auth_23_session_cookies_that_differ_let_nobody_in_and_are_cleared() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let eve = app.invited(&ada, "eve@example.org", "user").await;
    let cookie = |who: &Who| who.headers().iter().find(|(name, _)| *name == "cookie").unwrap().1.to_owned();
    let (of_ada, of_eve) = (cookie(&ada), cookie(&eve));
    for cookies in
        [format!("{of_eve}; {of_ada}"), format!("{of_ada}; a=b; {of_eve}"), format!("{of_ada}; weir_session=")]
    {
        let both = Who::carrying(&cookies);
        let refused = both.get(&app, "/api/me").await;
        refused.problem(401, "unauthenticated");
        let cleared: Vec<_> = refused.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        for path in ["/", "/api", "/api/me"] {
            let wanted = format!("weir_session=; Path={path}; Max-Age=0");
            assert!(cleared.contains(&wanted.as_str()), "{cleared:?}");
        }
        both.post(&app, "/api/conversations", json!({})).await.problem(401, "unauthenticated");
        // A sign-in replaces them, and a token does not need them.
        let body = json!({ "email": "ada@example.org", "password": PASSWORD });
        let signed_in = both.post(&app, "/api/auth/sign-in", body).await;
        let last = signed_in.headers.get_all("set-cookie").iter().next_back().unwrap().to_str().unwrap().to_owned();
        Who::carrying(last.split(';').next().unwrap()).get(&app, "/api/me").await.json::<Value>(200);
    }
    let twice = Who::carrying(&format!("{of_ada}; {of_ada}"));
    assert_eq!(twice.get(&app, "/api/me").await.json::<Value>(200)["name"], "Ada");
    let (token, _) = ada.token(&app, &["read"]).await;
    let both = format!("{of_ada}; {of_eve}");
    let mixed = [token.headers(), vec![("cookie", both.as_str())]].concat();
    app.send(crate::app::request(Method::GET, "/api/me", &mixed, None)).await.json::<Value>(200);
}
