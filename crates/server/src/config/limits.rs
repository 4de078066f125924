//! How much each may ask for.

use super::Reading;
use crate::limits::{DEAREST, LimitOptions, Network};

/// More would be no limit: a unit must take some microseconds to come back.
const FASTEST: u32 = 100_000;
const MOST: u32 = 1_000_000;

/// What is set, over what is usual for a server of this kind.
pub(super) fn read(reading: &mut Reading) -> LimitOptions {
    let is_shared = reading.text("WEIR_AUTH").as_deref() == Some("required");
    let usual = if is_shared { LimitOptions::SHARED } else { LimitOptions::OPEN };
    LimitOptions {
        per_second: number(reading, "WEIR_RATE_LIMIT", 1, FASTEST).unwrap_or(usual.per_second),
        burst: number(reading, "WEIR_RATE_BURST", DEAREST, MOST).unwrap_or(usual.burst),
        runs: number(reading, "WEIR_RUNS_PER_USER", 1, MOST).unwrap_or(usual.runs),
        sockets: number(reading, "WEIR_SOCKETS_PER_USER", 1, MOST).unwrap_or(usual.sockets),
        jobs: number(reading, "WEIR_JOBS_PER_USER", 1, MOST).unwrap_or(usual.jobs),
        trusted_proxies: networks(reading),
    }
}

fn number(reading: &mut Reading, key: &str, least: u32, most: u32) -> Option<u32> {
    let expected = format!("a whole number from {least} to {most}");
    reading.parsed(key, &expected, |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(()),
    })
}

fn networks(reading: &mut Reading) -> Vec<Network> {
    let words = reading.list("WEIR_TRUSTED_PROXIES").unwrap_or_default();
    let networks: Result<_, ()> = words.iter().map(|word| word.parse()).collect();
    networks.unwrap_or_else(|()| {
        reading.fault("WEIR_TRUSTED_PROXIES", "must be addresses and networks such as 10.0.0.0/8, separated by commas");
        Vec::new()
    })
}
