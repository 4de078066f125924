//! Finding 5: tables, queries and programs that are small to write and large to run.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Play;
use crate::scene::{Scene, lenient};

/// The longest that a job may take, with those before it.
const ENDED: Duration = Duration::from_mins(2);

pub(crate) struct SandboxBombs;

#[async_trait]
impl Play for SandboxBombs {
    fn name(&self) -> &'static str {
        "sandbox-bombs"
    }

    /// The server, and what four children may take.
    fn memory_mib(&self) -> u64 {
        1_200
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        let bombs = bombs();
        let mut jobs = Vec::new();
        for (tool, args) in &bombs[..scene.count(6, bombs.len())] {
            jobs.extend(scene.attacker.call(tool, args).await?.ok());
        }
        for job in jobs {
            scene.attacker.job_ended(&job, lenient(ENDED)).await?;
        }
        Ok(())
    }
}

/// Calls of tools that work in the sandbox; the first ones are quick to end.
fn bombs() -> Vec<(&'static str, Value)> {
    let table = |sql: &str, table: Value| ("query_table", json!({ "sql": sql, "table": table }));
    let query = |sql: &str| table(sql, json!("a\n1\n"));
    let code = |code: &str| ("run_code", json!({ "code": code }));
    let wide: Vec<String> = (0..20_000).map(|number| format!("{{\"c{number}\":1}}")).collect();
    let quotes = format!("a\n\"{}", "\"\"\n".repeat(300_000));
    vec![
        table("SELECT 1", json!(",".repeat(8_000) + &"\na".repeat(8_000))),
        table("SELECT 1", json!(format!("[{}]", wide.join(",")))),
        code("const a = []; for (;;) a.push(new Array(1e5).fill(1))"),
        code("function f() { f() } f()"),
        code("let o = {}; for (let i = 0; i < 1e6; i++) o = { o }; o"),
        query("SELECT zeroblob(1000000000)"),
        code("for (;;) {}"),
        code("/^(a+)+$/.test('a'.repeat(60) + 'b')"),
        code("for (;;) console.log('x'.repeat(1e6))"),
        code("'x'.repeat(2 ** 29).length"),
        code("new Uint8Array(2 ** 31).length"),
        code("JSON.parse('['.repeat(1e6))"),
        code(&format!("{}1{}", "(".repeat(90_000), ")".repeat(90_000))),
        code("2n ** 99999999n"),
        code("new Proxy({}, { get() { for (;;) {} }, ownKeys() { return Array(1e7).fill('a') } })"),
        query("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"),
        query("WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM c) SELECT max(length(x)) FROM c"),
        query("SELECT printf('%.*c', 1000000000, 'a')"),
        query("SELECT replace(hex(zeroblob(100000000)), '0', 'aaaaaaaa')"),
        query(&format!("SELECT {}1{}", "(".repeat(9_000), ")".repeat(9_000))),
        query("ATTACH DATABASE '/tmp/hostile.db' AS other"),
        table("SELECT count(*) FROM t a, t b, t c, t d, t e", json!("a\n".repeat(100_000))),
        table("SELECT * FROM t ORDER BY a", json!(quotes)),
        table("SELECT 1", json!("[".repeat(1_000_000))),
    ]
}
