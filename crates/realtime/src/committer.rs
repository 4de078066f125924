//! The coalescing committer: what all runs of the process say in one window becomes one commit, and only then is shown.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use weir_protocol::{MessageId, RunId, Seq, StreamChunk, Token};
use weir_store::{Backoff, Lease, LogId, NewEvent, RunAppend, RunEnd, Stopped, Store, StoreError};

use crate::{
    Encoded, Frame,
    bell::{Outbox, Topic},
    feed::{Feeds, Writing},
    measure::{COMMIT, COMMIT_EVENTS, COMMIT_FAILURES, size},
};

/// How the committer works.
#[derive(Clone, Copy, Debug)]
pub struct CommitterOptions {
    /// The least time from one commit to the next, during which small tokens are gathered. The first token of a run does
    /// not wait.
    pub window: Duration,
}

impl Default for CommitterOptions {
    fn default() -> Self {
        Self { window: Duration::from_millis(25) }
    }
}

/// The run was taken over, deleted or ended by somebody else: nothing more can be appended under this lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run's lease is lost")]
pub struct LostLease;

/// Messages that wait for the committer. A full queue slows the runs down, never the readers.
const QUEUE: usize = 1024;
/// Bytes of text that one token event carries at most.
const TOKEN_BYTES: usize = 16 * 1024;
/// Runs that were woken together speak together: how long a token that comes after a pause waits for the others.
const SETTLE: Duration = Duration::from_millis(1);
#[derive(Debug)]
enum Entry {
    Open { lease: Lease, feed: Writing, lost: CancellationToken },
    Text { lease: Lease, message: MessageId, text: String },
    Event { lease: Lease, event: Encoded },
    End { lease: Lease, events: Vec<Encoded>, end: Box<RunEnd>, committed: oneshot::Sender<()> },
    Flush { committed: oneshot::Sender<()> },
    Close { lease: Lease },
}

/// Appends to one run's log. Dropping it appends nothing more; the run then waits for somebody to take it over.
#[derive(Debug)]
pub struct LogWriter {
    lease: Lease,
    queue: mpsc::Sender<Entry>,
    hurry: Arc<Notify>,
    lost: CancellationToken,
    spoken: bool,
}

impl LogWriter {
    /// Waits for room for one event, which is there unless the committer is far behind. Dropping the future appends nothing.
    ///
    /// # Errors
    /// [`LostLease`]; what was appended before may be committed or not.
    pub async fn reserve(&mut self) -> Result<EventSlot<'_>, LostLease> {
        if self.lost.is_cancelled() {
            return Err(LostLease);
        }
        let room = self.queue.reserve().await.map_err(|_| LostLease)?;
        Ok(EventSlot { lease: self.lease, room, hurry: &self.hurry, spoken: &mut self.spoken })
    }

    /// Appends a piece of the answer. Waits only while the committer is far behind.
    ///
    /// # Errors
    /// [`LostLease`]; what was appended before may be committed or not.
    pub async fn text(&mut self, message: MessageId, text: String) -> Result<(), LostLease> {
        self.reserve().await?.text(message, text);
        Ok(())
    }

    /// Appends the last events, `done` being the very last, together with what becomes of the run; returns when they
    /// are committed and shown.
    ///
    /// # Errors
    /// [`LostLease`]; then nothing of it is committed.
    pub async fn end(self, events: Vec<Encoded>, end: RunEnd) -> Result<(), LostLease> {
        let (committed, answer) = oneshot::channel();
        self.send(Entry::End { lease: self.lease, events, end: Box::new(end), committed }).await?;
        self.hurry.notify_one();
        answer.await.map_err(|_| LostLease)
    }

    /// Returns when everything appended so far is committed and shown.
    ///
    /// # Errors
    /// [`LostLease`].
    pub async fn flush(&self) -> Result<(), LostLease> {
        let (committed, answer) = oneshot::channel();
        self.send(Entry::Flush { committed }).await?;
        self.hurry.notify_one();
        answer.await.map_err(|_| LostLease)?;
        if self.lost.is_cancelled() { Err(LostLease) } else { Ok(()) }
    }

    /// Resolves when the lease is lost.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        self.lost.clone().cancelled_owned()
    }

    async fn send(&self, entry: Entry) -> Result<(), LostLease> {
        if self.lost.is_cancelled() {
            return Err(LostLease);
        }
        self.queue.send(entry).await.map_err(|_| LostLease)
    }
}

/// Room for one event of a run.
#[derive(Debug)]
pub struct EventSlot<'w> {
    lease: Lease,
    room: mpsc::Permit<'w, Entry>,
    hurry: &'w Notify,
    spoken: &'w mut bool,
}

impl EventSlot<'_> {
    /// Appends a piece of the answer.
    pub fn text(self, message: MessageId, text: String) {
        self.room.send(Entry::Text { lease: self.lease, message, text });
        if !*self.spoken {
            *self.spoken = true;
            self.hurry.notify_one();
        }
    }

    /// Appends an event that is not a token; it does not wait for the window.
    pub fn event(self, event: Encoded) {
        self.room.send(Entry::Event { lease: self.lease, event });
        self.hurry.notify_one();
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let close = Entry::Close { lease: self.lease };
        if let Err(mpsc::error::TrySendError::Full(close)) = self.queue.try_send(close) {
            let queue = self.queue.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { queue.send(close).await });
            }
        }
    }
}

/// Where writers hand in their events.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    queue: mpsc::Sender<Entry>,
    hurry: Arc<Notify>,
    feeds: Arc<Feeds>,
}

impl Intake {
    pub(crate) async fn writer(&self, lease: Lease) -> Result<LogWriter, LostLease> {
        let lost = CancellationToken::new();
        let open =
            Entry::Open { lease, feed: self.feeds.of(Topic::Log(LogId::Run(lease.run))).write(), lost: lost.clone() };
        self.queue.send(open).await.map_err(|_| LostLease)?;
        let (queue, hurry) = (self.queue.clone(), self.hurry.clone());
        Ok(LogWriter { lease, queue, hurry, lost, spoken: false })
    }
}

/// Starts the committer. It ends when no [`Intake`] and no [`LogWriter`] is left and all is committed. After `stop` it commits
/// nothing more: what is not committed then is refused.
pub(crate) fn start(
    store: Store,
    feeds: Arc<Feeds>,
    options: CommitterOptions,
    outbox: Option<Arc<Outbox>>,
    stop: CancellationToken,
) -> (Intake, impl Future<Output = ()>) {
    let (queue, entries) = mpsc::channel(QUEUE);
    let hurry = Arc::new(Notify::new());
    let committer = Committer { store, options, entries, hurry: hurry.clone(), runs: HashMap::new(), outbox, stop };
    (Intake { queue, hurry, feeds }, committer.work())
}

struct Committer {
    store: Store,
    options: CommitterOptions,
    entries: mpsc::Receiver<Entry>,
    hurry: Arc<Notify>,
    runs: HashMap<RunId, Open>,
    /// Where other instances are told of it, if there may be some.
    outbox: Option<Arc<Outbox>>,
    /// A database that fails is tried no longer.
    stop: CancellationToken,
}

/// A run that is written here.
struct Open {
    lease: Lease,
    feed: Writing,
    lost: CancellationToken,
}

/// What one window has gathered.
#[derive(Default)]
struct Window {
    /// In the order of the runs' ids, so that a commit's rows are written in the order of the index.
    runs: BTreeMap<RunId, Gathered>,
    flushed: Vec<oneshot::Sender<()>>,
    closed: Vec<Lease>,
}

#[derive(Default)]
struct Gathered {
    events: Vec<Gathering>,
    end: Option<(RunEnd, oneshot::Sender<()>)>,
}

/// An event without its number.
enum Gathering {
    /// It still grows.
    Token(Token),
    Whole(Encoded),
}

impl Committer {
    async fn work(mut self) {
        let mut last_commit = Instant::now();
        while let Some(entry) = self.entries.recv().await {
            let due = (last_commit + self.options.window).max(Instant::now() + SETTLE);
            tokio::select! {
                biased;
                () = self.hurry.notified() => {}
                () = sleep_until(due) => {}
            }
            last_commit = Instant::now();
            let mut window = Window::default();
            self.gather(&mut window, entry);
            for _ in 0..QUEUE {
                let Ok(entry) = self.entries.try_recv() else { break };
                self.gather(&mut window, entry);
            }
            self.commit(window).await;
        }
    }

    fn gather(&mut self, window: &mut Window, entry: Entry) {
        match entry {
            Entry::Open { lease, feed, lost } => self.open(window, lease, feed, lost),
            Entry::Text { lease, message, text } => {
                if let Some(gathered) = self.gathered(window, lease) {
                    push_text(&mut gathered.events, message, text);
                }
            }
            Entry::Event { lease, event } => {
                if let Some(gathered) = self.gathered(window, lease) {
                    gathered.events.push(Gathering::Whole(event));
                }
            }
            Entry::End { lease, events, end, committed } => {
                if let Some(gathered) = self.gathered(window, lease) {
                    gathered.events.extend(events.into_iter().map(Gathering::Whole));
                    gathered.end = Some((*end, committed));
                }
            }
            Entry::Flush { committed } => window.flushed.push(committed),
            Entry::Close { lease } => window.closed.push(lease),
        }
    }

    /// Lets a lease write. Whoever wrote under an older one in this process is shut out, with all that is not committed.
    fn open(&mut self, window: &mut Window, lease: Lease, feed: Writing, lost: CancellationToken) {
        if self.runs.get(&lease.run).is_some_and(|open| open.lease.epoch > lease.epoch) {
            return lost.cancel();
        }
        window.runs.remove(&lease.run);
        if let Some(older) = self.runs.insert(lease.run, Open { lease, feed, lost }) {
            older.lost.cancel();
        }
    }

    /// Where the events of this lease are gathered, while it is the one that writes here.
    fn gathered<'w>(&self, window: &'w mut Window, lease: Lease) -> Option<&'w mut Gathered> {
        let open = self.runs.get(&lease.run).filter(|open| open.lease.epoch == lease.epoch)?;
        (!open.lost.is_cancelled()).then(|| window.runs.entry(lease.run).or_default())
    }

    async fn commit(&mut self, mut window: Window) {
        let (batch, mut acknowledge) = self.batch(&mut window);
        if !batch.is_empty() {
            let began = Instant::now();
            let refused = append(&self.store, &batch, &self.stop).await.unwrap_or_else(|Stopped| {
                tracing::error!(runs = batch.len(), "the server stops: the newest events are not committed");
                batch.iter().map(|run| run.run).collect()
            });
            COMMIT.record(began.elapsed());
            COMMIT_EVENTS.record(size(batch.iter().map(|run| run.events.len()).sum()));
            for run in &batch {
                let Some(open) = self.runs.get_mut(&run.run) else { continue };
                if refused.contains(&run.run) {
                    open.lost.cancel();
                    acknowledge.remove(&run.run);
                    // The run may be gone, and its readers wait for an end that nobody writes.
                    open.feed.ring();
                    continue;
                }
                if let Some(last) = run.events.last() {
                    open.lease.next = last.seq.next();
                }
                let log = LogId::Run(run.run);
                let frame =
                    |event: &NewEvent| Frame::new(event.seq, event.kind, &event.data, log.is_terminal(event.kind));
                let frames = run.events.iter().map(frame).collect();
                open.feed.publish(frames);
                if let (Some(outbox), Some(last)) = (&self.outbox, run.events.last()) {
                    outbox.put(Topic::Log(log), last.seq);
                }
            }
        }
        for committed in acknowledge.into_values().chain(window.flushed) {
            // Nobody waits any more: then nobody needs to know.
            let _ = committed.send(());
        }
        for lease in window.closed {
            // Whoever took the run over in this process keeps it open.
            if self.runs.get(&lease.run).is_some_and(|open| open.lease.epoch == lease.epoch) {
                self.runs.remove(&lease.run);
            }
        }
    }

    /// Numbers the events.
    fn batch(&self, window: &mut Window) -> (Vec<RunAppend>, HashMap<RunId, oneshot::Sender<()>>) {
        let mut acknowledge = HashMap::new();
        let mut batch = Vec::with_capacity(window.runs.len());
        for (run, gathered) in std::mem::take(&mut window.runs) {
            let Some(open) = self.runs.get(&run) else { continue };
            let mut next = open.lease.next;
            let events = gathered.events.into_iter().filter_map(|event| numbered(event, &mut next)).collect();
            let end = gathered.end.map(|(end, committed)| {
                acknowledge.insert(run, committed);
                end
            });
            batch.push(RunAppend { run, epoch: open.lease.epoch, events, end });
        }
        (batch, acknowledge)
    }
}

/// Joins a piece to the token before it, if there is one with room.
fn push_text(events: &mut Vec<Gathering>, message: MessageId, text: String) {
    if let Some(Gathering::Token(last)) = events.last_mut()
        && last.id == message
        && last.text.len() + text.len() <= TOKEN_BYTES
    {
        last.text.push_str(&text);
        return;
    }
    events.push(Gathering::Token(Token { id: message, text }));
}

fn numbered(event: Gathering, next: &mut Seq) -> Option<NewEvent> {
    let event = match event {
        Gathering::Whole(event) => event,
        Gathering::Token(token) => Encoded::of(&StreamChunk::Token(token))
            .inspect_err(|error| tracing::error!(%error, "an event cannot be written as JSON"))
            .ok()?,
    };
    let seq = *next;
    *next = next.next();
    Some(NewEvent { seq, kind: event.kind, data: event.data })
}

/// Appends a batch, and retries for as long as the database fails: the runs wait, their readers see pings. A run whose events the
/// database never takes is refused alone.
///
/// Returns the runs that were refused.
async fn append(store: &Store, batch: &[RunAppend], stop: &CancellationToken) -> Result<HashSet<RunId>, Stopped> {
    let (mut refused, mut parts, mut is_first) = (HashSet::new(), vec![batch], true);
    while let Some(part) = parts.pop() {
        match append_part(store, part, is_first, stop).await? {
            Ok(runs) => refused.extend(runs),
            Err(error) => match part {
                [run] => {
                    if matches!(error, StoreError::Gone) {
                        tracing::debug!(run = %run.run, "the run was deleted while its events were committed");
                    } else {
                        tracing::error!(%error, run = %run.run, "the database never takes these events of the run");
                    }
                    refused.insert(run.run);
                }
                runs => {
                    let (first, second) = runs.split_at(runs.len() / 2);
                    parts.extend([second, first]);
                }
            },
        }
        is_first = false;
    }
    Ok(refused)
}

/// Appends a part of a batch, until it is committed or a permanent error says that it never will be.
async fn append_part(
    store: &Store,
    part: &[RunAppend],
    is_first: bool,
    stop: &CancellationToken,
) -> Result<Result<HashSet<RunId>, StoreError>, Stopped> {
    let (mut backoff, mut is_first) = (Backoff::of_database(), is_first);
    loop {
        let appending = async { if is_first { store.append(part).await } else { store.append_again(part).await } };
        let appended = stop.run_until_cancelled(appending).await.ok_or(Stopped)?;
        store.write_health().note(&appended);
        match appended {
            Err(error) if error.is_transient() => {
                COMMIT_FAILURES.increment(1);
                tracing::error!(%error, "the log cannot be written; trying again");
            }
            Err(error) => {
                if !matches!(error, StoreError::Gone) {
                    COMMIT_FAILURES.increment(1);
                }
                return Ok(Err(error));
            }
            Ok(refused) => return Ok(Ok(refused)),
        }
        backoff.wait_unless(stop).await?;
        is_first = false;
    }
}
