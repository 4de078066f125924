//! A provider that says what the test tells it to say, when the test tells it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use weir_protocol::{Model, ModelCapabilities, Usage};
use weir_providers::{
    Admission, ChatRequest, ContextPlace, EventStream, FinishedWith, Provider, ProviderError, ProviderErrorKind,
    ProviderEvent,
};

use crate::soon;

/// The provider's side: hand it to `Providers`.
#[derive(Debug)]
pub struct ScriptedProvider {
    state: Arc<State>,
    asked: mpsc::UnboundedSender<Asked>,
}

/// The test's side.
#[derive(Debug)]
pub struct Script {
    state: Arc<State>,
    asked: AsyncMutex<mpsc::UnboundedReceiver<Asked>>,
}

#[derive(Debug, Default)]
struct State {
    continues: AtomicBool,
    calls_tools: AtomicBool,
    missing: AtomicBool,
    full: Mutex<Option<Duration>>,
    places: Arc<()>,
}

/// A question on its way: the provider has not accepted it yet.
#[derive(Debug)]
pub struct Asked {
    /// What the run asks.
    pub request: ChatRequest,
    reply: oneshot::Sender<Result<mpsc::UnboundedReceiver<Said>, ProviderError>>,
}

#[derive(Debug)]
enum Said {
    Event(Result<ProviderEvent, ProviderError>),
    Panic,
}

/// An answer on its way. Dropping it breaks the stream off without a finish.
#[derive(Debug)]
pub struct Answer {
    /// What the run asked.
    pub request: ChatRequest,
    events: mpsc::UnboundedSender<Said>,
}

impl ScriptedProvider {
    /// A provider `scripted` with the models `one` and `two`, and the script that it follows. It continues partial answers.
    pub fn new() -> (Arc<Self>, Script) {
        let (asked, questions) = mpsc::unbounded_channel();
        let state = Arc::new(State { continues: AtomicBool::new(true), ..State::default() });
        let script = Script { state: state.clone(), asked: AsyncMutex::new(questions) };
        (Arc::new(Self { state, asked }), script)
    }
}

impl Script {
    /// The next question, accepted.
    pub async fn answers(&self) -> Answer {
        self.asked().await.accept()
    }

    /// The next question, to be accepted or refused.
    pub async fn asked(&self) -> Asked {
        let mut asked = self.asked.lock().await;
        soon("a question to the provider", asked.recv()).await.expect("the provider is there")
    }

    /// Whether a question waits.
    pub async fn is_asked(&self) -> bool {
        !self.asked.lock().await.is_empty()
    }

    /// From now on the models go on with a partial answer, or do not.
    pub fn set_continues(&self, continues: bool) {
        self.state.continues.store(continues, Ordering::SeqCst);
    }

    /// From now on the models call tools, or do not.
    pub fn set_calls_tools(&self, calls: bool) {
        self.state.calls_tools.store(calls, Ordering::SeqCst);
    }

    /// From now on the models are not available.
    pub fn take_models_away(&self) {
        self.state.missing.store(true, Ordering::SeqCst);
    }

    /// From now on the queue is full; a place may be free after `retry_after`.
    pub fn fill(&self, retry_after: Duration) {
        *self.state.full.lock().unwrap() = Some(retry_after);
    }

    /// How many places of the queue are taken.
    pub fn places_taken(&self) -> usize {
        Arc::strong_count(&self.state.places) - 1
    }
}

impl Asked {
    /// Lets the answer begin.
    pub fn accept(self) -> Answer {
        let (events, said) = mpsc::unbounded_channel();
        // The run may have been stopped while it asked.
        let _ = self.reply.send(Ok(said));
        Answer { request: self.request, events }
    }

    /// Refuses the question.
    pub fn refuse(self, error: ProviderError) {
        let _ = self.reply.send(Err(error));
    }

    /// Returns when the run does not wait for the provider's word any more.
    pub async fn given_up(&mut self) {
        soon("the question to be given up", self.reply.closed()).await;
    }
}

impl Answer {
    /// Says a piece of the answer.
    pub fn say(&self, text: &str) {
        self.send(Ok(ProviderEvent::Text(text.to_owned())));
    }

    /// Calls a tool with arguments as a model writes them.
    pub fn call(&self, name: &str, args: &str) {
        self.send(Ok(ProviderEvent::Call { name: name.to_owned(), args: args.to_owned() }));
    }

    /// Tells how many tokens there were so far.
    pub fn count(&self, input_tokens: u64, output_tokens: u64) {
        self.send(Ok(ProviderEvent::Usage(Usage { input_tokens, output_tokens })));
    }

    /// Ends the answer as a model does that has said everything.
    pub fn finish(self) {
        self.finish_with(FinishedWith::Stop);
    }

    /// Ends the answer.
    pub fn finish_with(self, with: FinishedWith) {
        self.send(Ok(ProviderEvent::Finished(with)));
    }

    /// Ends the answer with a failure.
    pub fn fail(self, kind: ProviderErrorKind, message: &str) {
        self.send(Err(ProviderError::new(kind, message)));
    }

    /// Panics where the run listens.
    pub fn panic(self) {
        let _ = self.events.send(Said::Panic);
    }

    /// Returns when the run has dropped the stream, which closes a real upstream's connection.
    pub async fn dropped(&self) {
        soon("the provider's stream to be dropped", self.events.closed()).await;
    }

    /// Whether the run still listens.
    pub fn is_heard(&self) -> bool {
        !self.events.is_closed()
    }

    fn send(&self, event: Result<ProviderEvent, ProviderError>) {
        // The run may have been stopped: then nobody listens.
        let _ = self.events.send(Said::Event(event));
    }
}

#[async_trait]
impl Provider for ScriptedProvider {
    fn id(&self) -> &'static str {
        "scripted"
    }

    async fn models(&self) -> Vec<Model> {
        let available = !self.state.missing.load(Ordering::SeqCst);
        let model = |name: &str| Model {
            id: format!("scripted/{name}"),
            name: format!("Scripted {name}"),
            provider: "scripted".to_owned(),
            default: false,
            available,
            demo: false,
            note: (!available).then(|| "The script has ended.".to_owned()),
            capabilities: ModelCapabilities { tools: self.calls_tools(name), continues: self.continues(name) },
            context_length: Some(8192),
        };
        vec![model("one"), model("two")]
    }

    fn admit(&self) -> Result<Admission, ProviderError> {
        match *self.state.full.lock().unwrap() {
            Some(after) => {
                let full = ProviderError::new(ProviderErrorKind::Overloaded, "All places are taken. Try again.");
                Err(full.retry_after(after))
            }
            None => Ok(Box::new(self.state.places.clone())),
        }
    }

    fn calls_tools(&self, _: &str) -> bool {
        self.state.calls_tools.load(Ordering::SeqCst)
    }

    fn continues(&self, _: &str) -> bool {
        self.state.continues.load(Ordering::SeqCst)
    }

    async fn stream(&self, mut request: ChatRequest) -> Result<EventStream, ProviderError> {
        // The script keeps the request for longer than a provider does.
        request.place = ContextPlace::default();
        let (reply, accepted) = oneshot::channel();
        let gone = || ProviderError::new(ProviderErrorKind::Unreachable, "The script has ended.");
        self.asked.send(Asked { request, reply }).map_err(|_| gone())?;
        let said = accepted.await.map_err(|_| gone())??;
        Ok(Box::pin(stream::unfold(said, |mut said| async move {
            match said.recv().await? {
                Said::Event(event) => Some((event, said)),
                Said::Panic => panic!("the test wants it"),
            }
        })))
    }
}
