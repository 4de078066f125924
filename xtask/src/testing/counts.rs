//! How many tests passed and failed, read from what the test runners write.

use std::iter::Sum;
use std::ops::Add;
use std::process::ExitStatus;

use serde_json::Value;

/// The results of one step or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// A check that is as a whole right or wrong, and was right.
    pub(crate) const CHECK: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// A check that was wrong.
    pub(crate) const FAILURE: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// A check that was right, or could not be made here.
    pub(crate) fn asked(was: bool) -> Self {
        if was { Self::CHECK } else { Self { skipped: 1, ..Self::default() } }
    }

    /// A runner that ends badly without naming a failed test (a file that does not load, a crash) has still failed.
    pub(crate) fn and_exit(mut self, status: ExitStatus) -> Self {
        if !status.success() && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::add)
    }
}

/// Reads nextest's summary: `Summary [ 0.1s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
pub(crate) fn nextest(output: &str) -> Counts {
    let output = without_colours(output);
    let Some(summary) = output.lines().rev().find(|line| line.trim_start().starts_with("Summary [")) else {
        return Counts::default();
    };
    let Some((run, results)) = summary.split_once(" run: ") else { return Counts::default() };
    let mut counts = Counts::default();
    for result in outside_brackets(results).split(',') {
        let mut words = result.split_whitespace();
        let Some(number) = words.next().and_then(|number| number.parse::<u64>().ok()) else { continue };
        match words.next() {
            Some("passed") => counts.passed += number,
            Some("skipped") => counts.skipped += number,
            // "failed", "timed out", "exec failed", and whatever else is not a pass.
            _ => counts.failed += number,
        }
    }
    // A run that was cut short says "3/10 tests run"; those that were never started did not pass.
    if let Some((started, planned)) = fraction(run) {
        counts.failed += planned.saturating_sub(started);
    }
    counts
}

/// Reads every `test result: ok. 5 passed; 0 failed; 1 ignored; …` of a `cargo test`.
pub(crate) fn cargo_test(output: &str) -> Counts {
    let output = without_colours(output);
    let results = output.lines().filter_map(|line| line.trim_start().strip_prefix("test result: "));
    results
        .map(|result| {
            let number = |word: &str| {
                result
                    .split([';', '.'])
                    .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
                    .unwrap_or(0)
            };
            Counts { passed: number("passed"), failed: number("failed"), skipped: number("ignored") }
        })
        .sum()
}

/// Reads the report of Vitest's `json` reporter.
pub(crate) fn vitest(report: &str) -> Counts {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    Counts {
        passed: number("numPassedTests"),
        failed: number("numFailedTests"),
        skipped: number("numPendingTests") + number("numTodoTests"),
    }
}

/// Reads the report of Playwright's `json` reporter; a test that passed only when repeated has passed.
pub(crate) fn playwright(report: &str) -> Counts {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let number = |name: &str| report["stats"][name].as_u64().unwrap_or(0);
    Counts { passed: number("expected") + number("flaky"), failed: number("unexpected"), skipped: number("skipped") }
}

/// Reads what the fault suite says of each play, `kill --seed 3: held, …` or `kill --seed 3: FAILED …`, and in its table of
/// each fault that could not be played.
pub(crate) fn faults(output: &str) -> Counts {
    let verdicts = |verdict: &str| {
        let plays = output.lines().filter_map(|line| line.split_once(" --seed ")?.1.split_once(": "));
        plays.filter(|(_, said)| said.starts_with(verdict)).count() as u64
    };
    let skipped = output.lines().filter(|line| line.starts_with('|') && line.contains("| not played: ")).count() as u64;
    Counts { passed: verdicts("held"), failed: verdicts("FAILED"), skipped }
}

/// Reads the last line of the hostile suite: `12 passed, 1 failed, 2 skipped`.
pub(crate) fn totals(output: &str) -> Counts {
    let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let number =
        |word: &str| last.split(", ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok()).unwrap_or(0);
    Counts { passed: number("passed"), failed: number("failed"), skipped: number("skipped") }
}

/// The number of tests started and planned in `… 3/10 tests`.
fn fraction(text: &str) -> Option<(u64, u64)> {
    let (started, planned) = text.split_whitespace().find_map(|word| word.split_once('/'))?;
    Some((started.parse().ok()?, planned.parse().ok()?))
}

fn outside_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|character| {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect()
}

/// Takes the ANSI colour sequences (`ESC [ … m`) out of a runner's output.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(
            part.trim_start_matches(|character: char| character.is_ascii_digit() || character == ';')
                .trim_start_matches('m'),
        );
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn nextest_passes() {
        let output = "        PASS [   0.005s] (1/2) weir-store log::dense\n\
                      ------------\n     Summary [   0.013s] 2 tests run: 2 passed, 0 skipped\n";
        assert_eq!(nextest(output), counts(2, 0, 0));
    }

    #[test]
    fn nextest_failures_of_every_kind_count() {
        let output = "     Summary [  12.1s] 9 tests run: 5 passed (2 slow, 1 flaky), 2 failed, 1 timed out, 1 exec failed, 3 skipped\n";
        assert_eq!(nextest(output), counts(5, 4, 3));
    }

    #[test]
    fn nextest_tests_that_never_ran_did_not_pass() {
        assert_eq!(nextest("     Summary [   0.2s] 3/10 tests run: 2 passed, 1 failed, 0 skipped"), counts(2, 8, 0));
    }

    #[test]
    fn nextest_in_colour_reads_the_same() {
        let output = "\x1b[32;1m     Summary\x1b[0m [   0.013s] \x1b[1m3\x1b[0m tests run: \x1b[1m2\x1b[0m \x1b[32;1mpassed\x1b[0m, \x1b[1m1\x1b[0m \x1b[31;1mfailed\x1b[0m, \x1b[1m0\x1b[0m skipped";
        assert_eq!(nextest(output), counts(2, 1, 0));
    }

    #[test]
    fn cargo_test_results_are_added_up() {
        let output = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                      test result: \x1b[31mFAILED\x1b[0m. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(cargo_test(output), counts(7, 3, 1));
    }

    #[test]
    fn vitest_and_playwright_reports_are_read() {
        let report = r#"{"numPassedTests":7,"numFailedTests":2,"numPendingTests":1,"numTodoTests":0,"success":false}"#;
        assert_eq!(vitest(report), counts(7, 2, 1));
        let report = r#"{"stats":{"expected":4,"unexpected":1,"flaky":1,"skipped":2}}"#;
        assert_eq!(playwright(report), counts(5, 1, 2));
    }

    #[test]
    fn plays_of_faults_are_counted() {
        let output = "kill --seed 1: held, 8 answers in 2.1 s\nkill --seed 2: FAILED after 4.0 s; lost 1, doubled 0, out of order 0\n    \
                      again: cargo xtask faults --only kill --seed 2 --seeds 1\n\n| Fault | Answers |\n\
                      | kill | 16 | 2 | 1 | FAILED in 1 |\n| loss | | | | | | | | | not played: needs nft (Debian: nftables) |\n";
        assert_eq!(faults(output), counts(1, 1, 1));
    }

    #[test]
    fn the_totals_of_the_hostile_suite_are_its_last_line() {
        let output =
            "search on SQLite: passed in 3.0 s\n\n| search | SQLite | passed |\n\n12 passed, 1 failed, 2 skipped\n";
        assert_eq!(totals(output), counts(12, 1, 2));
        assert_eq!(totals("3 passed, 0 failed"), counts(3, 0, 0));
        assert_eq!(totals("error: weir does not exist"), counts(0, 0, 0));
    }

    #[test]
    fn a_runner_that_dies_without_a_report_has_failed() {
        use std::os::unix::process::ExitStatusExt;
        let exit = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(vitest("").and_exit(exit(1)), counts(0, 1, 0));
        assert_eq!(nextest("error: could not compile").and_exit(exit(101)), counts(0, 1, 0));
        assert_eq!(counts(3, 2, 0).and_exit(exit(1)), counts(3, 2, 0));
        assert_eq!(counts(3, 0, 0).and_exit(exit(0)), counts(3, 0, 0));
    }
}
