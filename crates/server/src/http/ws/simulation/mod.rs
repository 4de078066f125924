//! Clients and servers on one thread whose time stands still while anybody works: the same seed gives the same story.
//!
//! The sockets are WebSocket ones over pipes; the logs behind them are made up. Devices cut their connection, stall, come
//! back too late, resume twice, name frames that never were and send garbage, and servers restart; each device keeps a
//! journal, which must be each run's log, every event once and in order.

mod device;
mod slow;
mod world;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use device::Device;
use world::World;

use super::serve::KEEP;

/// Everything must have been seen by then, whatever happens; in the simulation's time.
const PATIENCE: Duration = Duration::from_hours(6);

async fn story(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new(&mut random);
    let writing = world.write(random.fork());
    let restarting = tokio::spawn(world.clone().restart(random.fork()));
    let devices = (0..random.usize(1..4)).map(|_| tokio::spawn(Device::new(world.clone(), random.fork()).follow_all()));
    let devices: Vec<_> = devices.collect();
    let ended = tokio::time::timeout(PATIENCE, join_all(devices)).await;
    let ended = ended.unwrap_or_else(|_| panic!("seed {seed}: a device waits in vain"));
    for device in ended {
        device.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    restarting.abort();
    join_all(writing).await;
    let ended = Instant::now();
    while world.sessions() > 0 {
        assert!(ended.elapsed() < 2 * KEEP, "seed {seed}: {} sessions are kept for ever", world.sessions());
        sleep(Duration::from_secs(1)).await;
    }
}

#[test]
fn ws_20_whatever_is_cut_resumed_and_restarted_each_event_is_seen_once_and_in_order() {
    let seeds = std::env::var("WEIR_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(200);
    for seed in 1..=seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(story(seed));
    }
}
