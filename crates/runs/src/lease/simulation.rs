//! Leases under every order of events that a seed can think of: kills, pauses, returns.
//!
//! The store is a table in memory with the rules of the real one: a take-over succeeds only at the epoch that was seen, and an
//! append only under the current one.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use uuid::Uuid;
use weir_store::{Beat, InstanceId};
use weir_testkit::cases;

use super::{PATIENCE, Watch};

const INSTANCES: usize = 4;
const RUNS: usize = 6;

#[derive(Clone, Debug)]
enum Op {
    /// An instance beats, looks at the others and takes over what nobody drives, as it does every half second.
    Tick(usize),
    /// It tries to append to everything it believes to own.
    Append(usize),
    /// It is told nothing any more, and tells nothing: SIGSTOP, or the end of its network.
    Pause(usize),
    Resume(usize),
    /// kill -9, and a new process in its place.
    Kill(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let which = 0..INSTANCES;
    prop_oneof![
        12 => which.clone().prop_map(Op::Tick),
        6 => which.clone().prop_map(Op::Append),
        1 => which.clone().prop_map(Op::Pause),
        2 => which.clone().prop_map(Op::Resume),
        1 => which.prop_map(Op::Kill),
    ]
}

#[derive(Debug)]
struct Run {
    owner: InstanceId,
    epoch: u64,
    /// Under which epoch each event was appended.
    log: Vec<u64>,
}

#[derive(Debug)]
struct Process {
    id: InstanceId,
    watch: Watch,
    paused: bool,
    /// What it believes to own, and under which epoch.
    drives: BTreeMap<usize, u64>,
}

#[derive(Debug)]
struct World {
    beats: HashMap<InstanceId, Beat>,
    runs: Vec<Run>,
    processes: Vec<Process>,
    next_id: u128,
}

impl World {
    fn new() -> Self {
        let mut world = Self { beats: HashMap::new(), runs: Vec::new(), processes: Vec::new(), next_id: 1 };
        for _ in 0..INSTANCES {
            let process = world.process();
            world.processes.push(process);
        }
        for run in 0..RUNS {
            let owner = &mut world.processes[run % INSTANCES];
            owner.drives.insert(run, 1);
            world.runs.push(Run { owner: owner.id, epoch: 1, log: Vec::new() });
        }
        world
    }

    fn process(&mut self) -> Process {
        let id = InstanceId(Uuid::from_u128(self.next_id));
        self.next_id += 1;
        self.beats.insert(id, 1);
        Process { id, watch: Watch::default(), paused: false, drives: BTreeMap::new() }
    }

    fn tick(&mut self, which: usize) {
        let process = &mut self.processes[which];
        if process.paused {
            return;
        }
        *self.beats.entry(process.id).or_insert(0) += 1;
        for dead in process.watch.look(process.id, &self.beats) {
            self.beats.remove(&dead);
        }
        for (number, run) in self.runs.iter_mut().enumerate() {
            let nobody_drives = !self.beats.contains_key(&run.owner);
            let mine_but_not_driven = run.owner == process.id && !process.drives.contains_key(&number);
            if (nobody_drives || mine_but_not_driven) && !process.drives.contains_key(&number) {
                run.owner = process.id;
                run.epoch += 1;
                process.drives.insert(number, run.epoch);
            }
        }
    }

    fn append(&mut self, which: usize) {
        let process = &mut self.processes[which];
        if process.paused {
            return;
        }
        let runs = &mut self.runs;
        process.drives.retain(|&run, &mut epoch| {
            let holds = runs[run].epoch == epoch;
            if holds {
                runs[run].log.push(epoch);
            }
            holds
        });
    }

    fn play(&mut self, op: &Op) {
        match *op {
            Op::Tick(which) => self.tick(which),
            Op::Append(which) => self.append(which),
            Op::Pause(which) => self.processes[which].paused = true,
            Op::Resume(which) => self.processes[which].paused = false,
            Op::Kill(which) => self.processes[which] = self.process(),
        }
        for (number, run) in self.runs.iter().enumerate() {
            assert!(run.log.is_sorted(), "an old owner appended after a new one");
            let believers = self.processes.iter().filter(|one| one.drives.get(&number) == Some(&run.epoch));
            assert!(believers.count() <= 1, "two drive run {number} under one epoch");
        }
    }

    /// Everybody who is alive ticks in turn, as often as it takes to notice a death.
    fn settle(&mut self) {
        for _ in 0..=PATIENCE + 1 {
            (0..INSTANCES).for_each(|which| self.append(which));
            (0..INSTANCES).for_each(|which| self.tick(which));
        }
    }
}

proptest! {
    #![proptest_config(cases(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/failed-seeds.txt"), 200))]

    #[test]
    fn ins_3_in_every_order_of_deaths_and_pauses_one_drives_each_run(ops in prop::collection::vec(op(), 1..200)) {
        let mut world = World::new();
        for op in &ops {
            world.play(op);
        }
        world.processes[0].paused = false;
        world.settle();
        for run in &world.runs {
            let owner = world.processes.iter().find(|one| one.id == run.owner).expect("the owner is alive");
            prop_assert!(!owner.paused, "a run waits for somebody who is not there");
        }
    }

    #[test]
    fn ins_2_nobody_who_ticks_with_the_others_is_thought_dead(turns in prop::collection::vec(0..INSTANCES, 1..100)) {
        let mut world = World::new();
        // In each round everybody has one turn, in another order each time: between two of one, nobody has more than two.
        for first in turns {
            for which in (0..INSTANCES).map(|place| (first + place) % INSTANCES) {
                world.tick(which);
            }
        }
        prop_assert!(world.runs.iter().all(|run| run.epoch == 1));
    }
}
