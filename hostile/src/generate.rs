//! Generators: random input for every parser that a foreign party reaches, against the running server.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};
use weir_faults::Database;

use crate::{
    connection,
    plays::Model,
    scene::{Scene, Stage, lenient},
    shapes::{self, CODE, CSV, EXPRESSION, JSON, MARKUP, SQL, Vocabulary, WORD, magnitude, shape},
    socket::Received,
    suite::{judge, violations},
    table::{Line, Outcome},
    watch::Seen,
};

/// The longest that one round may take.
const ROUND: Duration = Duration::from_mins(2);
/// The most memory of the server and of four children, in MiB.
const MEMORY_MIB: u64 = 1_200;

/// All of them, in the order of the table.
pub(crate) const ALL: &[&dyn Generator] = &[
    &Tool {
        name: "expressions",
        of: &EXPRESSION,
        max: 4_000,
        call: |text| ("calculate", json!({ "expression": text })),
    },
    &Tool { name: "csv", of: &CSV, max: 300_000, call: |text| table("SELECT * FROM t LIMIT 5", text) },
    &Tool { name: "json-tables", of: &JSON, max: 300_000, call: |text| table("SELECT * FROM t LIMIT 5", text) },
    &Tool { name: "sql", of: &SQL, max: 20_000, call: |text| table(text, "a,b\n1,2\n") },
    &Tool { name: "code", of: &CODE, max: 100_000, call: |text| ("run_code", json!({ "code": text })) },
    &RandomSchemas,
    &ModelStreams,
    &SocketFrames,
    &JsonBodies,
    &Queries,
    &Heads,
    &Markup,
];

/// A source of random input for one parser.
#[async_trait]
pub(crate) trait Generator: Sync {
    /// Returns its name on the command line.
    fn name(&self) -> &'static str;

    /// Returns the model server that it needs.
    fn model(&self) -> Model {
        Model::Scripted
    }

    /// Sends the input of one seed.
    async fn round(&self, scene: &Scene, binary: &Path, seed: u64) -> Result<()>;
}

/// Runs each chosen generator for `time`, with the seeds from `seed` on.
pub(crate) async fn run(binary: &Path, seed: u64, time: Duration, is_chosen: impl Fn(&str) -> bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for generator in ALL.iter().filter(|generator| is_chosen(generator.name())) {
        let name = generator.name();
        let outcome = run_one(*generator, binary, seed, time).await;
        let (noticed, violations) = outcome.unwrap_or_else(|error| (Seen::default(), vec![format!("{error:#}")]));
        for violation in &violations {
            println!("    {violation}");
        }
        lines.push(Line { name, database: "SQLite", outcome: Outcome::Played(noticed, violations) });
    }
    lines
}

async fn run_one(generator: &dyn Generator, binary: &Path, first: u64, time: Duration) -> Result<(Seen, Vec<String>)> {
    let (database, model) = (Database::Sqlite, generator.model());
    // No text of the generators is as long as all of them together.
    let stage = Stage { database, model, settings: Vec::new(), seed: first, is_short: false };
    let scene = Scene::open(binary, stage).await?;
    let watch = scene.watch()?;
    let begun = Instant::now();
    let mut seed = first;
    while begun.elapsed() < time && scene.findings.list().is_empty() {
        let played = timeout(lenient(ROUND), generator.round(&scene, binary, seed)).await;
        if let Err(error) = played.context("a round does not end").flatten() {
            scene.findings.add(format!("{error:#}"));
        }
        seed += 1;
    }
    let noticed = watch.end()?;
    judge(&scene, &noticed, MEMORY_MIB);
    let violations = violations(&scene);
    let (name, rounds) = (generator.name(), seed - first);
    if violations.is_empty() {
        println!("{name}: passed, {rounds} rounds, seeds {first} to {}", seed - 1);
    } else {
        println!("{name}: FAILED after {rounds} rounds");
        println!("    again: cargo xtask hostile --generate 1s --only {name} --seed {}", seed - 1);
    }
    Ok((noticed, violations))
}

/// A query over a table.
fn table(sql: &str, table: &str) -> (&'static str, Value) {
    ("query_table", json!({ "sql": sql, "table": table }))
}

/// Texts that a tool parses.
struct Tool {
    name: &'static str,
    of: &'static Vocabulary,
    max: usize,
    call: fn(&str) -> (&'static str, Value),
}

#[async_trait]
impl Generator for Tool {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        let mut random = Rng::with_seed(seed);
        let mut jobs = Vec::new();
        for _ in 0..12 {
            let (tool, args) = (self.call)(&shape(&mut random, self.of, self.max));
            jobs.extend(scene.attacker.call(tool, &args).await?.ok());
        }
        for job in jobs {
            scene.attacker.job_ended(&job, lenient(ROUND)).await?;
        }
        Ok(())
    }
}

/// Schemas of an MCP server, and values that are held against them.
struct RandomSchemas;

#[async_trait]
impl Generator for RandomSchemas {
    fn name(&self) -> &'static str {
        "random-schemas"
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        let mut random = Rng::with_seed(seed);
        let server = scene.add_mcp_server("odd", "generated", seed).await?;
        for tool in server["tools"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            for _ in 0..3 {
                let args = json!({ "x": shapes::value(&mut random, 12), "y": shapes::value(&mut random, 12) });
                drop(scene.attacker.call(tool, &args).await?);
            }
        }
        scene.administrator.delete("/api/mcp-servers/odd").await?;
        Ok(())
    }
}

/// Streams of a model server.
struct ModelStreams;

#[async_trait]
impl Generator for ModelStreams {
    fn name(&self) -> &'static str {
        "model-streams"
    }

    fn model(&self) -> Model {
        Model::Odd
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        scene.attacker.answered(&format!("odd:seed-{seed}"), lenient(ROUND)).await.map(drop)
    }
}

/// Frames of a WebSocket.
struct SocketFrames;

#[async_trait]
impl Generator for SocketFrames {
    fn name(&self) -> &'static str {
        "socket-frames"
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        let mut random = Rng::with_seed(seed);
        let mut socket = scene.attacker_socket().await?;
        for _ in 0..8 {
            let text = shape(&mut random, &JSON, 1024 * 1024);
            if !socket.send(text).await {
                break;
            }
        }
        while let Received::Frame(frame) = socket.receive(Duration::from_millis(300)).await? {
            scene.attacker.inspect("a frame", &frame.to_string());
        }
        Ok(())
    }
}

/// Bodies of requests.
struct JsonBodies;

#[async_trait]
impl Generator for JsonBodies {
    fn name(&self) -> &'static str {
        "json-bodies"
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        let mut random = Rng::with_seed(seed);
        let paths =
            ["/api/realtime", "/api/tools/calculate", "/api/messages", "/api/telemetry", "/mcp", "/api/auth/sign-in"];
        let headers = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        for path in paths {
            let name = ["args", "prompt", "content", "params", "email"][random.usize(0..5)];
            let max = magnitude(&mut random, 1024 * 1024);
            let body = format!("{{\"{name}\":{}}}", shape(&mut random, &JSON, max));
            scene.attacker.send(Method::POST, path, &headers, Some(body.into_bytes())).await?;
        }
        Ok(())
    }
}

/// Cursors and other parameters of queries.
struct Queries;

#[async_trait]
impl Generator for Queries {
    fn name(&self) -> &'static str {
        "queries"
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        let mut random = Rng::with_seed(seed);
        for path in ["/api/conversations", "/api/jobs", "/api/messages"] {
            for name in ["cursor", "q", "limit", "after", "conversationId"] {
                let text = shape(&mut random, &WORD, 6_000);
                let escaped = text.bytes().take(2_000).fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
                scene.attacker.get(&format!("{path}?{name}={escaped}")).await?;
            }
        }
        Ok(())
    }
}

/// Heads of requests.
struct Heads;

#[async_trait]
impl Generator for Heads {
    fn name(&self) -> &'static str {
        "heads"
    }

    async fn round(&self, scene: &Scene, _: &Path, seed: u64) -> Result<()> {
        let mut random = Rng::with_seed(seed);
        let names = [
            "authorization",
            "cookie",
            "origin",
            "host",
            "idempotency-key",
            "last-event-id",
            "content-type",
            "accept",
            "x-forwarded-for",
            "traceparent",
            "if-none-match",
            "range",
            "content-length",
            "transfer-encoding",
            "mcp-session-id",
            "sec-websocket-key",
            "x-request-id",
            "accept-language",
            "user-agent",
        ];
        let addr = scene.addr()?;
        for _ in 0..8 {
            let mut head = format!("GET /api/me HTTP/1.1\r\nhost: {addr}\r\n");
            for _ in 0..random.usize(1..6) {
                let value = shape(&mut random, &WORD, 8_000).replace(['\r', '\n'], " ");
                let name = names[random.usize(0..names.len())];
                head = format!("{head}{name}: {value}\r\n");
            }
            let mut stream = connection::open(addr, format!("{head}connection: close\r\n\r\n").as_bytes()).await?;
            // A request whose body is never sent has no answer for a while.
            let status = timeout(Duration::from_millis(500), connection::status(&mut stream)).await;
            if let Ok(Ok(status)) = status {
                scene.check(status < 500, || format!("a head was answered with {status}"));
            }
        }
        Ok(())
    }
}

/// Pages of HTML. The egress guard keeps `fetch_page` from this machine, so they go to the sandbox process itself.
struct Markup;

#[async_trait]
impl Generator for Markup {
    fn name(&self) -> &'static str {
        "markup"
    }

    async fn round(&self, scene: &Scene, binary: &Path, seed: u64) -> Result<()> {
        let html = shape(&mut Rng::with_seed(seed), &MARKUP, 2 * 1024 * 1024);
        let mut child = Command::new(binary)
            .arg("sandbox")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (mut input, mut output) = child.stdin.take().zip(child.stdout.take()).context("no pipes")?;
        let work = json!({ "page": { "html": html, "url": "https://example.org/" } });
        let mut said = Vec::new();
        let worked = timeout(Duration::from_secs(10), async {
            input.write_all(format!("{work}\n").as_bytes()).await?;
            output.read_to_end(&mut said).await
        });
        // The server kills it at its deadline; until then it must not say what it could not have found.
        if let Ok(Ok(_)) = worked.await {
            scene.check(said.len() < 16 * 1024 * 1024, || format!("a page became {} bytes", said.len()));
        }
        Ok(())
    }
}
