//! The client of MCP servers as the conformance suite wants to see it: given an address, it connects, calls every tool once
//! and ends. `cargo xtask conformance` runs it.

use std::{process::ExitCode, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::timeout;
use weir_protocol::{McpTransport, ToolCallId, UserId};
use weir_tools::{
    Call, Registry,
    mcp::{Servers, State},
};

/// Longer than any scenario waits.
const PATIENCE: Duration = Duration::from_secs(25);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().next_back() else { return ExitCode::FAILURE };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = Registry::new(Vec::new());
    let servers = Servers::new(registry.clone());
    let http = McpTransport::Http { url, headers: std::collections::BTreeMap::new() };
    servers.set([("suite".to_owned(), http)].into());
    let ended = timeout(PATIENCE, ready(&servers)).await;
    let is_ready = matches!(ended, Ok(Ok(())));
    if let Ok(Err(error)) = ended {
        eprintln!("{error}");
    }
    let asked = asked();
    for tool in registry.all() {
        let spec = tool.spec();
        let is_it = |call: &&Value| call["name"].as_str().is_some_and(|name| spec.name == format!("suite__{name}"));
        let wanted: Vec<_> = asked.iter().filter(is_it).map(|call| call["arguments"].clone()).collect();
        let wanted = if wanted.is_empty() { vec![arguments(&spec.input_schema)] } else { wanted };
        for args in wanted {
            let (call, _reports) = Call::new(ToolCallId(uuid::Uuid::nil()), UserId(uuid::Uuid::nil()));
            let given = timeout(PATIENCE, tool.call(args.clone(), &call)).await;
            println!("{} {args} -> {given:?}", spec.name);
        }
    }
    servers.stop().await;
    if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns when the server's tools can be called, or with the reason why they cannot.
async fn ready(servers: &Servers) -> Result<(), String> {
    let mut changes = servers.changes();
    loop {
        match servers.states().remove("suite") {
            Some(State::Ready { .. }) => return Ok(()),
            Some(State::Failed { error, .. }) => return Err(error),
            _ => changes.changed().await.map_err(|error| error.to_string())?,
        }
    }
}

/// The calls that the suite asks for; where there are none, every tool is called once.
fn asked() -> Vec<Value> {
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let context: Value = serde_json::from_str(&context).unwrap_or_default();
    context["toolCalls"].as_array().cloned().unwrap_or_default()
}

/// Arguments that fit most schemas.
fn arguments(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let values = properties.into_iter().enumerate().map(|(place, (name, schema))| {
        let value = match schema["type"].as_str() {
            Some("number" | "integer") => json!(place + 3),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => schema["enum"].as_array().and_then(|words| words.first().cloned()).unwrap_or(json!("word")),
        };
        (name, value)
    });
    Value::Object(values.collect::<Map<_, _>>())
}
