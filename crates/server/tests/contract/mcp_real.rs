//! MCP servers that are not ours, through the whole stack: chat, approval, call, answer. `cargo xtask test` installs them.

use serde_json::{Value, json};

use crate::{
    app::{Data as _, TestApp, ending},
    programs::programs,
};

impl TestApp {
    /// Adds a server, lets a model call one of its tools, grants that, and gives what the model was told.
    async fn granted(&self, name: &str, transport: Value, tool: &str, args: Value) -> String {
        let body = json!({ "name": name, "transport": transport });
        self.post("/api/mcp-servers", body).await.json::<Value>(201);
        let ready = self.mcp_server(name, |server| server["status"] == "ready").await;
        assert!(ready["tools"].as_array().unwrap().contains(&json!(tool)), "{ready}");
        self.script.set_calls_tools(true);
        let mut events = self.ask("Please").await;
        let answer = self.script.answers().await;
        assert!(answer.request.tools.iter().any(|offer| offer.name == tool));
        answer.call(tool, &args.to_string());
        answer.finish();
        let call = loop {
            let event = events.event().await;
            if event.kind == "tool-status" && event.value()["approval"] == "pending" {
                break event.value()["id"].as_str().unwrap().to_owned();
            }
        };
        self.decide(&call, json!({ "decision": "grant" })).await.json::<Value>(200);
        let answer = self.script.answers().await;
        let told = answer.request.turns.last().unwrap().content.clone();
        answer.say("Done.");
        answer.finish();
        let (message, done) = ending(&events.rest().await);
        assert_eq!((&message["toolCalls"][0]["status"], &done["finishReason"]), (&json!("done"), &json!("stop")));
        told
    }
}

fn of_npm(servers: &std::path::Path, package: &str, args: &[&str]) -> Value {
    let program = servers.join("node_modules/@modelcontextprotocol").join(package).join("dist/index.js");
    let args: Vec<_> = std::iter::once(program.to_str().unwrap()).chain(args.iter().copied()).collect();
    json!({ "type": "stdio", "command": "node", "args": args })
}

#[tokio::test]
async fn mcp_4_the_server_everything_of_npm_is_called() {
    let (Some(servers), app) = (programs(), TestApp::new().await) else { return };
    let transport = of_npm(&servers, "server-everything", &[]);
    let told = app.granted("everything", transport, "everything__echo", json!({ "message": "Good day" })).await;
    assert!(told.contains("Good day"), "{told}");
    // Its progress is shown while it works.
    let args = json!({ "duration": 1, "steps": 4 });
    let job = app.invoke("everything__trigger-long-running-operation", args).await;
    let events = app.job_events(&job).await.rest().await;
    assert_eq!(events.last().unwrap().kind, "complete", "{events:?}");
    assert!(events.iter().any(|event| !event.value()["progress"].is_null()), "{events:?}");
}

#[tokio::test]
async fn mcp_4_the_server_filesystem_of_npm_is_called() {
    let (Some(servers), app) = (programs(), TestApp::new().await) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("note.txt");
    let transport = of_npm(&servers, "server-filesystem", &[folder.path().to_str().unwrap()]);
    let args = json!({ "path": file.to_str().unwrap(), "content": "A weir is a low dam." });
    app.granted("files", transport, "files__write_file", args).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "A weir is a low dam.");
    let outside = app.invoke("files__read_text_file", json!({ "path": "/etc/hostname" })).await;
    let refused = app.job_events(&outside).await.rest().await.pop().unwrap();
    assert_eq!(refused.value()["code"], "tool_failed", "{refused:?}");
}

#[tokio::test]
async fn mcp_4_the_server_time_of_pypi_is_called() {
    let (Some(servers), app) = (programs(), TestApp::new().await) else { return };
    let env = json!({ "PYTHONPATH": servers.join("python").to_str().unwrap() });
    let transport = json!({ "type": "stdio", "command": "python3", "args": ["-m", "mcp_server_time"], "env": env });
    let told = app.granted("time", transport, "time__get_current_time", json!({ "timezone": "Europe/Zurich" })).await;
    assert!(told.contains("Europe/Zurich") && told.contains("datetime"), "{told}");
}
