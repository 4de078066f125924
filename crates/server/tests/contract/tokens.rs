//! `weir token`, and what a token does at `/mcp`.

use std::process::Output;

use serde_json::{Value, json};
use weir_testkit::soon;

use crate::{app::TestApp, people::Who};

/// Runs `weir token` on the database of this server.
async fn token(app: &TestApp, args: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_weir"));
    command.arg("token").args(args).current_dir(std::env::temp_dir());
    for (key, value) in app.stored.settings() {
        command.env(key, value);
    }
    soon("the command", command.output()).await.unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim().to_owned()
}

#[tokio::test]
async fn auth_18_tokens_are_made_listed_and_revoked_on_the_command_line() {
    let app = TestApp::guarded().await;
    app.administrator().await;
    let create = ["create", "--user", "Ada@example.org", "--scope", "read", "--expires", "90d", "--name", "ci"];
    let secret = said(&token(&app, &create).await);
    let program = Who::bearer(&secret);
    let me: Value = program.get(&app, "/api/me").await.json(200);
    assert_eq!((&me["name"], &me["scopes"]), (&json!("Ada"), &json!(["read"])));
    let list = said(&token(&app, &["list", "--user", "ada@example.org"]).await);
    assert!(list.contains("  ci  read  ") && !list.contains(&secret), "{list}");
    let id = list.split_whitespace().next().unwrap();
    said(&token(&app, &["revoke", "--user", "ada@example.org", id]).await);
    program.get(&app, "/api/me").await.problem(401, "unauthenticated");
    for args in [
        &["create", "--user", "eve@example.org", "--name", "ci"][..],
        &["create", "--user", "ada@example.org", "--name", "ci", "--expires", "0d"],
        &["revoke", "--user", "ada@example.org", id],
    ] {
        let output = token(&app, args).await;
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(output.stderr.starts_with(b"weir: "), "{args:?}");
    }
}
