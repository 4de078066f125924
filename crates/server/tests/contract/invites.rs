//! Invites, people, and the end of an account.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, request},
    people::{PASSWORD, Who},
};

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn auth_12_an_invite_makes_one_account_within_its_time() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let made: Value = ada.post(&app, "/api/invites", json!({ "role": "user", "note": "Bob" })).await.json(201);
    let secret = made["secret"].as_str().unwrap();
    let list: Value = ada.get(&app, "/api/invites").await.json(200);
    assert_eq!(list, json!({ "items": [made["item"]] }));
    app.account("/api/auth/setup", secret, "bob@example.org", "Bob").await.problem(403, "invalid_link");
    app.account("/api/auth/join", secret, "ADA@example.org", "Bob").await.problem(409, "email_taken");
    let me: Value = app.account("/api/auth/join", secret, "bob@example.org", "Bob").await.json(201);
    assert_eq!((&me["role"], &me["scopes"]), (&json!("user"), &json!(["read", "write"])));
    app.account("/api/auth/join", secret, "eve@example.org", "Eve").await.problem(403, "invalid_link");
    assert_eq!(ada.get(&app, "/api/invites").await.json::<Value>(200), json!({ "items": [] }));

    let made: Value = ada.post(&app, "/api/invites", json!({ "role": "user" })).await.json(201);
    let path = format!("/api/invites/{}", made["item"]["id"].as_str().unwrap());
    assert_eq!(ada.delete(&app, &path).await.status, 204);
    ada.delete(&app, &path).await.problem(404, "not_found");
    let secret = made["secret"].as_str().unwrap();
    app.account("/api/auth/join", secret, "eve@example.org", "Eve").await.problem(403, "invalid_link");

    let made: Value = ada.post(&app, "/api/invites", json!({ "role": "user" })).await.json(201);
    app.clock.advance(7 * DAY);
    let secret = made["secret"].as_str().unwrap();
    app.account("/api/auth/join", secret, "eve@example.org", "Eve").await.problem(403, "invalid_link");
}

#[tokio::test]
async fn lim_61_an_invite_allows_ten_attempts_an_hour() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let made: Value = ada.post(&app, "/api/invites", json!({ "role": "user" })).await.json(201);
    let secret = made["secret"].as_str().unwrap();
    let weak = json!({ "secret": secret, "email": "ADA@example.org", "name": "Bob", "password": "password1234" });
    // The address is checked before the password.
    app.post("/api/auth/join", weak).await.problem(409, "email_taken");
    for _ in 1..10 {
        app.account("/api/auth/join", secret, "ada@example.org", "Bob").await.problem(409, "email_taken");
    }
    let refused = app.account("/api/auth/join", secret, "bob@example.org", "Bob").await;
    refused.problem(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), "3600");
    let other: Value = ada.post(&app, "/api/invites", json!({ "role": "user" })).await.json(201);
    let other = other["secret"].as_str().unwrap();
    app.account("/api/auth/join", other, "eve@example.org", "Eve").await.json::<Value>(201);
    app.clock.advance(60 * 60 * 1000);
    app.account("/api/auth/join", secret, "bob@example.org", "Bob").await.json::<Value>(201);
}

#[tokio::test]
async fn auth_12_an_invite_is_worth_as_much_as_its_inviter() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "administrator").await;
    let body = json!({ "role": "administrator" });
    let made: Value = bob.post(&app, "/api/invites", body).await.json(201);
    let path = format!("/api/people/{}", bob.id(&app).await);
    ada.send(&app, Method::PATCH, &path, Some(json!({ "role": "user" }))).await.json::<Value>(200);
    let secret = made["secret"].as_str().unwrap();
    app.account("/api/auth/join", secret, "eve@example.org", "Eve").await.problem(403, "invalid_link");
    bob.get(&app, "/api/invites").await.problem(403, "forbidden");
}

#[tokio::test]
async fn auth_13_people_are_listed_changed_and_shut_out_by_administrators() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let (token, _) = bob.token(&app, &["read"]).await;
    let list: Value = ada.get(&app, "/api/people").await.json(200);
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|person| person["name"].clone()).collect();
    assert_eq!(names, ["Ada", "bob"]);
    let path = format!("/api/people/{}", bob.id(&app).await);
    let change = async |body: Value| ada.send(&app, Method::PATCH, &path, Some(body)).await;
    assert_eq!(change(json!({ "disabled": true })).await.json::<Value>(200)["disabled"], true);
    bob.get(&app, "/api/me").await.problem(401, "unauthenticated");
    token.get(&app, "/api/me").await.problem(401, "unauthenticated");
    app.sign_in("bob@example.org", PASSWORD).await.problem(401, "invalid_credentials");
    assert_eq!(
        change(json!({ "disabled": false, "role": "administrator" })).await.json::<Value>(200)["disabled"],
        false
    );
    bob.get(&app, "/api/me").await.problem(401, "unauthenticated");
    let bob = Who::of(&app.sign_in("bob@example.org", PASSWORD).await);
    assert_eq!(bob.get(&app, "/api/people").await.json::<Value>(200)["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn auth_24_disabling_revokes_sessions_and_tokens_for_good() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    let (token, _) = bob.token(&app, &["read"]).await;
    let (other, _) = ada.token(&app, &["read"]).await;
    let path = format!("/api/people/{}", bob.id(&app).await);
    for disabled in [true, false] {
        ada.send(&app, Method::PATCH, &path, Some(json!({ "disabled": disabled }))).await.json::<Value>(200);
        bob.get(&app, "/api/me").await.problem(401, "unauthenticated");
        token.get(&app, "/api/me").await.problem(401, "unauthenticated");
    }
    for who in [&ada, &other] {
        who.get(&app, "/api/me").await.json::<Value>(200);
    }
    let bob = Who::of(&app.sign_in("bob@example.org", PASSWORD).await);
    assert_eq!(bob.get(&app, "/api/me/tokens").await.json::<Value>(200)["items"], json!([]));
    assert_eq!(bob.get(&app, "/api/me/devices").await.json::<Value>(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn auth_13_the_last_administrator_stays() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "administrator").await;
    let eve = format!("/api/people/{}", app.invited(&ada, "eve@example.org", "user").await.id(&app).await);
    let [of_ada, of_bob] = [ada.id(&app).await, bob.id(&app).await].map(|id| format!("/api/people/{id}"));
    ada.send(&app, Method::PATCH, &of_bob, Some(json!({ "disabled": true }))).await.json::<Value>(200);
    for change in [json!({ "role": "user" }), json!({ "disabled": true })] {
        ada.send(&app, Method::PATCH, &of_ada, Some(change)).await.problem(409, "last_administrator");
    }
    ada.delete(&app, &of_ada).await.problem(409, "last_administrator");
    let body = Some(json!({ "password": PASSWORD }));
    ada.send(&app, Method::DELETE, "/api/me", body).await.problem(409, "last_administrator");
    ada.get(&app, "/api/people").await.json::<Value>(200);
    assert_eq!(ada.delete(&app, &eve).await.status, 204);
    ada.delete(&app, &eve).await.problem(404, "not_found");
    assert_eq!(ada.delete(&app, &of_bob).await.status, 204);
}

#[tokio::test]
async fn auth_14_an_account_is_deleted_with_all_that_is_its_own_and_running_answers_stop_first() {
    let app = TestApp::guarded().await;
    let ada = app.administrator().await;
    let bob = app.invited(&ada, "bob@example.org", "user").await;
    bob.token(&app, &["read"]).await;
    let body = json!({ "prompt": "Hello" });
    let mut events = app.stream(request(Method::POST, "/api/realtime", &bob.headers(), Some(body))).await;
    let answer = app.script.answers().await;
    answer.say("one");
    while events.event().await.kind != "token" {}
    let delete =
        async |password: &str| bob.send(&app, Method::DELETE, "/api/me", Some(json!({ "password": password }))).await;
    delete("wrong").await.problem(403, "wrong_password");
    let gone = delete(PASSWORD).await;
    assert_eq!(gone.status, 204);
    assert!(gone.header("set-cookie").contains("Max-Age=0"));
    events.rest().await;
    assert_eq!(app.app.runs.under_way(), 0);
    bob.get(&app, "/api/me").await.problem(401, "unauthenticated");
    app.sign_in("bob@example.org", PASSWORD).await.problem(401, "invalid_credentials");
    // The address is free again, and nothing of before is there.
    let again = app.invited(&ada, "bob@example.org", "user").await;
    for list in ["/api/conversations", "/api/jobs", "/api/me/tokens"] {
        assert_eq!(again.get(&app, list).await.json::<Value>(200)["items"], json!([]), "{list}");
    }
    Who::nobody().get(&app, "/api/people").await.problem(401, "unauthenticated");
}
