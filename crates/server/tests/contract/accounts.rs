//! Signing in and out, devices and tokens.

use axum::http::Method;
use serde_json::{Value, json};
use weir_protocol::AuthMode;
use weir_server::access::Access;

use crate::{
    app::{Options, TestApp},
    people::{PASSWORD, Who},
};

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn auth_2_the_link_of_the_last_start_makes_the_administrator_once() {
    let app = TestApp::guarded().await;
    let state: Value = app.get("/api/auth").await.json(200);
    assert_eq!(state, json!({ "mode": "required", "needsSetup": true }));
    app.setup_link("old").await;
    app.setup_link("new").await;
    for secret in ["old", "", "other"] {
        app.account("/api/auth/setup", secret, "ada@example.org", "Ada").await.problem(403, "invalid_link");
    }
    app.account("/api/auth/join", "new", "ada@example.org", "Ada").await.problem(403, "invalid_link");
    let made = app.account("/api/auth/setup", "new", "Ada@Example.org", "Ada").await;
    let me: Value = made.json(201);
    assert_eq!((&me["role"], &me["email"]), (&json!("administrator"), &json!("Ada@Example.org")));
    assert_eq!(Who::of(&made).get(&app, "/api/me").await.json::<Value>(200), me);
    app.account("/api/auth/setup", "new", "eve@example.org", "Eve").await.problem(403, "invalid_link");
    let state: Value = app.get("/api/auth").await.json(200);
    assert_eq!(state["needsSetup"], false);
}

#[tokio::test]
async fn auth_2_the_first_administrator_takes_over_what_the_open_server_had() {
    let app = TestApp::guarded().await;
    let conversation = weir_protocol::ConversationId(weir_store::Clock::id(&*app.clock));
    let (local, now) = (weir_server::app::LOCAL_USER, weir_store::Clock::now(&*app.clock));
    app.app.store.create_conversation(local, conversation, Some("Before"), now, None).await.unwrap();
    let ada = app.administrator().await;
    let list: Value = ada.get(&app, "/api/conversations").await.json(200);
    assert_eq!(list["items"][0]["title"], "Before");
}

#[tokio::test]
async fn auth_3_what_cannot_be_an_account_is_told_field_by_field_and_leaves_the_link_good() {
    let app = TestApp::guarded().await;
    app.setup_link("first").await;
    let body = json!({ "secret": "first", "email": "ada", "name": " ", "password": "short" });
    let faults = app.post("/api/auth/setup", body).await.faults("invalid_request");
    assert_eq!(faults, ["email", "name", "password"]);
    let body = json!({ "secret": "first", "email": "ada@example.org", "name": "Ada", "password": "ada@example.org" });
    assert_eq!(app.post("/api/auth/setup", body).await.faults("invalid_request"), ["password"]);
    app.account("/api/auth/setup", "first", "ada@example.org", "Ada").await.json::<Value>(201);
}

#[tokio::test]
async fn auth_4_wrong_credentials_are_told_apart_by_nobody() {
    let app = TestApp::guarded().await;
    app.administrator().await;
    let wrong = app.sign_in("ada@example.org", "seventeen loud herons").await.problem(401, "invalid_credentials");
    let unknown = app.sign_in("eve@example.org", PASSWORD).await.problem(401, "invalid_credentials");
    assert_eq!(wrong["detail"], unknown["detail"]);
    let me: Value = app.sign_in("ADA@example.ORG", PASSWORD).await.json(200);
    assert_eq!(me["name"], "Ada");
}

#[tokio::test]
async fn auth_5_attempts_are_limited_per_account_and_the_wait_is_true() {
    let app = TestApp::guarded().await;
    app.administrator().await;
    for _ in 0..9 {
        app.sign_in("ada@example.org", "wrong").await.problem(401, "invalid_credentials");
    }
    app.sign_in("ada@example.org", PASSWORD).await.json::<Value>(200);
    for _ in 0..10 {
        app.sign_in("Ada@example.org", "wrong").await.problem(401, "invalid_credentials");
    }
    app.clock.advance(60_000);
    let refused = app.sign_in("ada@example.org", PASSWORD).await;
    refused.problem(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), "840");
    app.clock.advance(839_999);
    app.sign_in("ada@example.org", PASSWORD).await.problem(429, "too_many_attempts");
    app.clock.advance(1);
    app.sign_in("ada@example.org", PASSWORD).await.json::<Value>(200);
}

#[tokio::test]
async fn auth_6_the_cookie_is_for_this_server_alone_and_another_one_with_each_sign_in() {
    let url = "https://weir.example:8443".parse().unwrap();
    let access = Access::new(AuthMode::Required, Some(url));
    let app = TestApp::with(Options { access, ..Options::default() }).await;
    let ada = app.administrator().await;
    let again = app
        .post_with(
            "/api/auth/sign-in",
            &[&ada.headers()[..], &[("origin", "https://weir.example:8443")]].concat(),
            json!({ "email": "ada@example.org", "password": PASSWORD }),
        )
        .await;
    let line = again.header("set-cookie");
    let (pair, attributes) = line.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-weir_session="), "{line}");
    assert_eq!(attributes, "Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure");
    ada.get(&app, "/api/me").await.problem(401, "unauthenticated");
    Who::of(&again).get(&app, "/api/me").await.json::<Value>(200);
    let plain = TestApp::guarded().await;
    plain.administrator().await;
    let line = plain.sign_in("ada@example.org", PASSWORD).await;
    assert!(line.header("set-cookie").starts_with("weir_session="));
    assert!(!line.header("set-cookie").contains("Secure"));
}

#[tokio::test]
async fn auth_6_signing_out_takes_the_cookie_and_the_session() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let out = ada.send(&app, Method::POST, "/api/auth/sign-out", None).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").starts_with("weir_session=; Path=/; Max-Age=0; "));
    let refused = ada.get(&app, "/api/me").await;
    refused.problem(401, "unauthenticated");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert_eq!(Who::nobody().send(&app, Method::POST, "/api/auth/sign-out", None).await.status, 204);
}

#[tokio::test]
async fn auth_7_a_sign_in_ends_after_thirty_days_without_use() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    for _ in 0..3 {
        app.clock.advance(30 * DAY - 1);
        ada.get(&app, "/api/me").await.json::<Value>(200);
    }
    app.clock.advance(30 * DAY);
    ada.get(&app, "/api/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn auth_8_devices_are_listed_with_their_last_use_and_each_can_be_signed_out() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    app.clock.advance(90_000);
    let phone = [("user-agent", "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0")];
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let phone = Who::of(&app.post_with("/api/auth/sign-in", &phone, body).await);
    let list: Value = ada.get(&app, "/api/me/devices").await.json(200);
    let [first, second] = &list["items"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!(first["lastUsedAt"], second["lastUsedAt"], "the question is a use");
    let other = if first["current"] == true { second } else { first };
    assert_eq!((&other["device"], &other["current"]), (&json!("Firefox on Android"), &json!(false)));
    let path = format!("/api/me/devices/{}", other["id"].as_str().unwrap());
    assert_eq!(ada.delete(&app, &path).await.status, 204);
    phone.get(&app, "/api/me").await.problem(401, "unauthenticated");
    ada.delete(&app, &path).await.problem(404, "not_found");
    let further = Who::of(&app.sign_in("ada@example.org", PASSWORD).await);
    assert_eq!(ada.delete(&app, "/api/me/devices").await.status, 204);
    further.get(&app, "/api/me").await.problem(401, "unauthenticated");
    ada.get(&app, "/api/me").await.json::<Value>(200);
}

#[tokio::test]
async fn auth_9_a_new_password_signs_every_other_browser_out_and_this_one_gets_a_new_cookie() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let other = Who::of(&app.sign_in("ada@example.org", PASSWORD).await);
    let change = async |current: &str, new: &str| {
        ada.send(&app, Method::PUT, "/api/me/password", Some(json!({ "current": current, "new": new }))).await
    };
    change("wrong", "eighteen quiet herons").await.problem(403, "wrong_password");
    assert_eq!(change(PASSWORD, "password1234").await.faults("invalid_request"), ["new"]);
    let changed = change(PASSWORD, "eighteen quiet herons").await;
    assert_eq!(changed.status, 204);
    ada.get(&app, "/api/me").await.problem(401, "unauthenticated");
    other.get(&app, "/api/me").await.problem(401, "unauthenticated");
    Who::of(&changed).get(&app, "/api/me").await.json::<Value>(200);
    app.sign_in("ada@example.org", PASSWORD).await.problem(401, "invalid_credentials");
    app.sign_in("ada@example.org", "eighteen quiet herons").await.json::<Value>(200);
}

#[tokio::test]
async fn lim_52_a_wrong_current_password_counts_as_an_attempt_to_sign_in() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    for _ in 0..5 {
        let body = json!({ "current": "wrong", "new": "eighteen quiet herons" });
        bob.send(&app, Method::PUT, "/api/me/password", Some(body)).await.problem(403, "wrong_password");
        let body = Some(json!({ "password": "wrong" }));
        bob.send(&app, Method::DELETE, "/api/me", body).await.problem(403, "wrong_password");
    }
    let body = Some(json!({ "password": PASSWORD }));
    bob.send(&app, Method::DELETE, "/api/me", body).await.problem(429, "too_many_attempts");
    // The same account from the same network; `Guesses` distinguishes networks.
    app.sign_in("bob@example.org", PASSWORD).await.problem(429, "too_many_attempts");
    app.sign_in("ada@example.org", PASSWORD).await.json::<Value>(200);
}

#[tokio::test]
async fn err_17_requests_during_the_deletion_of_their_account_are_unauthenticated() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    for round in 0..5 {
        let bob = app.invited(&ada, &format!("bob{round}@example.org"), "user").await;
        let requests = (0..20).map(async |number| match number % 3 {
            0 => bob.post(&app, "/api/conversations", json!({ "title": "x" })).await.status,
            1 => bob.post(&app, "/api/me/tokens", json!({ "name": "x", "scopes": ["read"] })).await.status,
            _ => bob.post(&app, "/api/messages", json!({ "role": "user", "content": "x" })).await.status,
        });
        let deletion = bob.send(&app, Method::DELETE, "/api/me", Some(json!({ "password": PASSWORD })));
        let (deleted, statuses) = tokio::join!(deletion, futures_util::future::join_all(requests));
        assert_eq!(deleted.status, 204);
        assert!(statuses.iter().all(|status| [201, 401, 404].contains(status)), "{statuses:?}");
    }
}

#[tokio::test]
async fn auth_10_a_token_is_good_for_its_scopes_until_it_expires_or_is_revoked() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let (reader, item) = ada.token(&app, &["read"]).await;
    reader.get(&app, "/api/conversations").await.json::<Value>(200);
    reader.post(&app, "/api/conversations", json!({})).await.problem(403, "forbidden");
    reader.get(&app, "/api/mcp-servers").await.problem(403, "forbidden");
    let (writer, _) = ada.token(&app, &["write", "read", "write"]).await;
    writer.post(&app, "/api/conversations", json!({})).await.json::<Value>(201);
    let (admin, _) = ada.token(&app, &["read", "admin"]).await;
    admin.get(&app, "/api/mcp-servers").await.json::<Value>(200);
    let body = json!({ "name": "short", "scopes": ["read"], "expiresInDays": 1 });
    let made: Value = ada.post(&app, "/api/me/tokens", body).await.json(201);
    let short = Who::bearer(made["secret"].as_str().unwrap());
    app.clock.advance(DAY - 1);
    short.get(&app, "/api/me").await.json::<Value>(200);
    app.clock.advance(1);
    short.get(&app, "/api/me").await.problem(401, "unauthenticated");
    let list: Value = ada.get(&app, "/api/me/tokens").await.json(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 4);
    assert!(list.to_string().find("secret").is_none(), "a secret is told once");
    assert_eq!(list["items"][3]["id"], item["id"]);
    assert!(list["items"][3]["lastUsedAt"].is_string());
    let path = format!("/api/me/tokens/{}", item["id"].as_str().unwrap());
    assert_eq!(ada.delete(&app, &path).await.status, 204);
    reader.get(&app, "/api/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn auth_10_a_token_changes_nothing_of_what_lets_its_person_in() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let (token, _) = ada.token(&app, &["read", "write", "admin"]).await;
    token.get(&app, "/api/me/tokens").await.problem(403, "sign_in_needed");
    token.post(&app, "/api/me/tokens", json!({ "name": "n", "scopes": ["read"] })).await.problem(403, "sign_in_needed");
    token.get(&app, "/api/me/devices").await.problem(403, "sign_in_needed");
    let body = json!({ "current": PASSWORD, "new": "eighteen quiet herons" });
    token.send(&app, Method::PUT, "/api/me/password", Some(body)).await.problem(403, "sign_in_needed");
    // A token that is none is not made good by a cookie beside it.
    let mixed = [ada.headers(), vec![("authorization", "Bearer weir_none")]].concat();
    app.send(crate::app::request(Method::GET, "/api/me", &mixed, None)).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn auth_11_an_open_server_has_no_accounts() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/api/auth").await.json::<Value>(200), json!({ "mode": "open", "needsSetup": false }));
    for (method, path) in [
        (Method::POST, "/api/auth/setup"),
        (Method::POST, "/api/auth/join"),
        (Method::POST, "/api/auth/sign-in"),
        (Method::POST, "/api/auth/sign-out"),
        (Method::DELETE, "/api/me"),
        (Method::PUT, "/api/me/password"),
        (Method::GET, "/api/me/devices"),
        (Method::DELETE, "/api/me/devices"),
        (Method::GET, "/api/me/tokens"),
        (Method::POST, "/api/me/tokens"),
    ] {
        Who::nobody().send(&app, method, path, Some(json!({}))).await.problem(409, "open_server");
    }
    // Its one user has a name all the same.
    let renamed = Who::nobody().send(&app, Method::PATCH, "/api/me", Some(json!({ "name": " Ada " }))).await;
    assert_eq!(renamed.json::<Value>(200)["name"], "Ada");
    assert_eq!(app.get("/api/me").await.json::<Value>(200)["name"], "Ada");
    let nameless = Who::nobody().send(&app, Method::PATCH, "/api/me", Some(json!({ "name": " " }))).await;
    assert_eq!(nameless.problem(422, "invalid_request")["errors"][0]["path"], "name");
}
