//! A client of the server's own `/mcp` (Model Context Protocol, 2025-11-25, streamable HTTP).

use anyhow::{Result, ensure};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::person::{Answer, Person};

const VERSION: &str = "2025-11-25";

/// Asks for a session.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn initialize(person: &Person) -> Result<Answer> {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": VERSION, "capabilities": {}, "clientInfo": { "name": "hostile", "version": "1" },
        },
    });
    send(person, None, &message).await
}

/// Begins a session and returns its id.
///
/// # Errors
/// When the server gives none.
pub(crate) async fn session(person: &Person) -> Result<String> {
    let answer = initialize(person).await?;
    let id = answer.header("mcp-session-id").to_owned();
    ensure!(answer.status == 200 && !id.is_empty(), "/mcp gives no session: {} {}", answer.status, answer.text());
    send(person, Some(&id), &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
    Ok(id)
}

/// A call of a tool, as a message.
pub(crate) fn call(id: u64, tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// Sends a message and reads the whole response.
///
/// # Errors
/// When the response has no end.
pub(crate) async fn send(person: &Person, session: Option<&str>, message: &Value) -> Result<Answer> {
    person.send(Method::POST, "/mcp", &headers(session), Some(message.to_string().into_bytes())).await
}

/// Sends a message and returns the response before its body.
///
/// # Errors
/// When there is no response.
pub(crate) async fn open(person: &Person, session: &str, message: &Value) -> Result<Response> {
    person.open(Method::POST, "/mcp", &headers(Some(session)), Some(message.to_string().into_bytes())).await
}

/// Returns the headers of a request in a session.
pub(crate) fn headers(session: Option<&str>) -> Vec<(&'static str, &str)> {
    let mut headers = vec![("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    if let Some(session) = session {
        headers.push(("mcp-session-id", session));
        headers.push(("mcp-protocol-version", VERSION));
    }
    headers
}
