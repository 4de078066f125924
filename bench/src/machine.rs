//! What the kernel says of a process and of the machine.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// User and system time of a process, all its threads together, the ended ones included (proc(5), `stat`). Counted in
/// ticks of usually 10 ms.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let fields = stat_fields(pid)?;
    let ticks = |index: usize| -> Result<u64> { Ok(fields.get(index).context("a short line in /proc")?.parse()?) };
    // Fields 14 and 15 of the line; the first two are cut off.
    let ticks = ticks(11)? + ticks(12)?;
    let micros = ticks * 1_000_000 / rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(micros))
}

/// The fields of `/proc/PID/stat` from the third on, which is the state; the second may contain anything.
fn stat_fields(pid: u32) -> Result<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = line.rsplit_once(')').context("a malformed line in /proc")?;
    Ok(rest.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// One line that says on what was measured.
pub(crate) fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_ascii_whitespace().next().unwrap_or("?").to_owned();
    format!("{}, {cores} cores, load {load}", model.trim_start_matches([' ', '\t', ':']))
}

/// The value in the middle; `None` of nothing.
pub(crate) fn median<T: Copy + PartialOrd>(values: &[T]) -> Option<T> {
    quantile(values, 0.5)
}

/// The smallest value that at least `share` of all values do not exceed (the nearest rank).
pub(crate) fn quantile<T: Copy + PartialOrd>(values: &[T], share: f64) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        assert_eq!(median(&[3, 1, 2]), Some(2));
        assert_eq!(median(&[4, 1, 2, 3]), Some(2));
        assert_eq!(quantile(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.99), Some(10));
        assert_eq!(median::<u32>(&[]), None);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = std::process::id();
        let begun = std::time::Instant::now();
        while cpu_time(pid).unwrap() < Duration::from_millis(20) {
            assert!(begun.elapsed() < Duration::from_secs(20), "a busy process does not age");
        }
        assert!(resident_kib(pid).unwrap() > 500);
    }
}
