//! The faults, one subject a file.

mod backup;
mod clock;
mod cluster_cut;
mod cluster_kill;
mod cluster_stop;
mod deleted_elsewhere;
mod descriptors;
mod disk_full;
mod half_open_database;
mod jobs;
mod kill;
mod locked_row;
mod loss;
mod postgres;
mod power;
mod redis;
mod reload;
mod restart;
mod rolling;
mod rolling_approval;
mod slow_clients;
mod storm;
mod take_over;
mod term_unwritable;
mod torn;
mod unreadable_row;

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
    &take_over::TakeOver { name: "take-over-1", answers: 1 },
    &take_over::TakeOver { name: "take-over-12", answers: 12 },
    &take_over::TakeOver { name: "take-over-1000", answers: 1000 },
    &locked_row::LockedRow,
    &unreadable_row::UnreadableRow,
    &deleted_elsewhere::DeletedElsewhere,
    &rolling::Rolling,
    &rolling_approval::RollingApproval,
    &cluster_stop::ClusterStop,
    &jobs::Jobs { name: "jobs-cluster", instances: 2 },
    &cluster_cut::CutOff,
    &cluster_cut::CutApart,
    &half_open_database::HalfOpenDatabase,
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
