//! A tool that must not be run twice, and can tell: it leaves a mark for each call. An MCP server of one tool, over standard
//! input and output (Model Context Protocol, 2025-11-25).

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead as _, Write as _, stdin, stdout},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::Result;
use serde_json::{Value, json};

/// The tool, as Weir names it.
pub(crate) const TOOL: &str = "faults__leave_mark";
/// The server that offers it.
pub(crate) const SERVER: &str = "faults";

/// Serves until its input ends, and writes the marks to the file.
///
/// # Errors
/// When its input or output fails.
pub(crate) fn serve(file: &Path) -> Result<()> {
    for line in stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let (Some(method), Some(id)) = (request["method"].as_str(), request.get("id").cloned()) else { continue };
        let params = request["params"].clone();
        let answer = match method {
            "initialize" => Ok(json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "marks", "version": "1" },
            })),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(json!({ "tools": [description()] })),
            "tools/call" => {
                let file = file.to_owned();
                // Others may be called meanwhile.
                thread::spawn(move || leave_mark(&file, &params["arguments"]).and_then(|()| answer(&id, &worked())));
                continue;
            }
            _ => Err(json!({ "code": -32601, "message": "there is no such method" })),
        };
        let answered = match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error }),
        };
        say(&answered)?;
    }
    Ok(())
}

fn description() -> Value {
    json!({
        "name": "leave_mark",
        "description": "Leaves a mark and works for some seconds.",
        "inputSchema": {
            "type": "object",
            "properties": { "mark": { "type": "string" }, "seconds": { "type": "number" } },
            "required": ["mark", "seconds"],
        },
    })
}

fn worked() -> Value {
    json!({ "content": [{ "type": "text", "text": "done" }] })
}

fn answer(id: &Value, result: &Value) -> io::Result<()> {
    say(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn say(message: &Value) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{message}")?;
    out.flush()
}

fn leave_mark(file: &Path, args: &Value) -> io::Result<()> {
    let mark = format!("{}\n", args["mark"].as_str().unwrap_or_default());
    OpenOptions::new().create(true).append(true).open(file)?.write_all(mark.as_bytes())?;
    thread::sleep(Duration::from_secs_f64(args["seconds"].as_f64().unwrap_or_default().clamp(0.0, 60.0)));
    Ok(())
}

/// How many marks a call with these arguments has left; none when it is no call of this tool.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn count(file: &Path, args: &Value) -> Result<Option<usize>> {
    let Some(mark) = args["mark"].as_str() else { return Ok(None) };
    let marks = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        marks => marks?,
    };
    Ok(Some(marks.lines().filter(|line| *line == mark).count()))
}
