//! This server as an MCP server, at `/mcp` and as `weir mcp`.

use axum::http::Method;
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, ClientConfig, ClientRequest, ProgressNotificationParam,
        ProtocolVersion,
    },
    service::{ClientLifecycleMode, ClientServiceExt as _, NotificationContext, PeerRequestOptions, RunningService},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use weir_testkit::soon;

use crate::{
    app::{TestApp, request},
    sockets::served,
};

/// A client of another program's.
#[derive(Clone)]
struct Other(mpsc::UnboundedSender<ProgressNotificationParam>);

impl ClientHandler for Other {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default()
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let _ = self.0.send(told);
    }
}

struct Client {
    running: RunningService<RoleClient, Other>,
    progress: mpsc::UnboundedReceiver<ProgressNotificationParam>,
}

fn lifecycles() -> [ClientLifecycleMode; 2] {
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
    ]
}

impl Client {
    async fn of(app: &TestApp, lifecycle: ClientLifecycleMode) -> Self {
        Self::with_token(app, lifecycle, None).await
    }

    async fn with_token(app: &TestApp, lifecycle: ClientLifecycleMode, token: Option<String>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let uri = format!("http://{}/mcp", served(app).await);
        let mut config = StreamableHttpClientTransportConfig::with_uri(uri);
        config.auth_header = token;
        let transport = StreamableHttpClientTransport::from_config(config);
        let (told, progress) = mpsc::unbounded_channel();
        let running = soon("the server", Other(told).serve_with_lifecycle(transport, lifecycle)).await.unwrap();
        Self { running, progress }
    }

    fn params(name: &'static str, args: &Value) -> CallToolRequestParams {
        CallToolRequestParams::new(name).with_arguments(args.as_object().unwrap().clone())
    }

    async fn call(&self, name: &'static str, args: Value) -> CallToolResult {
        soon("the tool", self.running.call_tool(Self::params(name, &args))).await.unwrap()
    }
}

fn text(result: &CallToolResult) -> String {
    serde_json::to_value(result).unwrap()["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn mcp_8_other_programs_call_the_tools_as_jobs() {
    for lifecycle in lifecycles() {
        let app = TestApp::new().await;
        let client = Client::of(&app, lifecycle).await;
        let tools = client.running.list_all_tools().await.unwrap();
        let calculate = tools.iter().find(|tool| tool.name == "calculate").unwrap();
        assert_eq!(calculate.input_schema["required"], json!(["expression"]));
        assert_eq!(calculate.annotations.as_ref().unwrap().read_only_hint, Some(true));
        let result = client.call("calculate", json!({ "expression": "6*7" })).await;
        assert_eq!((result.is_error, &result.structured_content.unwrap()["result"]), (Some(false), &json!("42")));
        let jobs: Value = app.get("/api/jobs").await.json(200);
        assert_eq!((&jobs["items"][0]["name"], &jobs["items"][0]["caller"]), (&json!("calculate"), &json!("mcp")));
        let wrong = client.call("calculate", json!({ "expression": 1, "more": 2 })).await;
        assert!(wrong.is_error == Some(true) && text(&wrong).contains("args.expression"), "{wrong:?}");
        let unknown = client.running.call_tool(CallToolRequestParams::new("nothing")).await.unwrap_err();
        assert!(unknown.to_string().contains("Unknown tool"), "{unknown}");
    }
}

#[tokio::test]
async fn mcp_9_the_same_permissions_hold_for_other_programs() {
    for lifecycle in lifecycles() {
        let app = TestApp::new().await;
        let client = Client::of(&app, lifecycle).await;
        app.permit("calculate", json!({ "permission": "ask" })).await.json::<Value>(200);
        let asked = client.call("calculate", json!({ "expression": "1" }));
        let (denied, ()) = tokio::join!(asked, async {
            let call = app.waiting().await;
            let word = json!({ "decision": "deny", "message": "Not now." });
            app.decide(&call, word).await.json::<Value>(200);
        });
        assert!(denied.is_error == Some(true) && text(&denied).contains("Not now."), "{denied:?}");
        app.permit("calculate", json!({ "permission": "deny" })).await.json::<Value>(200);
        let tools = client.running.list_all_tools().await.unwrap();
        assert!(tools.iter().all(|tool| tool.name != "calculate"));
        let denied = client.call("calculate", json!({ "expression": "1" })).await;
        assert!(denied.is_error == Some(true) && text(&denied).contains("permit"), "{denied:?}");
    }
}

#[tokio::test]
async fn mcp_10_progress_is_told_and_a_client_that_gives_up_stops_the_job() {
    for lifecycle in lifecycles() {
        let app = TestApp::new().await;
        let mut client = Client::of(&app, lifecycle).await;
        let params = Client::params("wait", &json!({ "seconds": 600 }));
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::no_options();
        let call = client.running.send_cancellable_request(request, options).await.unwrap();
        let first = soon("progress", client.progress.recv()).await.unwrap();
        let second = soon("progress", client.progress.recv()).await.unwrap();
        assert!(first.progress < second.progress && second.total == Some(1.0), "{first:?} {second:?}");
        assert!(second.message.unwrap().contains("of 600 s"));
        call.cancel(None).await.unwrap();
        let jobs: Value = app.get("/api/jobs").await.json(200);
        let job = jobs["items"][0]["id"].as_str().unwrap();
        let ended = app.job_events(job).await.rest().await.pop().unwrap();
        assert_eq!(ended.kind, "error");
        assert!(ended.data.contains("cancelled"), "{ended:?}");
    }
}

#[tokio::test]
async fn mcp_11_other_sites_and_other_names_do_not_reach_the_tools() {
    let app = TestApp::new().await;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let ask =
        async |headers: &[(&str, &str)]| app.send(request(Method::POST, "/mcp", headers, Some(body.clone()))).await;
    let accept = ("accept", "application/json, text/event-stream");
    ask(&[accept, ("host", "127.0.0.1"), ("origin", "https://evil.example")]).await.problem(403, "origin_not_allowed");
    ask(&[accept, ("host", "evil.example")]).await.problem(421, "unknown_host");
    // What is no message of the protocol is the client's fault.
    assert!((400..500).contains(&ask(&[accept, ("host", "127.0.0.1")]).await.status));
    assert!((400..500).contains(&ask(&[("host", "127.0.0.1")]).await.status));
}

#[tokio::test]
async fn mcp_12_without_a_server_the_bridge_says_what_to_do() {
    let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_weir"))
        .arg("mcp")
        .env("WEIR_ADDR", "127.0.0.1:1")
        .current_dir(std::env::temp_dir())
        .output();
    let output = soon("the bridge", run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("127.0.0.1:1") && said.contains("weir serve"), "{said}");
}

#[tokio::test]
async fn auth_20_at_mcp_each_request_is_its_tokens_persons() {
    for lifecycle in lifecycles() {
        let app = TestApp::guarded().await;
        let ada = app.administrator().await;
        let bob = app.invited(&ada, "bob@example.org", "user").await;
        let (reader, _) = bob.token(&app, &["read"]).await;
        let (writer, _) = bob.token(&app, &["read", "write"]).await;
        let client = Client::with_token(&app, lifecycle.clone(), reader.secret()).await;
        assert!(client.running.list_all_tools().await.unwrap().iter().any(|tool| tool.name == "calculate"));
        let params = Client::params("calculate", &json!({ "expression": "6*7" }));
        let refused = soon("the refusal", client.running.call_tool(params)).await.unwrap_err();
        assert!(refused.to_string().contains("scope"), "{refused}");
        let client = Client::with_token(&app, lifecycle, writer.secret()).await;
        client.call("calculate", json!({ "expression": "6*7" })).await;
        let [of_bob, of_ada] = [&bob, &ada].map(|who| who.get(&app, "/api/jobs"));
        assert_eq!(of_bob.await.json::<Value>(200)["items"].as_array().unwrap().len(), 1);
        assert_eq!(of_ada.await.json::<Value>(200)["items"], json!([]));
    }
}
