//! Owners, survivors and their database under partitions, dead connections, stalls, locked rows, freezes and deaths, in simulated
//! time. One seed is one play, to the millisecond.
//!
//! Heartbeats, looks and contact are the code that serves. The database is a table in memory with the rules of the real one: a
//! take-over succeeds only at the epoch that was seen, an append only under the current one, and both wait for or skip locked rows.

mod database;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::{
    task::{JoinHandle, LocalSet, spawn_local},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use weir_store::{Beat, InstanceId, StoreError};
use weir_testkit::cases;

use super::{BEAT, LeaseStore, look_after, move_heartbeat, ticks};
use crate::{Contact, lease::Watch};
use database::{Append, Client, Database, RUNS};

const INSTANCES: usize = 3;
/// Between two appends to a run.
const WRITE: Duration = Duration::from_millis(250);
/// The database is well again after this time at the latest.
const FAULTS: u64 = 20_000;
/// How long everything may take to be as before once nothing is wrong any more.
const RECOVERY: Duration = Duration::from_secs(12);
/// How long a run may wait for another owner when its owner dies and everything else is well: what the fault suite demands.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// Something goes wrong at a time, for a time.
#[derive(Clone, Debug)]
enum Fault {
    /// No packet passes between an instance and the database.
    CutOff { instance: usize },
    /// A connection of an instance goes dead: what is sent over it is never answered.
    DeadConnection { instance: usize, connection: usize },
    /// The database does not move.
    Stall,
    /// A foreign transaction locks a run.
    LockedRow { run: usize },
    /// An instance is frozen.
    Freeze { instance: usize },
    /// An instance dies, in a transaction that keeps a run locked or not. Another process takes its place.
    Kill { instance: usize, locked: Option<usize> },
}

fn fault() -> impl Strategy<Value = Fault> {
    let instance = 0..INSTANCES;
    prop_oneof![
        instance.clone().prop_map(|instance| Fault::CutOff { instance }),
        (instance.clone(), 0..3usize).prop_map(|(instance, connection)| Fault::DeadConnection { instance, connection }),
        Just(Fault::Stall),
        (0..RUNS).prop_map(|run| Fault::LockedRow { run }),
        instance.clone().prop_map(|instance| Fault::Freeze { instance }),
        (instance, prop::option::of(0..RUNS)).prop_map(|(instance, locked)| Fault::Kill { instance, locked }),
    ]
}

/// When a fault begins and how long it lasts, in milliseconds.
type Planned = (u64, u64, Fault);

fn plan() -> impl Strategy<Value = Vec<Planned>> {
    prop::collection::vec((1_000..FAULTS / 2, 100..FAULTS / 2, fault()), 1..6)
}

/// One server process.
struct Process {
    client: Rc<Client>,
    contact: Contact,
    tasks: Vec<JoinHandle<()>>,
}

impl Process {
    fn of(client: Rc<Client>) -> Self {
        let contact = Contact::new(CancellationToken::new());
        let (beating, looking, writing, minding) = (client.clone(), client.clone(), client.clone(), contact.clone());
        let beaten = contact.clone();
        let tasks = vec![
            spawn_local(async move { move_heartbeat(&*beating, &beaten).await }),
            spawn_local(async move { minding.mind().await }),
            spawn_local(async move {
                let (mut watch, mut ticks) = (Watch::default(), ticks(BEAT));
                loop {
                    ticks.tick().await;
                    // It is tried again with the next look.
                    let _ = look_after(&*looking, &mut watch).await;
                }
            }),
            spawn_local(async move { write(&writing).await }),
        ];
        Self { client, contact, tasks }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Appends to what the process drives, as its committer does: an append whose fate is unknown is tried again.
async fn write(client: &Client) {
    loop {
        sleep(WRITE).await;
        let driven: Vec<_> = client.drives.borrow().iter().map(|(run, epoch)| (*run, *epoch)).collect();
        join_all(driven.into_iter().map(async |(run, epoch)| match client.append(run, epoch).await {
            Ok(Append::Committed) | Err(_) => {}
            Ok(Append::Lost) => drop(client.drives.borrow_mut().remove(&run)),
        }))
        .await;
    }
}

impl LeaseStore for Client {
    fn instance(&self) -> InstanceId {
        self.id
    }

    async fn beat(&self) -> Result<(), StoreError> {
        Self::beat(self).await
    }

    async fn register(&self) -> Result<(), StoreError> {
        Self::register(self).await
    }

    async fn instances(&self) -> Result<HashMap<InstanceId, Beat>, StoreError> {
        Self::instances(self).await
    }

    async fn forget(&self, dead: InstanceId) -> Result<(), StoreError> {
        Self::forget(self, dead).await
    }

    async fn take_over(&self) -> Result<(), StoreError> {
        Self::take_over(self).await
    }

    fn note_silent(&self, _: HashSet<InstanceId>) {}
}

struct World {
    database: Rc<Database>,
    processes: Vec<Process>,
}

impl World {
    fn start(seed: u64) -> Self {
        let database = Database::new(seed);
        let mut world = Self { database, processes: Vec::new() };
        for instance in 0..INSTANCES {
            let drives: BTreeMap<_, _> = (instance..RUNS).step_by(INSTANCES).map(|run| (run, 1)).collect();
            let client = Rc::new(Client::new(world.database.clone(), drives.clone()));
            world.database.begin(client.id, drives.into_keys());
            world.processes.push(Process::of(client));
        }
        world
    }

    /// Plays the faults, each to its end.
    async fn play(&mut self, plan: &[Planned]) {
        let began = Instant::now();
        let mut moments: Vec<(u64, bool, &Fault)> = Vec::new();
        for (start, length, fault) in plan {
            moments.extend([(*start, true, fault), (*start + *length, false, fault)]);
        }
        moments.sort_by_key(|(at, ..)| *at);
        for (at, begins, fault) in moments {
            tokio::time::sleep_until(began + Duration::from_millis(at)).await;
            match *fault {
                Fault::CutOff { instance } => self.processes[instance].client.set_cut_off(begins),
                Fault::DeadConnection { instance, connection } if begins => {
                    self.processes[instance].client.kill_connection(connection);
                }
                Fault::Stall => self.database.set_stalled(begins),
                Fault::LockedRow { run } => self.database.set_locked(run, begins),
                Fault::Freeze { instance } => self.processes[instance].client.set_frozen(begins),
                Fault::Kill { instance, locked } if begins => {
                    if let Some(run) = locked {
                        self.database.lock_for_dead_transaction(run);
                    }
                    // Only what it has stored remains.
                    drop(self.processes.remove(instance));
                    let next = Rc::new(Client::new(self.database.clone(), BTreeMap::new()));
                    self.processes.insert(instance, Process::of(next));
                }
                // A connection is replaced, and a process has a successor, as soon as it is gone.
                Fault::DeadConnection { .. } | Fault::Kill { .. } => {}
            }
        }
    }

    /// Checks that no old owner appended after a new one, that each run has one driver, and that what was shown is in the log.
    fn check(&self) {
        for (number, run) in self.database.runs().iter().enumerate() {
            assert!(run.log.is_sorted(), "run {number}: an old owner appended after a new one: {:?}", run.log);
            for (place, (epoch, event)) in run.shown.iter().enumerate() {
                assert_eq!(run.log.get(*event), Some(epoch), "run {number}: event {place} was shown and is lost");
            }
            let believers: Vec<_> = self
                .processes
                .iter()
                .filter(|process| process.client.drives.borrow().get(&number) == Some(&run.epoch))
                .collect();
            assert!(believers.len() <= 1, "run {number} is driven twice under one epoch");
        }
    }

    /// Everything is well: each run is driven by one that is known, and its log grows.
    async fn check_recovered(&self) {
        let lengths = || self.database.runs().iter().map(|run| run.log.len()).collect::<Vec<_>>();
        sleep(RECOVERY).await;
        let before = lengths();
        sleep(Duration::from_secs(1)).await;
        for (number, (before, after)) in before.iter().zip(lengths()).enumerate() {
            assert!(after > *before, "run {number} is not written: {:?}", self.database.runs()[number]);
        }
        for process in &self.processes {
            assert!(self.database.knows(process.client.id), "a living instance stays unknown");
            assert!(!process.contact.is_lost(), "an instance does not regain contact");
        }
    }
}

/// Runs a play in simulated time.
fn simulate<T>(play: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, play)
}

proptest! {
    #![proptest_config(cases(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt"), 500))]

    #[test]
    fn ins_16_under_every_fault_each_run_is_written_once_and_goes_on(seed in any::<u64>(), plan in plan()) {
        simulate(async {
            let mut world = World::start(seed);
            world.play(&plan).await;
            world.check();
            world.check_recovered().await;
            world.check();
        });
    }
}

proptest! {
    #![proptest_config(cases(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt"), 100))]

    #[test]
    fn ins_16_a_death_beside_a_locked_row_stops_no_other_run(seed in any::<u64>(), victim in 0..INSTANCES, locked in 0..RUNS) {
        simulate(async {
            let mut world = World::start(seed);
            sleep(Duration::from_secs(3)).await;
            world.database.set_locked(locked, true);
            drop(world.processes.remove(victim));
            let lengths: Vec<_> = world.database.runs().iter().map(|run| run.log.len()).collect();
            sleep(TAKE_OVER).await;
            for (number, (before, run)) in lengths.iter().zip(world.database.runs().iter()).enumerate() {
                assert!(number == locked || run.log.len() > *before, "run {number} was not taken over");
            }
            assert!(world.processes.iter().all(|process| !process.contact.is_lost()), "a survivor lost contact");
            world.database.set_locked(locked, false);
            world.check_recovered().await;
            world.check();
        });
    }

    #[test]
    fn ins_16_a_stalled_database_kills_nobody(seed in any::<u64>(), length in 100..15_000u64) {
        simulate(async {
            let mut world = World::start(seed);
            sleep(Duration::from_secs(3)).await;
            world.play(&[(0, length, Fault::Stall)]).await;
            world.check_recovered().await;
            world.check();
            assert!(world.database.runs().iter().all(|run| run.epoch == 1), "a living owner lost its runs");
        });
    }
}
