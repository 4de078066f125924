//! A thread for the sockets of model servers, which looks at them once per window instead of once per token.
//!
//! A token that arrives wakes whoever waits for its socket; with many answers under way that costs more than the token itself.
//! What is said within a window is shown together anyway, so the thread rests after it has handed over what had come, and
//! the kernel gathers meanwhile. It never rests long while an answer has said nothing yet: first tokens are not held back.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{Stream, StreamExt as _, future::poll_fn};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use weir_protocol::Model;

use crate::{Admission, ChatRequest, EventStream, Provider, ProviderError, ProviderErrorKind, ProviderEvent};

/// The longest rest while an answer has said nothing yet.
const SHORT_REST: Duration = Duration::from_millis(1);

/// Bytes of text of one answer that wait for whoever reads it; then its server has to wait.
const MAILBOX_BYTES: usize = 256 * 1024;

type Event = Result<ProviderEvent, ProviderError>;

/// The thread. It ends when this is dropped, and with it every answer that is still under way.
#[derive(Debug)]
pub struct Pacer {
    looks: Arc<Looks>,
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Pacer {
    /// Starts the thread. It rests for `pace` after each look that found something.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(pace: Duration) -> io::Result<Self> {
        let looks = Arc::new(Looks { pace, speechless: AtomicUsize::new(0), said: Mutex::default() });
        let at_park = looks.clone();
        let rest = move || {
            if let Some(rest) = at_park.hand_over() {
                // Whoever cannot wait unparks the thread.
                thread::park_timeout(rest);
            }
        };
        let runtime = Builder::new_current_thread().enable_all().on_thread_park(rest).build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("upstreams".to_owned()).spawn(move || {
            runtime.block_on(stopped.cancelled());
            // A name that is still being looked up holds up nobody.
            runtime.shutdown_background();
        })?;
        Ok(Self { looks, runtime: handle, thread: Some(thread), stop })
    }

    /// The same provider, its streams read by the thread.
    pub fn pace(&self, provider: Arc<dyn Provider>) -> Arc<dyn Provider> {
        let thread = self.thread.as_ref().map(|thread| thread.thread().clone());
        Arc::new(Paced { provider, looks: self.looks.clone(), runtime: self.runtime.clone(), thread })
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It catches the panics of its tasks and has none of its own.
            let _ = thread.join();
        }
    }
}

/// When the thread looks at its sockets, and who has to hear what it found.
#[derive(Debug)]
struct Looks {
    pace: Duration,
    /// Answers that have said nothing yet.
    speechless: AtomicUsize,
    /// Mailboxes with something new since the last rest.
    said: Mutex<Vec<Arc<Mailbox>>>,
}

impl Looks {
    /// Hands over what was found, and says how long the thread may rest now; `None` when nothing was found. Called when
    /// the thread has nothing left to do.
    fn hand_over(&self) -> Option<Duration> {
        let said = std::mem::take(&mut *lock(&self.said));
        if said.is_empty() {
            return None;
        }
        // All at once: then the readers' thread wakes up once as well.
        let readers: Vec<_> = said.iter().filter_map(|mailbox| mailbox.take_reader()).collect();
        readers.into_iter().for_each(Waker::wake);
        let speechless = self.speechless.load(Ordering::Relaxed) > 0;
        Some(if speechless { SHORT_REST.min(self.pace) } else { self.pace })
    }
}

/// Counts an answer that has said nothing yet.
struct Speechless(Arc<Looks>);

impl Speechless {
    fn new(looks: &Arc<Looks>) -> Self {
        looks.speechless.fetch_add(1, Ordering::Relaxed);
        Self(looks.clone())
    }
}

impl Drop for Speechless {
    fn drop(&mut self) {
        self.0.speechless.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one answer has said and nobody has read yet.
#[derive(Debug)]
struct Mailbox {
    looks: Weak<Looks>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    events: VecDeque<Event>,
    bytes: usize,
    /// Nothing comes any more.
    ended: bool,
    /// The reader will be told at the next rest.
    announced: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Mailbox {
    fn new(looks: &Arc<Looks>) -> Arc<Self> {
        Arc::new(Self { looks: Arc::downgrade(looks), inside: Mutex::default() })
    }

    /// Puts an event in; successive texts become one.
    fn put(self: &Arc<Self>, event: Event) {
        let mut inside = lock(&self.inside);
        match (inside.events.back_mut(), event) {
            (Some(Ok(ProviderEvent::Text(last))), Ok(ProviderEvent::Text(text))) => {
                last.push_str(&text);
                inside.bytes += text.len();
            }
            (_, event) => {
                if let Ok(ProviderEvent::Text(text)) = &event {
                    inside.bytes += text.len();
                }
                inside.events.push_back(event);
            }
        }
        self.announce(inside);
    }

    fn end(self: &Arc<Self>) {
        let mut inside = lock(&self.inside);
        inside.ended = true;
        self.announce(inside);
    }

    fn announce(self: &Arc<Self>, mut inside: MutexGuard<'_, Inside>) {
        if !std::mem::replace(&mut inside.announced, true)
            && let Some(looks) = self.looks.upgrade()
        {
            drop(inside);
            lock(&looks.said).push(self.clone());
        }
    }

    /// Who is to be woken now, if anybody waits.
    fn take_reader(&self) -> Option<Waker> {
        let mut inside = lock(&self.inside);
        inside.announced = false;
        inside.reader.take()
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut inside = lock(&self.inside);
        if inside.bytes < MAILBOX_BYTES {
            return Poll::Ready(());
        }
        inside.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        let mut inside = lock(&self.inside);
        let Some(event) = inside.events.pop_front() else {
            if inside.ended {
                return Poll::Ready(None);
            }
            if !inside.reader.as_ref().is_some_and(|reader| reader.will_wake(context.waker())) {
                inside.reader = Some(context.waker().clone());
            }
            return Poll::Pending;
        };
        if let Ok(ProviderEvent::Text(text)) = &event {
            inside.bytes -= text.len();
        }
        if let Some(writer) = inside.writer.take() {
            drop(inside);
            writer.wake();
        }
        Poll::Ready(Some(event))
    }
}

/// However the task of an answer comes to its end, its reader hears of it.
struct Ending(Arc<Mailbox>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Paced {
    provider: Arc<dyn Provider>,
    looks: Arc<Looks>,
    runtime: Handle,
    thread: Option<Thread>,
}

#[async_trait]
impl Provider for Paced {
    fn id(&self) -> &'static str {
        self.provider.id()
    }

    async fn models(&self) -> Vec<Model> {
        // Its connections serve questions later on and belong to the thread, too.
        let (provider, speechless) = (self.provider.clone(), Speechless::new(&self.looks));
        let asking = self.runtime.spawn(async move {
            let _speechless = speechless;
            provider.models().await
        });
        self.hurry();
        asking.await.unwrap_or_default()
    }

    fn admit(&self) -> Result<Admission, ProviderError> {
        self.provider.admit()
    }

    fn calls_tools(&self, model: &str) -> bool {
        self.provider.calls_tools(model)
    }

    fn continues(&self, model: &str) -> bool {
        self.provider.continues(model)
    }

    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError> {
        let mailbox = Mailbox::new(&self.looks);
        let (opened, opening) = oneshot::channel();
        let task = self.runtime.spawn(fill(
            Ending(mailbox.clone()),
            Speechless::new(&self.looks),
            self.provider.clone(),
            request,
            opened,
            Span::current(),
        ));
        let stream = PacedStream { mailbox, task: task.abort_handle(), thread: self.thread.clone() };
        self.hurry();
        let failed = || ProviderError::new(ProviderErrorKind::Broken, "The connection to the model's server was lost.");
        opening.await.unwrap_or_else(|_| Err(failed()))?;
        Ok(Box::pin(stream))
    }
}

impl Paced {
    fn hurry(&self) {
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

/// Asks, and puts what comes into the mailbox.
async fn fill(
    ending: Ending,
    speechless: Speechless,
    provider: Arc<dyn Provider>,
    request: ChatRequest,
    opened: oneshot::Sender<Result<(), ProviderError>>,
    asked_in: Span,
) {
    let mut stream = match provider.stream(request).instrument(asked_in).await {
        Ok(stream) => stream,
        Err(error) => {
            // Whoever asked may have gone.
            let _ = opened.send(Err(error));
            return;
        }
    };
    if opened.send(Ok(())).is_err() {
        return;
    }
    let mut speechless = Some(speechless);
    while let Some(event) = stream.next().await {
        ending.0.put(event);
        speechless = None;
        poll_fn(|context| ending.0.poll_room(context)).await;
    }
    drop(speechless);
}

/// An answer that the thread reads.
struct PacedStream {
    mailbox: Arc<Mailbox>,
    task: AbortHandle,
    thread: Option<Thread>,
}

impl Stream for PacedStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.mailbox.poll_next(context)
    }
}

impl Drop for PacedStream {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole after every statement; a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
