//! Rights do not outlive their revocation: not on an open stream, not on an open socket, whichever process revoked them.

use std::{io, net::SocketAddr};

use axum::{body::Body, http::Method};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use weir_protocol::{UpdatePerson, UserId, UserRole};
use weir_store::Store;
use weir_testkit::soon;

use crate::{
    app::{Answered, Events, TestApp, request},
    client::Client,
    people::{PASSWORD, Who},
    sockets::served,
};

/// A stream and a socket that are open in somebody's name.
struct Open {
    stream: Events,
    socket: Client,
}

impl Open {
    async fn of(app: &TestApp, addr: SocketAddr, who: &Who) -> Self {
        let body = Some(json!({ "prompt": "Hello" }));
        let mut stream = app.stream(request(Method::POST, "/api/realtime", &who.headers(), body)).await;
        stream.event().await;
        let mut socket = Client::connect_as(addr, &who.headers()).await;
        assert_eq!(socket.frame().await["type"], "welcome");
        Self { stream, socket }
    }

    async fn ends(mut self) {
        let rest = self.stream.rest().await;
        assert!(rest.iter().all(|event| event.kind != "done"), "{rest:?}");
        assert_eq!(self.socket.closed().await, 4401);
    }

    async fn goes_on(mut self) {
        self.socket.is_silent().await;
    }
}

/// What another process does to Bob.
enum Revocation {
    Device,
    Token,
    ShutOut,
    OtherRole,
    Deletion,
}

async fn revoke(store: &Store, app: &TestApp, bob: &Who, token: &Value, how: &Revocation) {
    let user: UserId = bob.id(app).await.parse().unwrap();
    match how {
        Revocation::Device => {
            let devices: Value = bob.get(app, "/api/me/devices").await.json(200);
            for device in devices["items"].as_array().unwrap() {
                store.end_sign_in(user, device["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
            }
        }
        Revocation::Token => {
            store.revoke_api_token(user, token["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
        }
        Revocation::ShutOut => {
            let change = UpdatePerson { disabled: Some(true), role: None };
            store.update_person(user, &change).await.unwrap();
        }
        Revocation::OtherRole => {
            let change = UpdatePerson { disabled: None, role: Some(UserRole::Administrator) };
            store.update_person(user, &change).await.unwrap();
        }
        Revocation::Deletion => store.delete_person(user).await.unwrap(),
    }
}

#[tokio::test]
async fn auth_15_what_another_process_revokes_ends_here_and_nothing_else_does() {
    for (how, device_ends, token_ends) in [
        (Revocation::Device, true, false),
        (Revocation::Token, false, true),
        (Revocation::ShutOut, true, true),
        (Revocation::OtherRole, true, true),
        (Revocation::Deletion, true, true),
    ] {
        let app = TestApp::guarded().await;
        let addr = served(&app).await;
        let ada = app.administrator().await;
        let bob = app.invited(&ada, "bob@example.org", "user").await;
        let (program, token) = bob.token(&app, &["read", "write"]).await;
        let of_ada = Open::of(&app, addr, &ada).await;
        let of_device = Open::of(&app, addr, &bob).await;
        let of_token = Open::of(&app, addr, &program).await;
        revoke(&app.stored.reopen().await, &app, &bob, &token, &how).await;
        for (open, ends) in [(of_device, device_ends), (of_token, token_ends), (of_ada, false)] {
            if ends {
                open.ends().await;
            } else {
                open.goes_on().await;
            }
        }
    }
}

#[tokio::test]
async fn auth_15_signing_out_and_a_new_password_end_what_is_open() {
    let app = TestApp::guarded().await;
    let addr = served(&app).await;
    let ada = app.administrator().await;
    let other = Who::of(&app.sign_in("ada@example.org", PASSWORD).await);
    let third = Who::of(&app.sign_in("ada@example.org", PASSWORD).await);
    let (of_ada, of_other, of_third) =
        (Open::of(&app, addr, &ada).await, Open::of(&app, addr, &other).await, Open::of(&app, addr, &third).await);
    third.send(&app, Method::POST, "/api/auth/sign-out", None).await;
    of_third.ends().await;
    let body = json!({ "current": PASSWORD, "new": "eighteen quiet herons" });
    assert_eq!(ada.send(&app, Method::PUT, "/api/me/password", Some(body)).await.status, 204);
    of_other.ends().await;
    of_ada.goes_on().await;
}

#[tokio::test]
async fn auth_16_a_token_that_expires_ends_what_is_open_in_its_name() {
    let app = TestApp::guarded().await;
    let addr = served(&app).await;
    let ada = app.administrator().await;
    let body = json!({ "name": "day", "scopes": ["read", "write"], "expiresInDays": 1 });
    let made: Value = ada.post(&app, "/api/me/tokens", body).await.json(201);
    let program = Who::bearer(made["secret"].as_str().unwrap());
    let (of_ada, of_program) = (Open::of(&app, addr, &ada).await, Open::of(&app, addr, &program).await);
    app.clock.advance(24 * 60 * 60 * 1000);
    of_program.ends().await;
    of_ada.goes_on().await;
}

#[tokio::test]
async fn auth_17_a_socket_of_nobody_is_closed_with_4401() {
    const OWN_PAGE: (&str, &str) = ("sec-fetch-site", "same-origin");
    let app = TestApp::guarded().await;
    let addr = served(&app).await;
    for headers in [&[][..], &[("authorization", "Bearer weir_none")], &[("cookie", "weir_session=none"), OWN_PAGE]] {
        assert_eq!(Client::connect_as(addr, headers).await.closed().await, 4401);
    }
}

/// A request whose body arrives when `revoke` is done.
async fn late(app: &TestApp, who: &Who, path: &str, body: Value, revoke: impl Future<Output = ()>) -> Answered {
    let (waits, waiting) = oneshot::channel();
    let (arrive, arrives) = oneshot::channel::<()>();
    let body = stream::once(async move {
        waits.send(()).unwrap();
        arrives.await.unwrap();
        Ok::<_, io::Error>(body.to_string())
    });
    let mut request = request(Method::POST, path, &who.headers(), Some(Value::Null));
    *request.body_mut() = Body::from_stream(body);
    let revoking = async {
        soon("the server to wait for the body", waiting).await.unwrap();
        revoke.await;
        arrive.send(()).unwrap();
    };
    tokio::join!(app.send(request), revoking).0
}

#[tokio::test]
async fn auth_27_a_right_that_is_lost_while_the_body_arrives_is_lost_for_the_request() {
    let app = TestApp::guarded().await;
    let admin = app.administrator().await;
    let bob = app.invited(&admin, "bob@example.org", "user").await;
    let user: UserId = bob.id(&app).await.parse().unwrap();
    let change = async |change: UpdatePerson| {
        app.app.store.update_person(user, &change).await.unwrap();
    };
    let role = |role| UpdatePerson { role: Some(role), disabled: None };

    change(role(UserRole::Administrator)).await;
    let invite = json!({ "role": "administrator" });
    let made = late(&app, &bob, "/api/invites", invite.clone(), change(role(UserRole::User))).await;
    assert_eq!(made.status, 403, "demoted");
    let made = late(&app, &bob, "/api/invites", invite, change(role(UserRole::Administrator))).await;
    assert_eq!(made.status, 201, "promoted");

    let token = json!({ "name": "late", "scopes": ["read"] });
    let revoked = async {
        let signed_out = bob.send(&app, Method::POST, "/api/auth/sign-out", None).await;
        assert_eq!(signed_out.status, 204);
    };
    assert_eq!(late(&app, &bob, "/api/me/tokens", token.clone(), revoked).await.status, 401, "signed out");
    assert_eq!(late(&app, &admin, "/api/me/tokens", token, async {}).await.status, 201, "nothing was revoked");
}
