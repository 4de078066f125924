//! One play: servers, questions, readers.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout, timeout_at},
};

use crate::{
    client::{self, Answer, Doors, JobJournal, Manner, Reader, SharedJournal, SocketReader, Tried},
    cluster::{Cluster, Instance, Setup},
};

/// The longest wait for an event at a reader before a play counts as stuck.
const STUCK: Duration = Duration::from_mins(1);

/// What the questions of a play are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many.
    pub(crate) questions: usize,
    /// Tokens of each answer, about.
    pub(crate) tokens: usize,
    /// Tokens a second, about.
    pub(crate) rate: usize,
    /// Readers of each answer over server-sent events: the first is steady, the others come and go.
    pub(crate) readers: usize,
    /// Whether somebody follows all of them over a WebSocket, and comes and goes.
    pub(crate) socket: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self { questions: 4, tokens: 200, rate: 50, readers: 2, socket: true }
    }
}

/// A play under way.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) random: Rng,
    pub(crate) http: Client,
    pub(crate) doors: Doors,
    /// One for each reader.
    pub(crate) journals: Vec<SharedJournal>,
    /// One for each call of a tool.
    pub(crate) jobs: Vec<JobJournal>,
    /// What a fault found wrong by itself.
    pub(crate) complaints: Vec<String>,
    readers: JoinSet<()>,
    progress: watch::Sender<u64>,
}

impl Scene {
    pub(crate) async fn open(binary: &Path, setup: &Setup, random: Rng) -> Result<Self> {
        let cluster = Cluster::start(binary, setup).await?;
        let doors = cluster.doors();
        Ok(Self {
            cluster,
            random,
            http: client::http()?,
            doors,
            journals: Vec::new(),
            jobs: Vec::new(),
            complaints: Vec::new(),
            readers: JoinSet::new(),
            progress: watch::Sender::new(0),
        })
    }

    /// Asks questions and sends readers: some over server-sent events, and one who follows all answers over a WebSocket.
    ///
    /// # Errors
    /// When a question is refused.
    pub(crate) async fn ask(&mut self, load: Load) -> Result<()> {
        let mut on_socket = Vec::new();
        for _ in 0..load.questions {
            let (answer, response) = self.ask_one(load).await?;
            self.send_reader(&answer, Manner::Steady, Some(response));
            for _ in 1..load.readers {
                let manner = Manner::Restless(self.random.fork());
                self.send_reader(&answer, manner, None);
            }
            if load.socket {
                on_socket.push(self.journal_only(&answer));
            }
        }
        let reader = SocketReader::new(self.doors.clone(), on_socket, self.progress.clone(), self.random.fork());
        self.readers.spawn(reader.read());
        Ok(())
    }

    /// Asks one question; gives the stream of its answer too.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn ask_one(&mut self, load: Load) -> Result<(Arc<Answer>, Response)> {
        let vary = |random: &mut Rng, about: usize| random.usize(about / 2 + 1..=about + about / 2);
        let (tokens, rate) = (vary(&mut self.random, load.tokens), vary(&mut self.random, load.rate));
        let key = format!("{:032x}", self.random.u128(..));
        let prompt = format!("Question {key} [[tokens={tokens} rate={rate}]]");
        let asked = timeout(STUCK, client::start(&self.http, &self.doors, &prompt, &key)).await;
        asked.map_err(|_| anyhow::anyhow!("a question was not accepted within {STUCK:?}"))?
    }

    /// Calls a tool, and sends a reader of its job.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn call(&mut self, tool: &'static str, args: Value) -> Result<()> {
        let key = format!("{:032x}", self.random.u128(..));
        let called = timeout(STUCK, client::call(&self.http, &self.doors, tool, args, &key)).await;
        let job = called.map_err(|_| anyhow::anyhow!("a call was not accepted within {STUCK:?}"))??;
        self.jobs.push(job.clone());
        self.readers.spawn(job.read(self.http.clone(), self.doors.clone(), self.progress.clone()));
        Ok(())
    }

    /// Where the tool that must not be run twice leaves its marks.
    pub(crate) fn marks(&self) -> PathBuf {
        self.cluster.marks()
    }

    /// Asks until a question is refused, as it should be, with 503 and `Retry-After`; tells whether one was. Those that are
    /// accepted before are questions like all others.
    ///
    /// # Errors
    /// When a question is refused in another way.
    pub(crate) async fn refused_question(&mut self, limit: Duration) -> Result<bool> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let number = self.random.u128(..);
            match client::try_start(&self.http, &self.doors, &format!("One more {number:x} [[tokens=20]]")).await? {
                Tried::Accepted(answer, response) => {
                    self.send_reader(&answer, Manner::Steady, Some(response));
                }
                Tried::Refused => return Ok(true),
                Tried::NobodyThere => {}
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(false)
    }

    /// Stops every answer.
    ///
    /// # Errors
    /// When the server does not take the wish.
    pub(crate) async fn cancel_all(&self) -> Result<()> {
        for answer in self.answers() {
            let url = format!("{}/api/realtime/{}", self.doors.at(0), answer.run);
            let status = self.http.delete(url).send().await?.status();
            ensure!(status == 202, "a wish to stop is answered with {status}");
        }
        Ok(())
    }

    /// A journal that a fault writes by itself.
    pub(crate) fn journal_only(&mut self, answer: &Arc<Answer>) -> SharedJournal {
        let journal = SharedJournal::new(Arc::clone(answer));
        self.journals.push(journal.clone());
        journal
    }

    /// Every question that was accepted.
    pub(crate) fn answers(&self) -> Vec<Arc<Answer>> {
        let runs: BTreeMap<_, _> =
            self.journals.iter().map(|journal| (&journal.answer.run, Arc::clone(&journal.answer))).collect();
        runs.into_values().collect()
    }

    /// Sends a reader, who begins with `first` or with a request of its own.
    pub(crate) fn send_reader(
        &mut self,
        answer: &Arc<Answer>,
        manner: Manner,
        first: Option<Response>,
    ) -> SharedJournal {
        let journal = SharedJournal::new(Arc::clone(answer));
        self.spawn_reader(journal.clone(), manner, first);
        self.journals.push(journal.clone());
        journal
    }

    fn spawn_reader(&mut self, journal: SharedJournal, manner: Manner, first: Option<Response>) {
        let reader = Reader {
            http: self.http.clone(),
            doors: self.doors.clone(),
            journal,
            manner,
            progress: self.progress.clone(),
            door: self.random.usize(0..16),
        };
        self.readers.spawn(reader.read(first));
    }

    /// The last event of each journal.
    pub(crate) fn places(&self) -> Vec<u64> {
        self.journals.iter().map(|journal| journal.lock().last()).collect()
    }

    /// Sends all readers away, takes out of the journals what was shown after `places`, and sends new readers, who continue from
    /// there.
    pub(crate) async fn go_back_to(&mut self, places: &[u64]) {
        self.readers.abort_all();
        while self.readers.join_next().await.is_some() {}
        for (journal, place) in self.journals.clone().into_iter().zip(places) {
            journal.lock().go_back_to(*place);
            let random = self.random.fork();
            self.spawn_reader(journal, Manner::Restless(random), None);
        }
    }

    /// Sends Redis a command, in its inline form.
    ///
    /// # Errors
    /// When it does not take it.
    pub(crate) async fn tell_redis(&self, command: &str) -> Result<()> {
        let url = self.cluster.redis.as_ref().context("no Redis")?.url();
        let (_, rest) = url.split_once("://:").context("no password")?;
        let (password, address) = rest.split_once('@').context("no password")?;
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("AUTH {password}\r\n{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        ensure!(!answer.contains("-ERR"), "Redis answers {answer:?}");
        Ok(())
    }

    /// The only instance, or the first.
    pub(crate) fn weir(&mut self) -> &mut Instance {
        &mut self.cluster.instances[0]
    }

    /// Whether every reader has seen its answer's end, or was told that there is no going on.
    pub(crate) fn all_done(&self) -> bool {
        self.journals.iter().map(SharedJournal::lock).all(|journal| journal.is_done() || journal.refused.is_some())
    }

    /// Waits until so many more events were shown, to all readers together; or until everything has ended.
    ///
    /// # Errors
    /// When the answers are stuck.
    pub(crate) async fn events(&mut self, count: u64) -> Result<()> {
        let mut progress = self.progress.subscribe();
        let wanted = *progress.borrow() + count;
        while *progress.borrow_and_update() < wanted && !self.all_done() {
            let changed = timeout(STUCK, progress.changed()).await;
            ensure!(changed.is_ok(), "nobody is shown anything for {STUCK:?}: {}", self.where_readers_stand());
        }
        Ok(())
    }

    /// Waits until every reader has seen an event.
    ///
    /// # Errors
    /// When the answers are stuck.
    pub(crate) async fn everyone_is_shown_something(&mut self) -> Result<()> {
        while self.journals.iter().any(|journal| journal.lock().last() == 0) {
            self.events(1).await?;
        }
        Ok(())
    }

    /// Waits until a random moment, measured in events.
    ///
    /// # Errors
    /// When the answers are stuck.
    pub(crate) async fn a_moment(&mut self) -> Result<()> {
        let readers = self.journals.len() as u64;
        let count = self.random.u64(0..20 * readers.max(1));
        self.events(count).await
    }

    /// Lets real time pass: the faults are real, and so are the clocks of everyone around.
    pub(crate) async fn pass(&self, time: Duration) {
        sleep(time).await;
    }

    /// Looks until there is something, and returns it; none when there is nothing within `limit`.
    ///
    /// # Errors
    /// Those of the look.
    pub(crate) async fn eventually<T, F: Future<Output = Result<Option<T>>>>(
        &self,
        limit: Duration,
        look: impl Fn() -> F,
    ) -> Result<Option<T>> {
        let begun = Instant::now();
        loop {
            let found = look().await?;
            if found.is_some() || begun.elapsed() > limit {
                return Ok(found);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until every reader has come to the end.
    ///
    /// # Errors
    /// When nothing happens any more before that.
    pub(crate) async fn all_ended(&mut self) -> Result<()> {
        let mut progress = self.progress.subscribe();
        let mut deadline = Instant::now() + STUCK;
        while !self.readers.is_empty() {
            tokio::select! {
                Some(ended) = self.readers.join_next() => {
                    if let Err(error) = ended {
                        self.complaints.push(format!("a reader failed: {error}"));
                    }
                }
                Ok(()) = progress.changed() => deadline = Instant::now() + STUCK,
                () = async { let _ = timeout_at(deadline.into(), std::future::pending::<()>()).await; } => {
                    self.readers.abort_all();
                    anyhow::bail!("nobody is shown anything for {STUCK:?}: {}", self.where_readers_stand());
                }
            }
        }
        Ok(())
    }

    fn where_readers_stand(&self) -> String {
        let stands = |journal: &&SharedJournal| !journal.lock().is_done() && journal.lock().refused.is_none();
        let stuck = self.journals.iter().filter(stands);
        let places = stuck.map(|journal| format!("run {} at {}", journal.answer.run, journal.lock().last()));
        places.collect::<Vec<_>>().join(", ")
    }
}
