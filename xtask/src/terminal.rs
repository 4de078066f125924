//! What the commands themselves print, in a form that reads well with and without a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs one long step under a heading and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    heading(name);
    let start = Instant::now();
    let value = work()?;
    println!("    {name}: done in {}", duration(start.elapsed()));
    Ok(value)
}

/// Begins a step.
pub(crate) fn heading(name: &str) {
    if is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        println!("\n\x1b[1;36m==>\x1b[0m \x1b[1m{name}\x1b[0m");
    } else {
        println!("\n==> {name}");
    }
}

/// Whether somebody is looking.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// `4.2 s` below a minute, `3 min 05 s` above.
pub(crate) fn duration(elapsed: Duration) -> String {
    let tenths = elapsed.as_millis().div_ceil(100);
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = elapsed.as_secs();
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

/// Joins words the way a sentence does: `a`, `a and b`, `a, b and c`.
pub(crate) fn enumeration(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_clock() {
        assert_eq!(duration(Duration::from_millis(0)), "0.0 s");
        assert_eq!(duration(Duration::from_millis(4_210)), "4.3 s");
        assert_eq!(duration(Duration::from_mins(1)), "1 min 00 s");
        assert_eq!(duration(Duration::from_secs(3_605)), "60 min 05 s");
    }

    #[test]
    fn enumerations_read_like_a_sentence() {
        let words: Vec<String> = ["cmake", "libclang", "g++"].map(String::from).to_vec();
        assert_eq!(enumeration(&words[..0]), "");
        assert_eq!(enumeration(&words[..1]), "cmake");
        assert_eq!(enumeration(&words[..2]), "cmake and libclang");
        assert_eq!(enumeration(&words), "cmake, libclang and g++");
    }
}
