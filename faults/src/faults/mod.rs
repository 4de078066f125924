//! The faults, one subject a file.

mod backup;
mod clock;
mod cluster_cut;
mod cluster_kill;
mod descriptors;
mod disk_full;
mod jobs;
mod kill;
mod loss;
mod postgres;
mod power;
mod redis;
mod reload;
mod restart;
mod rolling;
mod slow_clients;
mod storm;
mod term_unwritable;
mod torn;

use std::time::Duration;

use crate::play::{Fault, Need};

/// All of them, in the order of the table.
pub(crate) const ALL: &[&dyn Fault] = &[
    &kill::Kill,
    &restart::Restart,
    &jobs::Jobs { name: "jobs", instances: 1 },
    &power::Power { name: "power", durability: "disk" },
    &torn::Torn,
    &torn::Flipped,
    &disk_full::DiskFull,
    &term_unwritable::TermUnwritable,
    &backup::Backup,
    &loss::Loss { name: "loss-1", percent: 1 },
    &loss::Loss { name: "loss-5", percent: 5 },
    &loss::Loss { name: "loss-20", percent: 20 },
    &slow_clients::SlowClients,
    &slow_clients::HalfOpen,
    &reload::Reload,
    &clock::Clock,
    &descriptors::Descriptors,
    &storm::Storm,
    &cluster_kill::ClusterKill,
    &cluster_kill::Zombie,
    &rolling::Rolling,
    &jobs::Jobs { name: "jobs-cluster", instances: 2 },
    &cluster_cut::CutOff,
    &cluster_cut::CutApart,
    &redis::Redis::Killed,
    &redis::Redis::Emptied,
    &redis::Redis::Paused,
    &postgres::Postgres::Immediate,
    &postgres::Postgres::Backends,
    &postgres::Postgres::Stalled,
];

/// The longest pause of a reader whose answer is taken over by another server: five seconds, and one to hear of it.
const TAKE_OVER: Duration = Duration::from_secs(6);

/// The longest pause of a reader whose bell is lost: it looks once a second, and a busy machine takes its time.
const POLL: Duration = Duration::from_secs(2);

/// What several servers on one database cannot do without.
fn shared() -> Vec<Need> {
    vec![Need::Postgres, Need::Redis]
}
