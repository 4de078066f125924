//! What the operating system says of this process. Where it has no `/proc`, everything is 0.

use std::{fs, time::Duration};

/// The unit of times in `/proc/self/stat`: every Linux that Weir runs on has 100 a second (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICK: Duration = Duration::from_millis(10);

/// Resident memory in bytes.
pub(crate) fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// Processor time so far, of all threads.
pub(crate) fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the process may have spaces and brackets in it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
    ticks.map(|ticks| TICK * ticks).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_has_memory_and_uses_time() {
        assert!(memory() > 1024 * 1024);
        let before = cpu_time();
        let mut number = 1_u64;
        while cpu_time() < before + 2 * TICK {
            number = std::hint::black_box(number.wrapping_mul(31));
        }
        assert!(cpu_time() < Duration::from_hours(1));
    }
}
