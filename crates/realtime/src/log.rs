//! The log of every run and job, to write and to read; and what else grows.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weir_protocol::{RunId, Seq, ToolCallId, UserId};
use weir_store::{JobLease, Lease, LogId, Store, StoreError};

use crate::{
    Broadcaster, CommitterOptions, InboxReader, LogWriter, LostLease, Reader, Topic,
    bell::{self, Outbox},
    committer::{self, Intake},
    feed::{Feed, Feeds},
    job::JobWriter,
};

/// The log of every run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventLog {
    store: Store,
    feeds: Arc<Feeds>,
    intake: Intake,
    outbox: Option<Arc<Outbox>>,
    /// Appends are tried no longer.
    stop: CancellationToken,
}

impl EventLog {
    /// Opens the log of a database that only this process serves, and gives the committer's work: it must be polled for as
    /// long as there are writers, and ends by itself when the log and all its writers are dropped and everything is
    /// committed.
    pub fn open(store: Store, options: CommitterOptions) -> (Self, impl Future<Output = ()> + Send + 'static) {
        Self::build(store, options, None)
    }

    /// Opens the log of a database that other instances serve too. Beside the committer's work it gives that of the bell,
    /// which goes on for as long as it is polled.
    pub fn open_shared(
        store: Store,
        options: CommitterOptions,
        broadcaster: Arc<dyn Broadcaster>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static, impl Future<Output = ()> + Send + 'static) {
        let outbox = Arc::new(Outbox::default());
        let (log, committing) = Self::build(store, options, Some(outbox.clone()));
        let ringing = bell::work(log.store.clone(), log.feeds.clone(), outbox, broadcaster);
        (log, committing, ringing)
    }

    fn build(
        store: Store,
        options: CommitterOptions,
        outbox: Option<Arc<Outbox>>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let feeds = Arc::new(Feeds::default());
        let stop = CancellationToken::new();
        let (intake, work) = committer::start(store.clone(), feeds.clone(), options, outbox.clone(), stop.clone());
        (Self { store, feeds, intake, outbox, stop }, work)
    }

    /// Stops appending: what is not committed now never is, and its writers lose their leases. Without it a database that
    /// fails is tried again for ever.
    pub fn stop_appending(&self) {
        self.stop.cancel();
    }

    /// The right to append, for whoever holds the lease.
    ///
    /// # Errors
    /// [`LostLease`] when the committer has ended.
    pub async fn writer(&self, lease: Lease) -> Result<LogWriter, LostLease> {
        self.intake.writer(lease).await
    }

    /// Follows a run from the event after `after`.
    pub fn reader(&self, run: RunId, after: Seq) -> Reader {
        self.follow(LogId::Run(run), after)
    }

    /// Follows a job from the event after `after`.
    pub fn job_reader(&self, job: ToolCallId, after: Seq) -> Reader {
        self.follow(LogId::Job(job), after)
    }

    /// Follows a log from the event after `after`.
    pub fn follow(&self, log: LogId, after: Seq) -> Reader {
        Reader::new(self.store.clone(), self.feeds.of(Topic::Log(log)), log, after)
    }

    /// The right to append to a job's log, for whoever holds its lease.
    pub fn job_writer(&self, lease: JobLease) -> JobWriter {
        let feed = self.feeds.of(Topic::Log(LogId::Job(lease.job))).write();
        JobWriter::new(self.store.clone(), feed, self.outbox.clone(), lease, self.stop.clone())
    }

    /// Follows the changes among a user's conversations, from the change after `after`.
    pub fn inbox(&self, user: UserId, after: Seq) -> InboxReader {
        InboxReader::new(self.store.clone(), self.feeds.of(Topic::Inbox(user)), user, after)
    }

    /// The number of the last change among a user's conversations: where a reader of what comes begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inbox_head(&self, user: UserId) -> Result<Seq, StoreError> {
        self.store.inbox_head(user).await
    }

    /// Something has changed in the store that is not appended here: whoever follows it looks, at every instance. Readers of a
    /// log that is gone are let go.
    pub fn changed(&self, topic: Topic) {
        self.feeds.ring(topic);
        if let Some(outbox) = &self.outbox {
            // No number: whoever hears it looks.
            outbox.put(topic, Seq::START);
        }
    }

    /// Hears of a topic from now on.
    pub fn listen(&self, topic: Topic) -> Listener {
        let feed = self.feeds.of(topic);
        Listener { bell: feed.listen(), _feed: feed }
    }

    /// Whether the other instances are heard, where there may be some. While they are not, what they write is found by
    /// polling.
    pub fn hears(&self) -> bool {
        self.outbox.as_ref().is_none_or(|outbox| outbox.hears())
    }

    /// The number of a log's last event.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_seq(&self, log: LogId) -> Result<Seq, StoreError> {
        self.store.last_seq(log).await
    }
}

/// Hears the bell of one topic.
#[derive(Debug)]
pub struct Listener {
    bell: watch::Receiver<Seq>,
    /// Without it nobody rings.
    _feed: Arc<Feed>,
}

impl Listener {
    /// Returns when the bell has rung since the last time.
    pub async fn rung(&mut self) {
        if self.bell.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
