//! The embedded model as a provider.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::Stream;
use tokio::{
    io::AsyncReadExt,
    sync::{Mutex, Semaphore, mpsc::UnboundedReceiver},
    time::Instant,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use uuid::Uuid;
use weir_protocol::{Model, ModelCapabilities, Role, Usage};

use super::{
    child::{Ending, Engine},
    crash_loop::CrashLoop,
    frame::{Ask, EndReason, FrameTurn, Report},
    options::{EmbeddedOptions, EngineLimits},
    processor::missing_instructions,
    trim::left_out,
};
use crate::{
    Admission, ChatRequest, EventStream, FinishedWith, Provider, ProviderError, ProviderErrorKind, ProviderEvent, Turn,
    model_file::{DEMO_MODEL, ModelSource, is_demo_model, model_id, model_name},
};

/// The prefix of the model's id.
const ID: &str = "local";
/// More text than this is not sent to the engine: its oldest messages are left out first. Far more than the model can hold.
const HISTORY_BYTES: usize = 64 * 1024;
/// The steps of [`HISTORY_BYTES`]; see [`left_out`].
const TRIM_STEP_BYTES: usize = 16 * 1024;
/// How long an answer takes as long as none was measured.
const FIRST_GUESS: Duration = Duration::from_secs(8);

/// The embedded model. Dropping it ends the engine's process.
pub struct EmbeddedProvider {
    options: EmbeddedOptions,
    seats: Arc<Semaphore>,
    engine: Mutex<Slot>,
    counters: Arc<Counters>,
    next_id: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// The engine that runs or ran last, and what is known about those before it.
#[derive(Default)]
struct Slot {
    engine: Option<Arc<Engine>>,
    crashes: CrashLoop,
}

/// What the embedded model has done since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// The id of the engine's process, while there is one.
    pub process: Option<u32>,
    /// Answers that are being written or wait in the engine.
    pub open_answers: usize,
    /// How often an engine was started.
    pub starts: u64,
    /// How often one crashed.
    pub crashes: u64,
    /// Tokens of all prompts.
    pub input_tokens: u64,
    /// Those of them that were still known from an earlier question.
    pub reused_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// The countable part of [`EngineStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    starts: AtomicU64,
    crashes: AtomicU64,
    input: AtomicU64,
    reused: AtomicU64,
    output: AtomicU64,
    /// A moving average of how long an answer takes, in milliseconds; 0 before the first.
    answer_millis: AtomicU64,
}

impl Counters {
    pub(super) fn crashed(&self) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn accepted(&self, input: u32) {
        self.input.fetch_add(input.into(), Ordering::Relaxed);
    }

    pub(super) fn ended(&self, reused: u32, output: u32) {
        self.reused.fetch_add(reused.into(), Ordering::Relaxed);
        self.output.fetch_add(output.into(), Ordering::Relaxed);
    }

    fn answered_in(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let before = self.answer_millis.load(Ordering::Relaxed);
        let now = if before == 0 { millis } else { before - before / 4 + millis / 4 };
        // Two at once may lose one of them: it is an estimate.
        self.answer_millis.store(now, Ordering::Relaxed);
    }

    /// When the next of the slots will be free, roughly.
    fn next_free(&self) -> Duration {
        let millis = match self.answer_millis.load(Ordering::Relaxed) {
            0 => FIRST_GUESS,
            millis => Duration::from_millis(millis),
        };
        let slots = u32::try_from(EngineLimits::SLOTS).unwrap_or(1);
        (millis / slots).clamp(Duration::from_secs(1), Duration::from_mins(1))
    }
}

impl EmbeddedProvider {
    /// A provider that starts its engine on the first question.
    pub fn new(options: EmbeddedOptions) -> Self {
        let stop = CancellationToken::new();
        Self {
            options,
            seats: Arc::new(Semaphore::new(EngineLimits::SLOTS + EngineLimits::WAITING)),
            engine: Mutex::default(),
            counters: Arc::default(),
            next_id: AtomicU64::new(1),
            tasks: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Ends the engine's process and waits for its end. Answers on their way end with
    /// [`ProviderErrorKind::Crashed`]; so drain first. No engine is started any more.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What it has done so far.
    pub async fn stats(&self) -> EngineStats {
        let slot = self.engine.lock().await;
        let counters = &self.counters;
        EngineStats {
            process: slot.engine.as_ref().and_then(|engine| engine.process()),
            open_answers: slot.engine.as_ref().map_or(0, |engine| engine.answers()),
            starts: counters.starts.load(Ordering::Relaxed),
            crashes: counters.crashes.load(Ordering::Relaxed),
            input_tokens: counters.input.load(Ordering::Relaxed),
            reused_tokens: counters.reused.load(Ordering::Relaxed),
            output_tokens: counters.output.load(Ordering::Relaxed),
        }
    }

    /// The model's file, if it can be used now.
    async fn usable_model(&self) -> Result<PathBuf, ProviderError> {
        let not_ready = |message: String| ProviderError::new(ProviderErrorKind::NotReady, message);
        let Some(path) = self.options.model.path() else {
            return Err(not_ready("The local model is switched off (WEIR_LOCAL_MODEL=off).".to_owned()));
        };
        if let Some(missing) = missing_instructions() {
            return Err(not_ready(format!(
                "This machine's processor cannot run the local model: it lacks {missing}. Set OPENAI_BASE_URL to a server that \
                 can."
            )));
        }
        match first_bytes(&path).await {
            Ok(bytes) if &bytes == b"GGUF" => Ok(path),
            Ok(_) => Err(not_ready(format!(
                "{} is not a GGUF file. Run `weir model pull`, or set WEIR_LOCAL_MODEL to a GGUF file.",
                path.display()
            ))),
            Err(_) => Err(not_ready(match self.options.model {
                ModelSource::Pulled { .. } => {
                    "The local model is not there yet. Run `weir model pull` (93 MB); no restart is needed.".to_owned()
                }
                _ => format!("{} cannot be read. WEIR_LOCAL_MODEL must be the path of a GGUF file.", path.display()),
            })),
        }
    }

    /// The running engine, or a fresh one.
    async fn engine(&self, model: &Path) -> Result<Arc<Engine>, ProviderError> {
        let not_ready = |message: String| ProviderError::new(ProviderErrorKind::NotReady, message);
        let mut slot = self.engine.lock().await;
        if let Some(engine) = &slot.engine {
            if engine.is_open() {
                return Ok(engine.clone());
            }
            if let Some(Ending::Crashed(at)) = engine.ending() {
                let at = *at;
                slot.crashes.crashed(at);
            }
            slot.engine = None;
        }
        if let Some(pause) = slot.crashes.pause(Instant::now()) {
            let message = "The local model's engine has crashed several times in a row; it is left alone for a moment. The \
                           server's log says more.";
            return Err(not_ready(message.to_owned()).retry_after(pause));
        }
        if self.stop.is_cancelled() {
            return Err(not_ready("The server is shutting down.".to_owned()));
        }
        let engine = Engine::start(&self.options, model, self.counters.clone(), self.stop.clone(), &self.tasks)
            .map_err(|error| not_ready(format!("The local model's engine cannot be started: {error}.")))?;
        self.counters.starts.fetch_add(1, Ordering::Relaxed);
        slot.engine = Some(engine.clone());
        Ok(engine)
    }

    /// Asks the engine, a fresh one if the running one has just come to its end.
    async fn ask(&self, model: &Path, ask: Ask) -> Result<(Arc<Engine>, UnboundedReceiver<Report>), ProviderError> {
        let mut engine = self.engine(model).await?;
        for _ in 0..2 {
            if let Some(reports) = engine.ask(ask.clone()) {
                return Ok((engine, reports));
            }
            engine = self.engine(model).await?;
        }
        Err(engine.broken_off())
    }

    fn describe(path: &Path, note: Option<String>) -> Model {
        Model {
            id: format!("{ID}/{}", model_id(path)),
            name: model_name(path),
            provider: ID.to_owned(),
            default: false,
            available: note.is_none(),
            demo: is_demo_model(path),
            note: note.or_else(|| {
                is_demo_model(path).then(|| {
                    "A small demonstration model: real and private, but often wrong. For better answers set OPENAI_BASE_URL or \
                     WEIR_LOCAL_MODEL."
                        .to_owned()
                })
            }),
            capabilities: ModelCapabilities { tools: false, continues: true },
            context_length: u32::try_from(EngineLimits::SLOT_TOKENS).ok(),
        }
    }
}

#[async_trait]
impl Provider for EmbeddedProvider {
    fn id(&self) -> &'static str {
        ID
    }

    async fn models(&self) -> Vec<Model> {
        match self.usable_model().await {
            Ok(path) => vec![Self::describe(&path, None)],
            Err(error) => {
                let path = self.options.model.path();
                path.map(|path| Self::describe(&path, Some(error.message))).into_iter().collect()
            }
        }
    }

    fn admit(&self) -> Result<Admission, ProviderError> {
        match self.seats.clone().try_acquire_owned() {
            Ok(seat) => Ok(Box::new(seat)),
            Err(_) => Err(ProviderError::new(
                ProviderErrorKind::Overloaded,
                "The local model is answering as many questions as it can, and as many as may are waiting. Try again shortly.",
            )
            .retry_after(self.counters.next_free())),
        }
    }

    /// A model of its size calls wrongly more often than rightly.
    fn calls_tools(&self, _model: &str) -> bool {
        false
    }

    fn continues(&self, _model: &str) -> bool {
        true
    }

    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError> {
        let path = self.usable_model().await?;
        let there = model_id(&path);
        if request.model != there {
            return Err(ProviderError::new(
                ProviderErrorKind::ModelNotFound,
                format!("There is no local model {}; the local model is {there}.", request.model),
            ));
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let ask = Ask {
            id,
            conversation: request.conversation.to_string(),
            turns: within_bytes(request.turns)?,
            partial: request.partial.filter(|partial| !partial.is_empty()),
            seed: self.options.seed.unwrap_or_else(any_seed),
        };
        drop(request.place);
        let asked = Instant::now();
        let (engine, reports) = self.ask(&path, ask).await?;
        let counters = self.counters.clone();
        let mut answer =
            Answer { id, asked, reports, engine, counters, input_tokens: 0, ready: VecDeque::new(), over: false };
        answer.accepted().await?;
        Ok(Box::pin(answer))
    }
}

/// Leaves out the oldest messages beyond [`HISTORY_BYTES`], except the instructions at the beginning.
fn within_bytes(turns: Vec<Turn>) -> Result<Vec<FrameTurn>, ProviderError> {
    let mut turns: Vec<FrameTurn> =
        turns.into_iter().map(|turn| FrameTurn { role: turn.role, content: turn.content }).collect();
    let instructions = turns.iter().take_while(|turn| turn.role == Role::System).count();
    let sizes: Vec<usize> = turns[instructions..].iter().map(|turn| turn.content.len()).collect();
    let first = left_out(&sizes, HISTORY_BYTES, TRIM_STEP_BYTES);
    turns.drain(instructions..instructions + first);
    let stays: usize = turns.iter().map(|turn| turn.content.len()).sum();
    if stays > 2 * HISTORY_BYTES || sizes.last().is_some_and(|last| *last > HISTORY_BYTES) {
        return Err(ProviderError::new(
            ProviderErrorKind::ContextTooLong,
            format!(
                "This message is too long for the local model: about {} words fit. Shorten it, or choose another model.",
                EngineLimits::PROMPT_TOKENS * 3 / 4
            ),
        ));
    }
    Ok(turns)
}

/// The first four bytes of a file.
async fn first_bytes(path: &Path) -> std::io::Result<[u8; 4]> {
    let mut bytes = [0; 4];
    tokio::fs::File::open(path).await?.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A seed out of the random bits of a UUID.
fn any_seed() -> u32 {
    let (_, low) = Uuid::now_v7().as_u64_pair();
    u32::try_from(low & u64::from(u32::MAX)).unwrap_or_default()
}

/// One answer as it comes. Dropping it ends it in the engine.
struct Answer {
    id: u64,
    asked: Instant,
    reports: UnboundedReceiver<Report>,
    engine: Arc<Engine>,
    counters: Arc<Counters>,
    input_tokens: u32,
    ready: VecDeque<ProviderEvent>,
    over: bool,
}

impl Answer {
    /// Waits until the engine has taken the question.
    async fn accepted(&mut self) -> Result<(), ProviderError> {
        match self.reports.recv().await {
            Some(Report::Accepted { input_tokens, .. }) => {
                self.input_tokens = input_tokens;
                self.ready.push_back(self.usage(0));
                Ok(())
            }
            Some(Report::Refused { message, .. }) => {
                self.over = true;
                Err(ProviderError::new(ProviderErrorKind::ContextTooLong, message))
            }
            Some(_) | None => {
                self.over = true;
                Err(self.engine.broken_off())
            }
        }
    }

    fn usage(&self, output_tokens: u32) -> ProviderEvent {
        ProviderEvent::Usage(Usage { input_tokens: self.input_tokens.into(), output_tokens: output_tokens.into() })
    }

    fn ended(&mut self, finished: FinishedWith, output_tokens: u32) {
        self.over = true;
        self.counters.answered_in(self.asked.elapsed());
        self.ready.push_back(self.usage(output_tokens));
        self.ready.push_back(ProviderEvent::Finished(finished));
    }
}

impl Stream for Answer {
    type Item = Result<ProviderEvent, ProviderError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if this.over {
                return Poll::Ready(None);
            }
            match ready!(this.reports.poll_recv(context)) {
                Some(Report::Text { text, .. }) => return Poll::Ready(Some(Ok(ProviderEvent::Text(text)))),
                Some(Report::Ended { reason: EndReason::Stop, output_tokens, .. }) => {
                    this.ended(FinishedWith::Stop, output_tokens);
                }
                Some(Report::Ended { reason: EndReason::Length, output_tokens, .. }) => {
                    this.ended(FinishedWith::Length, output_tokens);
                }
                Some(_) | None => {
                    this.over = true;
                    return Poll::Ready(Some(Err(this.engine.broken_off())));
                }
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.over {
            self.engine.cancel(self.id);
        }
    }
}

// The number of a download that the note names must stay the artifact's.
const _: () = assert!(DEMO_MODEL.wheel_bytes.div_ceil(1_000_000) == 93);
