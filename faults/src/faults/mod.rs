//! The faults, one a file.

mod clock;
mod descriptors;
mod disk_full;
mod kill;
mod loss;
mod power;
mod reload;
mod restart;
mod slow_clients;
mod storm;
mod torn;

use crate::play::Fault;

/// All of them, in the order of the table.
pub(crate) const ALL: &[&dyn Fault] = &[
    &kill::Kill,
    &restart::Restart,
    &power::Power { name: "power", durability: "disk" },
    &torn::Torn,
    &torn::Flipped,
    &disk_full::DiskFull,
    &loss::Loss { name: "loss-1", percent: 1 },
    &loss::Loss { name: "loss-5", percent: 5 },
    &loss::Loss { name: "loss-20", percent: 20 },
    &slow_clients::SlowClients,
    &slow_clients::HalfOpen,
    &reload::Reload,
    &clock::Clock,
    &descriptors::Descriptors,
    &storm::Storm,
];
