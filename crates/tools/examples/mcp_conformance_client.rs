//! The client of MCP servers as the conformance suite wants to see it: given an address, it connects, calls every tool once
//! and ends. Where it is asked to sign in, it does: the suite's authorization servers let everybody in who asks. `cargo xtask
//! conformance` runs it.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use reqwest::redirect;
use serde_json::{Map, Value, json};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};
use url::Url;
use weir_protocol::{AnswerQuestion, McpOAuthClient, McpTransport, QuestionAction, Timestamp, ToolCallId, UserId};
use weir_tools::{
    Call, Outside, Registry, Report, ToolError,
    mcp::{Back, Going, Grant, Grants, GrantsError, Hold, Servers, SignIns, State, Wanted},
};

/// Longer than any scenario waits.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often somebody signs in for one server before they give up.
const MOST_SIGN_INS: usize = 3;
/// Where browsers are sent back to; nobody listens there.
const REDIRECT: &str = "http://127.0.0.1:1/callback";
/// What the suite has authorization servers read.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().next_back() else { return ExitCode::FAILURE };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = Registry::new(Vec::new());
    let mut client = Client::new(&url, &registry);
    let is_ready = timeout(PATIENCE, client.ready()).await;
    if let Ok(Err(error)) = &is_ready {
        eprintln!("{error}");
    }
    let is_ready = matches!(is_ready, Ok(Ok(())));
    let asked = asked();
    for tool in registry.all() {
        let spec = tool.spec();
        let is_it = |call: &&Value| call["name"].as_str().is_some_and(|name| spec.name == format!("suite__{name}"));
        let wanted: Vec<_> = asked.iter().filter(is_it).map(|call| call["arguments"].clone()).collect();
        let wanted = match registry.find("suite__json_schema_2020_12_tool") {
            // It wants the schema of the other one back as it was given.
            Some(other) if spec.name == "suite__json_schema_echo" => {
                vec![json!({ "schema": other.spec().input_schema.json() })]
            }
            _ if wanted.is_empty() => vec![arguments(spec.input_schema.json())],
            _ => wanted,
        };
        for args in wanted {
            let given = timeout(PATIENCE, client.call(&spec.name, args.clone())).await;
            println!("{} {args} -> {given:?}", spec.name);
        }
    }
    client.servers.stop().await;
    if is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Everything that there is of one server.
struct Client {
    transport: McpTransport,
    registry: Registry,
    servers: Servers,
    sign_ins: SignIns,
    kept: Kept,
    count: usize,
}

impl Client {
    fn new(url: &str, registry: &Registry) -> Self {
        let context = context();
        let oauth = context["client_id"].as_str().map(|id| McpOAuthClient {
            client_id: id.to_owned(),
            client_secret: context["client_secret"].as_str().map(str::to_owned),
            scopes: Vec::new(),
        });
        let transport = McpTransport::Http { url: url.to_owned(), headers: BTreeMap::new(), oauth };
        let kept = Kept::default();
        let sign_ins = SignIns::new(Arc::new(kept.clone()), Outside::default());
        let servers = Servers::new(registry.clone(), sign_ins.clone());
        let client = Self { transport, registry: registry.clone(), servers, sign_ins, kept, count: 0 };
        client.start();
        client
    }

    fn start(&self) {
        let grant = (self.count > 0).then(|| self.count.to_string());
        let wanted = Wanted { transport: self.transport.clone(), grant };
        self.servers.set([("suite".to_owned(), wanted)].into());
    }

    /// Returns when the server's tools can be called, or with the reason why they cannot.
    async fn ready(&mut self) -> Result<(), String> {
        let mut changes = self.servers.changes();
        loop {
            changes.borrow_and_update();
            match self.servers.states().remove("suite") {
                Some(State::Ready { .. }) => return Ok(()),
                Some(State::Failed { error, .. }) => return Err(error),
                Some(State::NeedsSignIn { why }) => {
                    self.sign_in().await.map_err(|error| format!("{why} {error}"))?;
                    // The keeper of before is still told of as needing a sign-in.
                    changes.changed().await.map_err(|error| error.to_string())?;
                }
                _ => changes.changed().await.map_err(|error| error.to_string())?,
            }
        }
    }

    /// Signs in as a person's browser does: there, and back to where nobody is.
    async fn sign_in(&mut self) -> Result<(), String> {
        if self.count >= MOST_SIGN_INS {
            return Err("It asks for a sign-in again and again.".to_owned());
        }
        self.count += 1;
        let McpTransport::Http { url, oauth, .. } = &self.transport else { return Err("no server".to_owned()) };
        let (challenge, known) = (self.servers.challenge("suite"), self.kept.0.lock().await.clone());
        let before = known.grant.as_ref().map(|grant| grant.scopes().to_vec()).unwrap_or_default();
        let missing: Vec<_> = known.missing.split_whitespace().map(str::to_owned).collect();
        let going = Going {
            url,
            client: oauth.as_ref(),
            redirect: REDIRECT,
            document: Some(DOCUMENT),
            challenge: challenge.as_ref(),
            missing: &missing,
            before: &before,
        };
        let (page, state, journey) = self.sign_ins.begin(going).await.map_err(|error| error.to_string())?;
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build();
        let answer =
            http.map_err(|error| error.to_string())?.get(page).send().await.map_err(|error| error.to_string())?;
        let back = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
        let back: BTreeMap<_, _> =
            Url::parse(back).map_err(|error| error.to_string())?.query_pairs().into_owned().collect();
        if back.get("state") != Some(&state) {
            return Err("Another state came back.".to_owned());
        }
        let (code, issuer) = (back.get("code").ok_or("No code came back.")?, back.get("iss").map(String::as_str));
        let grant = self.sign_ins.finish(journey, Back { code, issuer }).await.map_err(|error| error.to_string())?;
        *self.kept.0.lock().await = Known { grant: Some(grant), missing: String::new() };
        self.start();
        Ok(())
    }

    /// Calls a tool; where it wants more rights, they are given and it is called again.
    async fn call(&mut self, name: &str, args: Value) -> Result<Value, ToolError> {
        loop {
            let Some(tool) = self.registry.find(name) else {
                return Err(ToolError::new("gone", "There is no such tool."));
            };
            let (call, mut reports) = Call::new(ToolCallId(uuid::Uuid::nil()), UserId(uuid::Uuid::nil()));
            let answering = async {
                while let Some(report) = reports.recv().await {
                    answer(report);
                }
                std::future::pending().await
            };
            let given = tokio::select! {
                given = tool.call(args.clone(), &call) => given,
                never = answering => never,
            };
            match given {
                Err(error) if error.code == "sign_in_needed" => {
                    let signed_in = self.sign_in().await;
                    signed_in.map_err(|error| ToolError::new("sign_in_needed", error))?;
                    self.ready().await.map_err(|error| ToolError::new("sign_in_needed", error))?;
                }
                given => return given,
            }
        }
    }
}

/// The person's answer to a question: what a form shows before anything is typed into it.
fn answer(report: Report) {
    let Report::Question(asked, reply) = report else { return };
    let content = asked.schema.as_ref().map(|schema| {
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let fields = properties.into_iter().filter_map(|(name, field)| Some((name, shown(&field)?)));
        Value::Object(fields.collect::<Map<_, _>>())
    });
    let _ = reply.send(AnswerQuestion { action: QuestionAction::Accept, content });
}

/// What a field of a form shows.
fn shown(field: &Value) -> Option<Value> {
    field.get("default").cloned().or_else(|| Some(value(field, 0)))
}

/// What is kept of a sign-in, in this process.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Known>>);

#[derive(Clone, Default)]
struct Known {
    grant: Option<Grant>,
    missing: String,
}

#[async_trait]
impl Grants for Kept {
    async fn load(&self, _: &str) -> Result<Option<Grant>, GrantsError> {
        Ok(self.0.lock().await.grant.clone())
    }

    async fn hold(&self, _: &str) -> Result<Option<Box<dyn Hold>>, GrantsError> {
        let known = self.0.clone().lock_owned().await;
        let Some(grant) = known.grant.clone() else { return Ok(None) };
        Ok(Some(Box::new(Held { known, grant })))
    }

    async fn note_missing(&self, _: &str, scopes: &str) -> Result<(), GrantsError> {
        scopes.clone_into(&mut self.0.lock().await.missing);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

struct Held {
    known: OwnedMutexGuard<Known>,
    grant: Grant,
}

#[async_trait]
impl Hold for Held {
    fn grant(&self) -> &Grant {
        &self.grant
    }

    async fn keep(mut self: Box<Self>, grant: &Grant) -> Result<(), GrantsError> {
        self.known.grant = Some(grant.clone());
        Ok(())
    }

    async fn let_go(self: Box<Self>) {}
}

/// What the suite tells beside the address.
fn context() -> Value {
    let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    serde_json::from_str(&context).unwrap_or_default()
}

/// The calls that the suite asks for; where there are none, every tool is called once.
fn asked() -> Vec<Value> {
    context()["toolCalls"].as_array().cloned().unwrap_or_default()
}

/// Arguments that fit most schemas.
fn arguments(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let values = properties.into_iter().enumerate().map(|(place, (name, schema))| (name, value(&schema, place)));
    Value::Object(values.collect::<Map<_, _>>())
}

fn value(schema: &Value, place: usize) -> Value {
    match schema["type"].as_str() {
        Some("number" | "integer") => json!(place + 3),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => schema["enum"].as_array().and_then(|words| words.first().cloned()).unwrap_or(json!("word")),
    }
}
