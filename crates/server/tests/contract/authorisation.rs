//! Who may do what: every route and every frame of the socket, for everybody who may ask. The routes come from the API's own
//! description and the frames from its schema, so that a new one without a row fails here.

use std::collections::BTreeSet;

use argon2::{Argon2, password_hash::PasswordHasher as _};
use axum::http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use uuid::Uuid;
use weir_protocol::{AccessScope, ApiToken, ApiTokenId, Invite, InviteId, SignInId, Timestamp, UserId, UserRole};
use weir_store::{Clock as _, NewAccount, NewApiToken, NewInvite, NewSignIn};

use crate::{
    app::{TestApp, request},
    client::Client,
    people::{PASSWORD, Who},
    sockets::served,
};

/// What each of them is answered. A credential that was revoked or has expired is nobody's.
///
/// `wrong` is a token of the user's that has every scope but the one that is needed: it may write where one reads, and read where one
/// changes something. The things of a path are the user's; where there is nothing to be found the administrator's answer is 404 too.
#[rustfmt::skip]
const ROUTES: &[(&str, [u16; 5])] = &[
    //                                             nobody user other admin wrong
    ("GET /healthz",                                [200, 200, 200, 200, 200]),
    ("GET /readyz",                                 [200, 200, 200, 200, 200]),
    ("GET /api/openapi.json",                       [200, 200, 200, 200, 200]),
    ("GET /metrics",                                [401, 403, 403, 200, 403]),
    ("GET /api/metrics",                            [401, 200, 200, 200, 403]),
    ("POST /api/telemetry",                         [401, 202, 202, 202, 403]),
    ("GET /api/auth",                               [200, 200, 200, 200, 200]),
    ("POST /api/auth/setup",                        [403, 403, 403, 403, 403]),
    ("POST /api/auth/join",                         [403, 403, 403, 403, 403]),
    ("POST /api/auth/sign-in",                      [401, 401, 401, 401, 401]),
    ("POST /api/auth/sign-out",                     [204, 204, 204, 204, 204]),
    ("GET /api/auth/open-id",                       [404, 404, 404, 404, 404]),
    ("GET /api/auth/open-id/callback",              [404, 404, 404, 404, 404]),
    ("GET /api/me",                                 [401, 200, 200, 200, 403]),
    ("PATCH /api/me",                               [401, 200, 200, 200, 403]),
    ("DELETE /api/me",                              [401, 204, 204, 409, 403]),
    ("PUT /api/me/password",                        [401, 403, 403, 403, 403]),
    ("GET /api/me/devices",                         [401, 200, 200, 200, 403]),
    ("DELETE /api/me/devices",                      [401, 204, 204, 204, 403]),
    ("DELETE /api/me/devices/{id}",                 [401, 204, 404, 404, 403]),
    ("GET /api/me/tokens",                          [401, 200, 200, 200, 403]),
    ("POST /api/me/tokens",                         [401, 201, 201, 201, 403]),
    ("DELETE /api/me/tokens/{id}",                  [401, 204, 404, 404, 403]),
    ("GET /api/people",                             [401, 403, 403, 200, 403]),
    ("PATCH /api/people/{id}",                      [401, 403, 403, 200, 403]),
    ("DELETE /api/people/{id}",                     [401, 403, 403, 204, 403]),
    ("GET /api/invites",                            [401, 403, 403, 200, 403]),
    ("POST /api/invites",                           [401, 403, 403, 201, 403]),
    ("DELETE /api/invites/{id}",                    [401, 403, 403, 204, 403]),
    ("GET /api/conversations",                      [401, 200, 200, 200, 403]),
    ("POST /api/conversations",                     [401, 201, 201, 201, 403]),
    ("GET /api/conversations/{id}",                 [401, 200, 404, 404, 403]),
    ("PATCH /api/conversations/{id}",               [401, 200, 404, 404, 403]),
    ("DELETE /api/conversations/{id}",              [401, 204, 404, 404, 403]),
    ("GET /api/messages",                           [401, 200, 404, 404, 403]),
    ("POST /api/messages",                          [401, 201, 404, 404, 403]),
    ("POST /api/realtime",                          [401, 200, 404, 404, 403]),
    ("GET /api/realtime/{runId}",                   [401, 200, 404, 404, 403]),
    ("DELETE /api/realtime/{runId}",                [401, 202, 404, 404, 403]),
    ("GET /api/ws",                                 [401, 426, 426, 426, 403]),
    ("GET /api/models",                             [401, 200, 200, 200, 403]),
    ("GET /api/tools",                              [401, 200, 200, 200, 403]),
    ("PUT /api/tools/{tool}/permission",            [401, 200, 200, 200, 403]),
    ("POST /api/tools/{tool}",                      [401, 202, 202, 202, 403]),
    ("GET /api/jobs",                               [401, 200, 200, 200, 403]),
    ("GET /api/jobs/{jobId}",                       [401, 200, 404, 404, 403]),
    ("DELETE /api/jobs/{jobId}",                    [401, 202, 404, 404, 403]),
    ("GET /api/jobs/{jobId}/events",                [401, 200, 404, 404, 403]),
    ("GET /api/approvals",                          [401, 200, 200, 200, 403]),
    ("POST /api/tool-calls/{callId}/approval",      [401, 409, 404, 404, 403]),
    ("POST /api/questions/{questionId}/answer",     [401, 404, 404, 404, 403]),
    ("GET /api/mcp-servers",                        [401, 403, 403, 200, 403]),
    ("POST /api/mcp-servers",                       [401, 403, 403, 201, 403]),
    ("PATCH /api/mcp-servers/{name}",               [401, 403, 403, 404, 403]),
    ("DELETE /api/mcp-servers/{name}",              [401, 403, 403, 404, 403]),
    ("POST /api/mcp-servers/{name}/restart",        [401, 403, 403, 404, 403]),
    ("GET /api/mcp-servers/{name}/log",             [401, 403, 403, 404, 403]),
    ("POST /api/mcp-servers/{name}/sign-in",        [401, 403, 403, 404, 403]),
    ("DELETE /api/mcp-servers/{name}/sign-in",      [401, 403, 403, 404, 403]),
    ("GET /api/mcp-sign-in/callback",               [401, 403, 403, 302, 403]),
    // What it says is there for everybody, where people reach the server over TLS.
    ("GET /api/mcp-sign-in/client",                 [404, 404, 404, 404, 404]),
    // Not in the description: the Model Context Protocol has its own.
    ("POST /mcp",                                   [401, 200, 200, 200, 403]),
];

/// What each of them is answered on a socket; the run and the job are the user's. Nobody's socket, and that of a credential which was
/// revoked or has expired, is closed with 4401 before it can say anything.
#[rustfmt::skip]
const FRAMES: &[(&str, [&str; 4])] = &[
    //               user      other        admin        reads only
    ("resume",      ["resumed", "new",     "new",       "resumed"]),
    ("ack",         ["ok",    "ok",        "ok",        "ok"]),
    ("subscribe",   ["chunk", "not_found", "not_found", "chunk"]),
    ("unsubscribe", ["ok",    "ok",        "ok",        "ok"]),
    ("invoke_tool", ["job",   "job",       "job",       "forbidden"]),
    ("cancel_tool", ["ok",    "not_found", "not_found", "forbidden"]),
    ("ping",        ["pong",  "pong",      "pong",      "pong"]),
];

/// Everybody who may ask, and what is the user's.
struct World {
    app: TestApp,
    user: Who,
    other: Who,
    admin: Who,
    revoked: Who,
    expired: Who,
    reads_only: Who,
    writes_only: Who,
    user_id: UserId,
    guest: UserId,
    device: SignInId,
    invite: InviteId,
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl World {
    async fn new() -> Self {
        let app = TestApp::guarded().await;
        let admin = UserId(app.clock.id());
        app.setup_link("first").await;
        let password_hash = Argon2::default().hash_password(PASSWORD.as_bytes()).unwrap().to_string();
        let account = |id, email: &str| NewAccount {
            id,
            email: email.to_owned(),
            name: email.to_owned(),
            password_hash: password_hash.clone(),
        };
        let store = &app.app.store;
        store.set_up(&hash("first"), admin, &account(admin, "admin@example.org"), app.clock.now()).await.unwrap();
        let invite = InviteId(app.clock.id());
        add_invite(&app, admin, invite, "open").await;
        let [user_id, other, guest] = [(); 3].map(|()| UserId(app.clock.id()));
        for (id, email) in [(user_id, "user@example.org"), (other, "other@example.org"), (guest, "guest@example.org")] {
            add_invite(&app, admin, InviteId(app.clock.id()), email).await;
            store.join(&hash(email), &account(id, email), app.clock.now()).await.unwrap();
        }
        let (user, device) = sign_in(&app, user_id, "user").await;
        let both = [AccessScope::Read, AccessScope::Write];
        let revoked = token(&app, user_id, "revoked", &both, None).await;
        store.revoke_api_token(user_id, revoked.1).await.unwrap();
        Self {
            user,
            device,
            other: sign_in(&app, other, "other").await.0,
            admin: sign_in(&app, admin, "admin").await.0,
            revoked: revoked.0,
            expired: token(&app, user_id, "expired", &both, Some(app.clock.now())).await.0,
            reads_only: token(&app, user_id, "reads", &[AccessScope::Read, AccessScope::Admin], None).await.0,
            writes_only: token(&app, user_id, "writes", &[AccessScope::Write, AccessScope::Admin], None).await.0,
            user_id,
            guest,
            invite,
            app,
        }
    }

    /// A conversation of the user's with an answer that has ended, and the job of a tool: their ids.
    async fn things(&self) -> (String, String, String) {
        let body = Some(json!({ "prompt": "Hello" }));
        let mut events = self.app.stream(request(Method::POST, "/api/realtime", &self.user.headers(), body)).await;
        let answer = self.app.script.answers().await;
        answer.say("Hi.");
        answer.finish();
        let (conversation, run) = (events.conversation().to_string(), events.run().to_string());
        events.rest().await;
        let args = json!({ "args": { "expression": "1+1" } });
        let job: Value = self.user.post(&self.app, "/api/tools/calculate", args).await.json(202);
        let job = job["jobId"].as_str().unwrap().to_owned();
        let path = format!("/api/jobs/{job}/events");
        self.app.stream(request(Method::GET, &path, &self.user.headers(), None)).await.rest().await;
        (conversation, run, job)
    }

    /// The request of a row: to things of the user's.
    async fn request(&self, route: &str) -> (Method, String, Option<Value>) {
        let (method, path) = route.split_once(' ').unwrap();
        let (conversation, run, job) = self.things().await;
        let token =
            token(&self.app, self.user_id, &self.app.clock.id().to_string(), &[AccessScope::Read], None).await.1;
        let id = match path {
            "/api/me/devices/{id}" => self.device.to_string(),
            "/api/me/tokens/{id}" => token.to_string(),
            "/api/people/{id}" => self.guest.to_string(),
            "/api/invites/{id}" => self.invite.to_string(),
            _ => conversation.clone(),
        };
        let mut filled = path.replace("{id}", &id).replace("{runId}", &run).replace("{jobId}", &job);
        filled = filled
            .replace("{callId}", &job)
            .replace("{questionId}", &job)
            .replace("{tool}", "calculate")
            .replace("{name}", "nothing");
        if route == "GET /api/messages" {
            filled = format!("{filled}?conversationId={conversation}");
        }
        let account = json!({ "secret": "none", "email": "eve@example.org", "name": "Eve", "password": PASSWORD });
        let body = match route {
            "POST /api/auth/setup" | "POST /api/auth/join" => Some(account),
            "POST /api/auth/sign-in" => Some(json!({ "email": "user@example.org", "password": "wrong" })),
            "PATCH /api/me" | "POST /api/telemetry" | "POST /api/conversations" | "PATCH /api/people/{id}" => {
                Some(json!({}))
            }
            "DELETE /api/me" => Some(json!({ "password": PASSWORD })),
            "PUT /api/me/password" => Some(json!({ "current": "wrong", "new": "seventeen quiet herons" })),
            "POST /api/me/tokens" => Some(json!({ "name": "new", "scopes": ["read"] })),
            "POST /api/invites" => Some(json!({ "role": "user" })),
            "PATCH /api/conversations/{id}" => Some(json!({ "pinned": true })),
            "POST /api/messages" => Some(json!({ "conversationId": conversation, "role": "user", "content": "Hi" })),
            "POST /api/realtime" => Some(json!({ "conversationId": conversation, "prompt": "Hello" })),
            "PUT /api/tools/{tool}/permission" => Some(json!({ "permission": "allow" })),
            "POST /api/tools/{tool}" => Some(json!({ "args": { "expression": "1+1" } })),
            "POST /api/tool-calls/{callId}/approval" => Some(json!({ "decision": "grant" })),
            "POST /api/questions/{questionId}/answer" => Some(json!({ "action": "decline" })),
            "POST /api/mcp-servers" => {
                let transport = json!({ "type": "stdio", "command": "false" });
                Some(json!({ "name": "new", "transport": transport, "enabled": false }))
            }
            "PATCH /api/mcp-servers/{name}" => Some(json!({ "enabled": false })),
            "POST /mcp" => Some(json!({
                "jsonrpc": "2.0", "id": 1, "method": "initialize",
                "params": {
                    "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": { "name": "table", "version": "1" },
                },
            })),
            _ => None,
        };
        (method.parse().unwrap(), filled, body)
    }

    /// The status of what somebody is answered; a stream is not read.
    async fn status(&self, who: &Who, (method, path, body): &(Method, String, Option<Value>)) -> u16 {
        let mut request = request(method.clone(), path, &who.headers(), body.clone());
        if path == "/mcp" {
            let both = "application/json, text/event-stream".parse().unwrap();
            request.headers_mut().insert("accept", both);
            request.headers_mut().insert("host", "127.0.0.1".parse().unwrap());
        }
        self.app.router().oneshot(request).await.unwrap().status().as_u16()
    }
}

async fn add_invite(app: &TestApp, inviter: UserId, id: InviteId, secret: &str) {
    let now = app.clock.now();
    let expires_at = Timestamp(now.0 + 1000);
    let invite = Invite { id, role: UserRole::User, note: None, created_at: now, expires_at };
    app.app.store.add_invite(&NewInvite { inviter, secret: hash(secret), invite }).await.unwrap();
}

async fn sign_in(app: &TestApp, user: UserId, secret: &str) -> (Who, SignInId) {
    let id = SignInId(app.clock.id());
    let (device, address) = ("Firefox on Linux".to_owned(), String::new());
    let new = NewSignIn {
        id,
        user,
        secret: hash(secret),
        device,
        address,
        network: None,
        replaces: None,
        password_hash: None,
    };
    app.app.store.sign_in(&new, app.clock.now()).await.unwrap();
    (Who::cookie(secret), id)
}

async fn token(
    app: &TestApp,
    user: UserId,
    secret: &str,
    scopes: &[AccessScope],
    expires_at: Option<Timestamp>,
) -> (Who, ApiTokenId) {
    let id = ApiTokenId(app.clock.id());
    let (name, created_at) = (secret.to_owned(), app.clock.now());
    let token = ApiToken { id, name, scopes: scopes.to_vec(), created_at, last_used_at: None, expires_at };
    app.app.store.add_api_token(&NewApiToken { user, secret: hash(secret), token }).await.unwrap();
    (Who::bearer(secret), id)
}

/// Every `METHOD /path` of the API's description.
fn described() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&weir_server::openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

#[test]
fn auth_19_every_route_has_a_row() {
    let rows: Vec<_> =
        ROUTES.iter().map(|(route, _)| (*route).to_owned()).filter(|route| route != "POST /mcp").collect();
    let distinct: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(distinct.len(), rows.len(), "a route has two rows");
    let described = described();
    let missing: Vec<_> = described.difference(&distinct).collect();
    assert!(missing.is_empty(), "say in ROUTES who may ask for {missing:?}");
    let gone: Vec<_> = distinct.difference(&described).collect();
    assert!(gone.is_empty(), "there is no {gone:?} any more");
}

#[test]
fn auth_19_every_frame_has_a_row() {
    let document: Value = serde_json::from_str(&weir_server::openapi::document()).unwrap();
    let mapping = document["components"]["schemas"]["ClientFrame"]["discriminator"]["mapping"].as_object().unwrap();
    let described: BTreeSet<_> = mapping.keys().map(String::as_str).collect();
    let rows: BTreeSet<_> = FRAMES.iter().map(|(frame, _)| *frame).collect();
    assert_eq!(described, rows, "say in FRAMES who may send what");
}

/// What each route is described to ask for: nothing (`[{}]`), a sign-in, or (`null`) a sign-in or a token.
fn described_security() -> Vec<(String, Value)> {
    let document: Value = serde_json::from_str(&weir_server::openapi::document()).unwrap();
    let mut security = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            security.push((format!("{} {path}", method.to_uppercase()), operation["security"].clone()));
        }
    }
    security
}

#[test]
fn auth_19_a_route_is_described_to_ask_for_what_the_table_says() {
    for (route, security) in described_security() {
        let [nobody, ..] = ROUTES.iter().find(|(row, _)| *row == route).unwrap().1;
        // To sign in asks for no credential: it makes one.
        let asks_for_nothing = nobody != 401 || route == "POST /api/auth/sign-in";
        assert_eq!(security == json!([{}]), asks_for_nothing, "{route}");
    }
}

#[tokio::test]
async fn auth_19_only_a_sign_in_does_where_the_description_says_so() {
    let world = World::new().await;
    let all = [AccessScope::Read, AccessScope::Write, AccessScope::Admin];
    let (token, _) = token(&world.app, world.user_id, "all", &all, None).await;
    for (route, security) in described_security() {
        let only_a_sign_in = security == json!([{ "session": [] }]);
        if !only_a_sign_in && !route.starts_with("GET ") {
            continue; // It would change what the next ones ask for.
        }
        let [_, user, ..] = ROUTES.iter().find(|(row, _)| *row == route).unwrap().1;
        let status = world.status(&token, &world.request(&route).await).await;
        assert_eq!(status, if only_a_sign_in { 403 } else { user }, "{route}");
    }
}

#[tokio::test]
async fn auth_19_every_route_answers_everybody_as_the_table_says() {
    let (mut wrong, nobody_asks) = (Vec::new(), Who::nobody());
    for (route, [nobody, user, other, admin, scope]) in ROUTES {
        let world = World::new().await;
        let reads = route.starts_with("GET ") || *route == "POST /mcp";
        let of_wrong_scope = if reads { &world.writes_only } else { &world.reads_only };
        let request = world.request(route).await;
        // The user last: what is asked for may be gone afterwards.
        let askers = [
            ("nobody", &nobody_asks, nobody),
            ("revoked", &world.revoked, nobody),
            ("expired", &world.expired, nobody),
            ("wrong scope", of_wrong_scope, scope),
            ("other", &world.other, other),
            ("administrator", &world.admin, admin),
            ("user", &world.user, user),
        ];
        for (name, who, expected) in askers {
            let status = world.status(who, &request).await;
            if status != *expected {
                wrong.push(format!("{route}: {name} is answered {status} instead of {expected}"));
            }
        }
        // So many worlds have more connections than a PostgreSQL gives.
        world.app.app.store.close().await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What comes of a frame: `ok` where nothing does.
async fn outcome(client: &mut Client, frame: Value) -> String {
    let may_say_nothing = ["ack", "unsubscribe", "cancel_tool"].iter().any(|kind| frame["type"] == *kind);
    client.say(frame).await;
    if may_say_nothing {
        // What is answered to this comes after what is answered to the frame.
        client.say(json!({ "type": "subscribe", "topic": "nonsense" })).await;
    }
    let mut answer = client.frame().await;
    if answer["type"] == "subscribed" {
        answer = client.frame().await;
    }
    match answer["type"].as_str().unwrap() {
        "welcome" => if answer["resumed"] == true { "resumed" } else { "new" }.to_owned(),
        "tool_update" => "job".to_owned(),
        "error" if answer["code"] == "unknown_topic" => "ok".to_owned(),
        "error" => answer["code"].as_str().unwrap().to_owned(),
        kind => kind.to_owned(),
    }
}

#[tokio::test]
async fn auth_19_every_frame_is_answered_to_everybody_as_the_table_says() {
    let world = World::new().await;
    let addr = served(&world.app).await;
    let (_, run, job) = world.things().await;
    let askers = [&world.user, &world.other, &world.admin, &world.reads_only];
    let mut wrong = Vec::new();
    for (frame, expected) in FRAMES {
        for (who, expected) in askers.into_iter().zip(expected) {
            let mut of_user = Client::connect_as(addr, &world.user.headers()).await;
            let session = of_user.frame().await["session"].clone();
            let body = match *frame {
                "resume" => json!({ "type": frame, "session": session, "seq": 0 }),
                "ack" => json!({ "type": frame, "seq": 0 }),
                "subscribe" => json!({ "type": frame, "topic": format!("run:{run}"), "after": 0 }),
                "unsubscribe" => json!({ "type": frame, "topic": format!("run:{run}") }),
                "invoke_tool" => {
                    json!({ "type": frame, "id": Uuid::now_v7(), "name": "calculate", "args": { "expression": "1+1" } })
                }
                "cancel_tool" => json!({ "type": frame, "id": job }),
                "ping" => json!({ "type": frame, "id": Uuid::now_v7() }),
                _ => unreachable!("a frame without a row"),
            };
            let mut client = Client::connect_as(addr, &who.headers()).await;
            assert_eq!(client.frame().await["type"], "welcome");
            let found = outcome(&mut client, body).await;
            if found != *expected {
                wrong.push(format!("{frame}: {who:?} is answered {found} instead of {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for who in [&Who::nobody(), &world.revoked, &world.expired] {
        assert_eq!(Client::connect_as(addr, &who.headers()).await.closed().await, 4401);
    }
}
