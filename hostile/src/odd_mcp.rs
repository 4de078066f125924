//! An MCP server over standard input and output whose tools are odd: their schemas, or what they return.

use std::io::{self, BufRead as _, Write as _, stdin, stdout};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::shapes;

/// The tools whose schemas must not be offered, whatever their arguments are.
pub(crate) const UNBOUNDED: [&str; 4] = ["fan_out_20", "fan_out_28", "fan_out_200", "self_reference"];

/// Serves until the input ends.
///
/// # Errors
/// When the kind is unknown, or the input or output fails.
pub(crate) fn serve(kind: &str, seed: u64) -> Result<()> {
    let tools = match kind {
        "schemas" => schemas(),
        "output" => vec![tool("flood", &json!({ "type": "object", "properties": { "kind": { "type": "string" } } }))],
        "generated" => generated(seed),
        _ => bail!("there is no odd MCP server {kind:?}"),
    };
    for line in stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let (Some(method), Some(id)) = (request["method"].as_str(), request.get("id")) else { continue };
        let result = match method {
            "initialize" => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "odd", "version": "1" },
            }),
            "ping" => json!({}),
            "tools/list" => json!({ "tools": tools }),
            "tools/call" => {
                call(id, request["params"]["arguments"]["kind"].as_str().unwrap_or_default())?;
                continue;
            }
            _ => {
                let error = json!({ "code": -32601, "message": "there is no such method" });
                say(&json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())?;
                continue;
            }
        };
        say(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    write_bytes(line.as_bytes())?;
    write_bytes(b"\n")
}

fn write_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Answers a call with output of this kind.
fn call(id: &Value, kind: &str) -> io::Result<()> {
    let with_text = |text: &str| {
        let result = json!({ "content": [{ "type": "text", "text": text }] });
        json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()
    };
    match kind {
        "endless-line" => {
            // Weir closes the pipe before this is all.
            let piece = vec![b'a'; 64 * 1024];
            (0..8 * 1024).try_for_each(|_| write_bytes(&piece))?;
            say("")
        }
        "large" => say(&with_text(&"a".repeat(64 * 1024 * 1024))),
        "deep" => {
            let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
            say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"structuredContent":{deep}}}}}"#))
        }
        "not-utf8" => {
            write_bytes(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"text":""#).as_bytes())?;
            write_bytes(b"\xff\xfe\"}]}}\n")
        }
        "notifications" => {
            let note = json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": { "level": "info", "data": "a".repeat(10_000) } });
            (0..5_000).try_for_each(|_| say(&note.to_string()))?;
            say(&with_text("done"))
        }
        "blocks" => {
            let blocks: Vec<Value> = (0..100_000).map(|_| json!({ "type": "text", "text": "a" })).collect();
            say(&json!({ "jsonrpc": "2.0", "id": id, "result": { "content": blocks } }).to_string())
        }
        _ => say(&with_text("done")),
    }
}

fn tool(name: &str, schema: &Value) -> Value {
    json!({ "name": name, "description": "An odd tool.", "inputSchema": schema })
}

fn schemas() -> Vec<Value> {
    let to = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let with = |x: &Value, defs: &Value| json!({ "type": "object", "properties": { "x": x }, "$defs": defs });
    let node = |next: &Value| json!({ "type": "object", "properties": { "n": next } });
    let text = |pattern: &str| with(&json!({ "type": "string", "pattern": pattern }), &json!({}));
    let deep = (0..50).fold(json!({ "type": "string" }), |inner, _| json!({ "properties": { "a": inner } }));
    let both = json!({ "anyOf": [to("node"), to("node")] });
    vec![
        tool("fits", &with(&json!({ "type": "string" }), &json!({}))),
        tool("fan_out_20", &fan_out(20)),
        tool("fan_out_28", &fan_out(28)),
        tool("fan_out_200", &fan_out(200)),
        tool("self_reference", &with(&to("a"), &json!({ "a": { "allOf": [to("a")] } }))),
        tool("recursive", &with(&to("node"), &json!({ "node": node(&to("node")) }))),
        tool("recursive_fan_out", &with(&to("node"), &json!({ "node": node(&both) }))),
        tool("pattern", &text("^(a+)+$")),
        tool("pattern_back", &text(r"^(a|aa)+\1$")),
        tool("pattern_size", &text("((a{100}){100}){100}")),
        tool("deep", &json!({ "type": "object", "properties": { "x": deep } })),
        tool("unique", &with(&json!({ "type": "array", "uniqueItems": true }), &json!({}))),
        tool(
            "unevaluated",
            &with(
                &json!({ "anyOf": vec![json!({ "properties": { "a": true } }); 200], "unevaluatedProperties": false }),
                &json!({}),
            ),
        ),
    ]
}

/// A chain of definitions, each of which tries the next one twice.
fn fan_out(length: usize) -> Value {
    let mut defs = serde_json::Map::new();
    for number in 0..length {
        let next = json!({ "$ref": format!("#/$defs/d{}", number + 1) });
        defs.insert(format!("d{number}"), json!({ "anyOf": [next, next] }));
    }
    defs.insert(format!("d{length}"), json!({ "type": "string" }));
    json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/d0" } }, "$defs": defs })
}

/// Arguments that are hard to validate against the tool of this name.
pub(crate) fn arguments(tool: &str) -> Value {
    let nested = |depth: usize, leaf: Value| (0..depth).fold(leaf, |inner, _| json!({ "n": inner }));
    let x = match tool {
        "recursive" => nested(100, json!(1)),
        "recursive_fan_out" => nested(22, json!(1)),
        "pattern" | "pattern_back" => json!(format!("{}b", "a".repeat(20_000))),
        "pattern_size" => json!("a".repeat(1_000_000)),
        "deep" => (0..50).fold(json!(1), |inner, _| json!({ "a": inner })),
        "unique" => (0..100_000).map(|number| json!([number])).collect(),
        "unevaluated" => {
            (0..2_000).map(|number| (format!("p{number}"), json!(1))).collect::<serde_json::Map<_, _>>().into()
        }
        _ => json!(1),
    };
    json!({ "x": x })
}

/// Tools whose schemas are random.
fn generated(seed: u64) -> Vec<Value> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..40).map(|number| tool(&format!("g{number}"), &shapes::schema(&mut random))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_fits_into_what_weir_takes() {
        for tool in schemas() {
            assert!(tool["inputSchema"].to_string().len() < 64 * 1024, "{}", tool["name"]);
            assert!(arguments(tool["name"].as_str().unwrap()).to_string().len() < 2 * 1024 * 1024);
        }
        assert!(UNBOUNDED.iter().all(|name| schemas().iter().any(|tool| tool["name"] == *name)));
    }

    #[test]
    fn generated_tools_are_the_same_for_the_same_seed() {
        assert_eq!(generated(7), generated(7));
        assert_ne!(generated(7), generated(8));
    }
}
