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
        streams: number(reading, "WEIR_STREAMS_PER_USER", 1, MOST).unwrap_or(usual.streams),
        storage: reading
            .parsed("WEIR_STORAGE_PER_USER", "a size such as 500MiB or 1GiB, or 0 for no limit", bytes)
            .unwrap_or(usual.storage),
        jobs: number(reading, "WEIR_JOBS_PER_USER", 1, MOST).unwrap_or(usual.jobs),
        trusted_proxies: networks(reading),
        ..usual
    }
}

fn number(reading: &mut Reading, key: &str, least: u32, most: u32) -> Option<u32> {
    let expected = format!("a whole number from {least} to {most}");
    reading.parsed(key, &expected, |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(()),
    })
}

/// A number of bytes, or of the unit that follows it.
fn bytes(text: &str) -> Result<u64, ()> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(()),
    };
    let number: u64 = text[..digits].parse().map_err(drop)?;
    number.checked_mul(unit).filter(|bytes| i64::try_from(*bytes).is_ok()).ok_or(())
}

fn networks(reading: &mut Reading) -> Vec<Network> {
    let words = reading.list("WEIR_TRUSTED_PROXIES").unwrap_or_default();
    let networks: Result<_, ()> = words.iter().map(|word| word.parse()).collect();
    networks.unwrap_or_else(|()| {
        reading.fault("WEIR_TRUSTED_PROXIES", "must be addresses and networks such as 10.0.0.0/8, separated by commas");
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        for (text, size) in
            [("0", 0), ("1048576", 1 << 20), ("500MiB", 500 << 20), ("1 gib", 1 << 30), ("2 TiB", 2 << 40)]
        {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "GiB", "1GB", "-1", "1.5GiB", "99999999TiB"] {
            assert_eq!(bytes(text), Err(()), "{text}");
        }
    }
}
