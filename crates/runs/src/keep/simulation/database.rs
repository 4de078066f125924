//! A database in memory, and the connections of a process to it.

use std::{
    cell::{Cell, Ref, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;
use weir_store::{Beat, InstanceId, StoreError};

use crate::keep::TAKE_OVERS_AT_ONCE;

pub(super) const RUNS: usize = 4;

/// The deadlines of the real store: of a heartbeat, of any other operation, of a wait for a locked row.
const HEARTBEAT_DEADLINE: Duration = Duration::from_millis(600);
const DEADLINE: Duration = Duration::from_secs(5);
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a transaction of a process that is gone keeps its locks.
const DEAD_TRANSACTION: Duration = Duration::from_secs(5);

/// What a process sends over which connection.
const HEARTBEATS: usize = 0;
const LOOKS: usize = 1;
const APPENDS: usize = 2;

#[derive(Debug)]
pub(super) struct Run {
    owner: InstanceId,
    pub(super) epoch: u64,
    /// Under which epoch each event was appended.
    pub(super) log: Vec<u64>,
    /// The epochs and places of events that a process knows to be committed, and has shown.
    pub(super) shown: Vec<(u64, usize)>,
    is_locked: bool,
    locked_until: Option<Instant>,
}

impl Run {
    fn is_locked(&self) -> bool {
        self.is_locked || self.locked_until.is_some_and(|until| Instant::now() < until)
    }
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Append {
    Committed,
    Lost,
}

pub(super) struct Database {
    beats: RefCell<HashMap<InstanceId, Beat>>,
    runs: RefCell<Vec<Run>>,
    stalled: watch::Sender<bool>,
    random: Cell<u64>,
    instances: Cell<u128>,
}

impl Database {
    pub(super) fn new(seed: u64) -> Rc<Self> {
        let run = |_| Run {
            owner: InstanceId(Uuid::nil()),
            epoch: 1,
            log: Vec::new(),
            shown: Vec::new(),
            is_locked: false,
            locked_until: None,
        };
        Rc::new(Self {
            beats: RefCell::default(),
            runs: RefCell::new((0..RUNS).map(run).collect()),
            stalled: watch::Sender::new(false),
            random: Cell::new(seed),
            instances: Cell::new(0),
        })
    }

    pub(super) fn runs(&self) -> Ref<'_, Vec<Run>> {
        self.runs.borrow()
    }

    /// Makes an instance known that owns these runs.
    pub(super) fn begin(&self, owner: InstanceId, runs: impl Iterator<Item = usize>) {
        self.beats.borrow_mut().insert(owner, 1);
        runs.for_each(|run| self.runs.borrow_mut()[run].owner = owner);
    }

    pub(super) fn knows(&self, instance: InstanceId) -> bool {
        self.beats.borrow().contains_key(&instance)
    }

    pub(super) fn set_stalled(&self, is_stalled: bool) {
        self.stalled.send_replace(is_stalled);
    }

    pub(super) fn set_locked(&self, run: usize, is_locked: bool) {
        self.runs.borrow_mut()[run].is_locked = is_locked;
    }

    pub(super) fn lock_for_dead_transaction(&self, run: usize) {
        self.runs.borrow_mut()[run].locked_until = Some(Instant::now() + DEAD_TRANSACTION);
    }

    /// A number below `end` (`SplitMix64`).
    fn random(&self, end: u64) -> u64 {
        self.random.set(self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut bits = self.random.get();
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }

    async fn travel(&self) {
        sleep(Duration::from_millis(1 + self.random(4))).await;
    }
}

/// The connections of one process.
pub(super) struct Client {
    pub(super) id: InstanceId,
    /// The runs that the process drives, and under which epoch.
    pub(super) drives: RefCell<BTreeMap<usize, u64>>,
    database: Rc<Database>,
    dead: [Cell<bool>; 3],
    is_cut_off: Cell<bool>,
    frozen: watch::Sender<bool>,
}

impl Client {
    pub(super) fn new(database: Rc<Database>, drives: BTreeMap<usize, u64>) -> Self {
        database.instances.set(database.instances.get() + 1);
        let id = InstanceId(Uuid::from_u128(database.instances.get()));
        Self {
            id,
            drives: RefCell::new(drives),
            database,
            dead: Default::default(),
            is_cut_off: Cell::new(false),
            frozen: watch::Sender::new(false),
        }
    }

    pub(super) fn set_cut_off(&self, is_cut_off: bool) {
        self.is_cut_off.set(is_cut_off);
    }

    pub(super) fn kill_connection(&self, connection: usize) {
        self.dead[connection].set(true);
    }

    pub(super) fn set_frozen(&self, is_frozen: bool) {
        self.frozen.send_replace(is_frozen);
    }

    async fn thawed(&self) {
        // The sender is held here: it cannot be gone.
        let _ = self.frozen.subscribe().wait_for(|is_frozen| !is_frozen).await;
    }

    /// Sends an operation and waits for its response. Over a connection that is dead or cut, the request or the response is lost.
    async fn operate<T>(
        &self,
        connection: usize,
        deadline: Duration,
        operation: impl AsyncFnOnce(&Database) -> T,
    ) -> Result<T, StoreError> {
        self.thawed().await;
        let database = &self.database;
        let answered = timeout(deadline, async {
            database.travel().await;
            if self.is_broken(connection) && database.random(2) == 0 {
                std::future::pending::<()>().await;
            }
            let _ = database.stalled.subscribe().wait_for(|is_stalled| !is_stalled).await;
            let done = operation(database).await;
            database.travel().await;
            if self.is_broken(connection) {
                std::future::pending::<()>().await;
            }
            done
        })
        .await;
        if answered.is_err() {
            // The next operation gets a new connection.
            self.dead[connection].set(false);
        }
        self.thawed().await;
        answered.map_err(|_| StoreError::Corrupt("response"))
    }

    fn is_broken(&self, connection: usize) -> bool {
        self.is_cut_off.get() || self.dead[connection].get()
    }

    pub(super) async fn beat(&self) -> Result<(), StoreError> {
        let beat = async |database: &Database| {
            let mut beats = database.beats.borrow_mut();
            beats.get_mut(&self.id).map(|beat| *beat += 1).ok_or(StoreError::NotFound("instance"))
        };
        self.operate(HEARTBEATS, HEARTBEAT_DEADLINE, beat).await?
    }

    pub(super) async fn register(&self) -> Result<(), StoreError> {
        let register = async |database: &Database| {
            database.beats.borrow_mut().insert(self.id, 1);
        };
        self.operate(HEARTBEATS, DEADLINE, register).await
    }

    pub(super) async fn instances(&self) -> Result<HashMap<InstanceId, Beat>, StoreError> {
        self.operate(LOOKS, DEADLINE, async |database| database.beats.borrow().clone()).await
    }

    pub(super) async fn forget(&self, dead: InstanceId) -> Result<(), StoreError> {
        let forget = async |database: &Database| {
            database.beats.borrow_mut().remove(&dead);
        };
        self.operate(LOOKS, DEADLINE, forget).await
    }

    /// Takes over runs without a living owner, several at a time, and skips locked rows.
    pub(super) async fn take_over(&self) -> Result<(), StoreError> {
        let orphans = async |database: &Database| {
            let (beats, runs) = (database.beats.borrow(), database.runs.borrow());
            let is_orphan = |run: &Run| run.owner == self.id || !beats.contains_key(&run.owner);
            let found = runs.iter().enumerate().filter(|(_, run)| is_orphan(run));
            found.map(|(number, run)| (number, run.epoch)).collect::<Vec<_>>()
        };
        let orphans = self.operate(LOOKS, DEADLINE, orphans).await?;
        let not_driven: Vec<_> =
            orphans.into_iter().filter(|(number, _)| !self.drives.borrow().contains_key(number)).collect();
        stream::iter(not_driven)
            .for_each_concurrent(TAKE_OVERS_AT_ONCE, |(number, seen)| self.take(number, seen))
            .await;
        Ok(())
    }

    async fn take(&self, number: usize, seen: u64) {
        let take = async |database: &Database| {
            let run = &mut database.runs.borrow_mut()[number];
            if run.is_locked() || run.epoch != seen {
                return None;
            }
            (run.owner, run.epoch) = (self.id, seen + 1);
            Some(run.epoch)
        };
        if let Ok(Some(epoch)) = self.operate(LOOKS, DEADLINE, take).await {
            self.drives.borrow_mut().insert(number, epoch);
        }
    }

    /// Appends one event under `epoch`. One whose fate is unknown is tried again by the next call: it is there, or it is not.
    pub(super) async fn append(&self, number: usize, epoch: u64) -> Result<Append, StoreError> {
        let append = async |database: &Database| {
            let locked = async {
                while database.runs.borrow()[number].is_locked() {
                    sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(LOCK_TIMEOUT, locked).await.map_err(|_| StoreError::Corrupt("row"))?;
            let run = &mut database.runs.borrow_mut()[number];
            if run.epoch != epoch {
                return Ok::<_, StoreError>(None);
            }
            run.log.push(epoch);
            Ok::<_, StoreError>(Some(run.log.len() - 1))
        };
        Ok(match self.operate(APPENDS, DEADLINE, append).await?? {
            Some(place) => {
                self.database.runs.borrow_mut()[number].shown.push((epoch, place));
                Append::Committed
            }
            None => Append::Lost,
        })
    }
}
