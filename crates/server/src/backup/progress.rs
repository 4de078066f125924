//! What the commands tell while they work, and how.

use std::{path::Path, pin::pin, time::Duration};

use tokio::time::{Instant, interval_at};

/// Work that takes longer is told of.
const FIRST: Duration = Duration::from_secs(1);
/// From one line to the next.
const NEXT: Duration = Duration::from_secs(5);
const MEBIBYTE: u64 = 1024 * 1024;

/// Waits for `work`, and prints a line to standard error after a second and every five seconds: what is being done, for how long,
/// and the size of the file that grows meanwhile.
pub(super) async fn with_progress<T>(doing: &str, grows: Option<&Path>, work: impl Future<Output = T>) -> T {
    let (began, mut work) = (Instant::now(), pin!(work));
    let mut ticks = interval_at(began + FIRST, NEXT);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                let size = grows.and_then(|path| path.metadata().ok()).map(|found| format!(", {}", mebibytes(found.len())));
                eprintln!("weir: {doing}: {} s{}", began.elapsed().as_secs(), size.unwrap_or_default());
            }
        }
    }
}

/// A number of bytes, to a tenth of a MiB.
pub(super) fn mebibytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10).div_ceil(MEBIBYTE);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_a_tenth() {
        let sizes = [0, 1, MEBIBYTE, 3 * MEBIBYTE / 2, 1200 * MEBIBYTE].map(mebibytes);
        assert_eq!(sizes, ["0.0 MiB", "0.1 MiB", "1.0 MiB", "1.5 MiB", "1200.0 MiB"]);
    }
}
