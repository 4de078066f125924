//! The whole server in this process, with a clock, a provider and two users that the test holds in its hand.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, BodyDataStream, Bytes},
    http::{HeaderMap, Method, Request, header},
};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use weir_protocol::{AuthMode, ChatMessage, Conversation, ConversationId, MessageId, RunId};
use weir_realtime::{CommitterOptions, EventLog};
use weir_runs::{APPROVAL_PATIENCE, Contact, Providers, Runs, StoredHistory};
use weir_server::{
    access::Access,
    app::{App, LOCAL_USER, Parts},
    http,
    lifecycle::Lifecycle,
    limits::{LimitOptions, Limits, Shared},
    mcp::Fleet,
    metrics::{Metrics, Sampler, Sources},
};
use weir_store::Clock;
use weir_testkit::{Event, EventParser, Heard, Script, ScriptedProvider, TestClock, TestStore, soon};
use weir_tools::{Callable, Outside, Registry, SANDBOX_TIME, Sandbox, builtin::Surroundings};

/// A server. Its database goes with it.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) script: Script,
    router: Router,
    /// The database, for what another process does in it.
    pub(crate) stored: TestStore,
}

/// What a test may want otherwise.
pub(crate) struct Options {
    pub(crate) heartbeat: Duration,
    pub(crate) window: Duration,
    pub(crate) retention: Duration,
    pub(crate) without_provider: bool,
    /// Servers of this machine that tools may ask.
    pub(crate) outside: Outside,
    pub(crate) sandbox_time: Duration,
    /// Further tools, as if they were built in.
    pub(crate) tools: Vec<Arc<dyn Callable>>,
    /// Whether people sign in, and where they reach the server.
    pub(crate) access: Access,
    pub(crate) limits: LimitOptions,
    /// Where the limits are kept for several servers.
    pub(crate) shared_limits: Option<Shared>,
    /// How much memory sessions without a socket may hold.
    pub(crate) waiting_sessions: http::WaitingLimits,
}

impl Default for Options {
    fn default() -> Self {
        let window = CommitterOptions::default().window;
        let (heartbeat, retention) = (Duration::from_secs(15), Duration::from_hours(24));
        let (outside, sandbox_time) = (Outside::default(), SANDBOX_TIME);
        let access = Access::new(AuthMode::Open, None);
        Self {
            heartbeat,
            window,
            retention,
            without_provider: false,
            outside,
            sandbox_time,
            tools: Vec::new(),
            access,
            limits: LimitOptions::OPEN,
            shared_limits: None,
            waiting_sessions: http::WaitingLimits::default(),
        }
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let stored = TestStore::open().await;
        let metrics = Metrics::start(TestClock::default().now());
        let store = stored.store.clone().with_storage_limit(options.limits.storage);
        let clock = Arc::new(TestClock::default());
        store.ensure_user(LOCAL_USER, "You", clock.now()).await.unwrap();
        let (log, committing) = EventLog::open(store.clone(), CommitterOptions { window: options.window });
        tokio::spawn(committing);
        let (provider, script) = ScriptedProvider::new();
        let all: Vec<Arc<dyn weir_providers::Provider>> =
            if options.without_provider { vec![] } else { vec![provider] };
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_weir").into(), options.sandbox_time);
        let mut tools = weir_tools::builtin::all(Surroundings {
            history: Arc::new(StoredHistory::new(store.clone())),
            outside: options.outside,
            sandbox: sandbox.clone(),
        });
        tools.extend(options.tools);
        let tools = Registry::with_sandbox(tools, sandbox);
        let fleet = Fleet::new(Vec::new(), store.clone(), tools.clone(), Outside::default(), clock.clone());
        let runs = {
            Runs::new(store.clone(), log.clone(), Providers::new(all, None), tools, clock.clone(), APPROVAL_PATIENCE)
        };
        let closing = CancellationToken::new();
        tokio::spawn(options.access.watches().clone().keep(store.clone(), clock.clone()));
        let app = App::new(Parts {
            store,
            log,
            runs,
            sessions: http::Sessions::new(options.waiting_sessions),
            fleet,
            access: options.access,
            metrics,
            limits: Limits::new(options.limits, options.shared_limits, clock.clone()),
            clock: clock.clone(),
            hosts: vec!["weir.example".to_owned()],
            heartbeat: options.heartbeat,
            retention: options.retention,
            draining: CancellationToken::new(),
            contact: Contact::new(closing.clone()),
            closing,
            lifecycle: Lifecycle::default(),
        });
        Self { router: http::router(app.clone()), app, clock, script, stored }
    }

    /// Looks at what is measured, at most once a second of the test's own.
    pub(crate) fn sampler(&self) -> Sampler {
        let app = &self.app;
        let (runs, sessions) = (app.runs.clone(), app.sessions.clone());
        let sources = Sources { runs, sessions, store: app.store.clone(), clock: self.clock.clone() };
        Sampler::new(app.metrics.clone(), sources)
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let (head, body) = self.router().oneshot(request).await.unwrap().into_parts();
        let body = soon("the body", axum::body::to_bytes(Body::new(body), usize::MAX)).await.unwrap();
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(request(Method::GET, path, &[], None)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answered {
        self.send(request(Method::DELETE, path, &[], None)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answered {
        self.send(request(Method::POST, path, &[], Some(body))).await
    }

    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Answered {
        self.send(request(Method::POST, path, headers, Some(body))).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answered {
        self.send(request(Method::PATCH, path, &[], Some(body))).await
    }

    /// A request whose answer is a stream of events.
    pub(crate) async fn stream(&self, request: Request<Body>) -> Events {
        let (head, body) = self.router().oneshot(request).await.unwrap().into_parts();
        if head.status != 200 {
            let body = axum::body::to_bytes(Body::new(body), usize::MAX).await.unwrap();
            panic!("{}: {}", head.status, String::from_utf8_lossy(&body));
        }
        let body = Body::new(body).into_data_stream();
        Events { headers: head.headers, body, parser: EventParser::default(), heard: Vec::new().into_iter() }
    }

    /// Starts a run with this body.
    pub(crate) async fn start(&self, body: Value) -> Events {
        self.stream(request(Method::POST, "/api/realtime", &[], Some(body))).await
    }

    /// Starts a run in a new conversation.
    pub(crate) async fn ask(&self, prompt: &str) -> Events {
        self.start(json!({ "prompt": prompt })).await
    }

    /// A run in a new conversation that has ended with this answer; its whole log.
    pub(crate) async fn answered(&self, prompt: &str, answer: &str) -> (RunId, Vec<Event>) {
        let mut events = self.ask(prompt).await;
        let script = self.script.answers().await;
        script.say(answer);
        script.finish();
        (events.run(), events.rest().await)
    }

    /// Follows a run after event `after`.
    pub(crate) async fn follow(&self, run: RunId, after: u64) -> Events {
        self.stream(request(Method::GET, &format!("/api/realtime/{run}?after={after}"), &[], None)).await
    }

    /// Every message of a conversation, oldest first.
    pub(crate) async fn messages(&self, conversation: ConversationId) -> Vec<ChatMessage> {
        let page = self.get(&format!("/api/messages?conversationId={conversation}&limit=200")).await;
        let mut messages: weir_protocol::MessagePage = page.json(200);
        messages.items.reverse();
        messages.items
    }

    pub(crate) async fn conversation(&self, id: ConversationId) -> Conversation {
        self.get(&format!("/api/conversations/{id}")).await.json(200)
    }
}

/// A request with an optional JSON body.
pub(crate) fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        Some(body) => {
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
        }
        None => request.body(Body::empty()).unwrap(),
    }
}

/// A response whose body is whole.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        text_of(&self.headers, name)
    }

    /// The body of a response with this status.
    pub(crate) fn json<T: DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, which is a problem of this status and code in every part of its form.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem: Value = self.json(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["requestId"], self.header("x-request-id"));
        for text in ["type", "title", "detail"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {problem}");
        }
        problem
    }

    /// The fields that a 422 names, in its order.
    pub(crate) fn faults(&self, code: &str) -> Vec<String> {
        let problem = self.problem(422, code);
        let errors = problem["errors"].as_array().expect("errors").iter();
        errors
            .map(|error| {
                assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
                error["path"].as_str().unwrap().to_owned()
            })
            .collect()
    }
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// A stream of events under way.
pub(crate) struct Events {
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    parser: EventParser,
    heard: std::vec::IntoIter<Heard>,
}

impl Events {
    pub(crate) fn header(&self, name: &str) -> &str {
        text_of(&self.headers, name)
    }

    pub(crate) fn run(&self) -> RunId {
        self.header("weir-run-id").parse().unwrap()
    }

    pub(crate) fn conversation(&self) -> ConversationId {
        self.header("weir-conversation-id").parse().unwrap()
    }

    /// What comes next; none when the server has closed the stream.
    pub(crate) async fn heard(&mut self) -> Option<Heard> {
        loop {
            if let Some(heard) = self.heard.next() {
                return Some(heard);
            }
            let Some(bytes) = soon("the stream", self.body.next()).await else {
                assert!(self.parser.is_between_events(), "the stream was cut inside an event");
                return None;
            };
            self.heard = self.parser.push(&bytes.unwrap()).into_iter();
        }
    }

    /// The next event; none when the server has closed the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let next = async {
            loop {
                match self.heard().await? {
                    Heard::Event(event) => return Some(event),
                    Heard::Comment(_) => {}
                }
            }
        };
        // Pings alone are no progress.
        soon("an event", next).await
    }

    /// The next event, which must come.
    pub(crate) async fn event(&mut self) -> Event {
        self.next().await.expect("the stream goes on")
    }

    /// Every event until the server closes the stream.
    pub(crate) async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).unwrap_or_else(|| panic!("no {name} in {headers:?}")).to_str().unwrap()
}

/// What an event says.
pub(crate) trait Data {
    fn value(&self) -> Value;
    fn text(&self) -> String;
}

impl Data for Event {
    fn value(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    fn text(&self) -> String {
        assert_eq!(self.kind, "token", "{self:?}");
        self.value()["text"].as_str().unwrap().to_owned()
    }
}

/// The texts of all tokens, joined.
pub(crate) fn joined(events: &[Event]) -> String {
    events.iter().filter(|event| event.kind == "token").map(Data::text).collect()
}

pub(crate) fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// The last assistant message of a log, and its `done`; a log that ends otherwise fails the test.
pub(crate) fn ending(events: &[Event]) -> (Value, Value) {
    let [.., message, done] = events else { panic!("a log without an end: {events:?}") };
    assert_eq!((message.kind.as_str(), done.kind.as_str()), ("message", "done"));
    (message.value(), done.value())
}

/// The id of a message that a REST response shows.
pub(crate) fn message_id(value: &Value) -> MessageId {
    value["id"].as_str().unwrap().parse().unwrap()
}
