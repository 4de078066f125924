//! The steps of a test run: which ran, how they ended, and the table at the end.

use std::fmt::Write;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process;
use crate::terminal;

use super::{Counts, Group, Selection};

/// How a step ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was well.
    Passed(Counts),
    /// Tests failed, or the step as a whole, which then has a reason.
    Failed(Counts, Option<String>),
    /// It needs a step that failed, or that was itself skipped.
    Skipped { needs: &'static str },
    /// Not part of what was asked for.
    NotSelected,
}

struct Report {
    name: &'static str,
    outcome: Outcome,
    elapsed: Duration,
}

/// A step that has been dealt with, for those that build on it.
#[derive(Clone, Copy)]
pub(crate) struct Step(usize);

/// Steps, run one after another, each told whether those before it held.
pub(crate) struct Suite<'s> {
    selection: &'s Selection,
    start: Instant,
    reports: Vec<Report>,
}

impl<'s> Suite<'s> {
    pub(crate) fn new(selection: &'s Selection) -> Self {
        Self { selection, start: Instant::now(), reports: Vec::new() }
    }

    /// Runs a step of the given groups, unless a step that it needs did not hold.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        groups: &[Group],
        needs: &[Step],
        work: impl FnOnce() -> Result<Counts>,
    ) -> Step {
        let start = Instant::now();
        let outcome = if !self.selection.includes(groups) {
            Outcome::NotSelected
        } else if let Some(missing) = self.first_without_result(needs) {
            Outcome::Skipped { needs: missing }
        } else {
            terminal::heading(name);
            let outcome = judge(work());
            outcome.tell(name, start.elapsed());
            outcome
        };
        self.reports.push(Report { name, outcome, elapsed: start.elapsed() });
        Step(self.reports.len() - 1)
    }

    /// Runs commands that each count as one check, one after another, beside `steps` that leave processors idle, and then shows what
    /// they wrote.
    pub(crate) fn beside<const N: usize>(
        &mut self,
        groups: &[Group],
        checks: [(&'static str, Command); N],
        steps: impl FnOnce(&mut Self),
    ) {
        if !self.selection.includes(groups) {
            return steps(self);
        }
        let names = checks.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        terminal::heading(&format!("{}: shown after what follows", terminal::enumeration(&names)));
        let aside = thread::spawn(|| checks.map(aside));
        steps(self);
        // A panic there is one here, as it would be without a thread.
        for (report, output) in aside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            terminal::heading(report.name);
            print!("{output}");
            report.outcome.tell(report.name, report.elapsed);
            self.reports.push(report);
        }
    }

    /// Whether every step that was asked for ran and passed.
    pub(crate) fn has_passed(&self) -> bool {
        self.reports.iter().all(|report| matches!(report.outcome, Outcome::Passed(_) | Outcome::NotSelected))
    }

    /// The table, the reasons of failures, and the line `N passed, N failed`.
    pub(crate) fn summary(&self) -> String {
        let shown: Vec<&Report> = self.reports.iter().filter(|report| report.outcome != Outcome::NotSelected).collect();
        let width = shown.iter().map(|report| report.name.len()).max().unwrap_or(0).max("Step".len());
        let mut text = format!("\n{:width$}  {:>12}  Result\n", "Step", "Time");
        for report in &shown {
            let time = terminal::duration(report.elapsed);
            let _ = writeln!(text, "{:width$}  {time:>12}  {}", report.name, report.outcome.cell());
        }
        let _ = writeln!(text, "{:width$}  {:>12}", "Total", terminal::duration(self.start.elapsed()));
        for report in &shown {
            if let Outcome::Failed(_, Some(reason)) = &report.outcome {
                let _ = write!(text, "\n{}: {reason}\n", report.name);
            }
        }
        let counts: Counts = shown.iter().map(|report| report.outcome.counts()).sum();
        let _ = write!(text, "\n{} passed, {} failed\n", counts.passed, counts.failed);
        text
    }

    fn first_without_result(&self, needs: &[Step]) -> Option<&'static str> {
        needs
            .iter()
            .filter_map(|step| self.reports.get(step.0))
            .find(|report| matches!(report.outcome, Outcome::Failed(..) | Outcome::Skipped { .. }))
            .map(|report| report.name)
    }
}

/// Runs a check whose output is shown later.
fn aside((name, mut command): (&'static str, Command)) -> (Report, String) {
    let start = Instant::now();
    let finished = process::run_aside(&mut command);
    let (result, output) = match finished {
        Ok(finished) => (process::check(&command, finished.status), finished.output),
        Err(error) => (Err(error), String::new()),
    };
    let outcome = judge(result.map(|()| Counts::CHECK));
    (Report { name, outcome, elapsed: start.elapsed() }, output)
}

impl Outcome {
    fn tell(&self, name: &str, elapsed: Duration) {
        if let Self::Failed(_, Some(reason)) = self {
            println!("    {reason}");
        }
        println!("    {name}: {} in {}", self.word(), terminal::duration(elapsed));
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Failed(..) => "failed",
            Self::Skipped { .. } | Self::NotSelected => "skipped",
        }
    }

    fn cell(&self) -> String {
        match self {
            Self::Passed(counts) | Self::Failed(counts, None) => format!("{} ({})", self.word(), details(*counts)),
            Self::Failed(_, Some(_)) | Self::NotSelected => self.word().to_owned(),
            Self::Skipped { needs } => format!("skipped, because it needs: {needs}"),
        }
    }

    fn counts(&self) -> Counts {
        match self {
            Self::Passed(counts) | Self::Failed(counts, _) => *counts,
            Self::Skipped { .. } | Self::NotSelected => Counts::default(),
        }
    }
}

fn judge(result: Result<Counts>) -> Outcome {
    match result {
        Ok(counts) if counts.failed == 0 => Outcome::Passed(counts),
        Ok(counts) => Outcome::Failed(counts, None),
        Err(error) => Outcome::Failed(Counts::FAILURE, Some(format!("{error:#}"))),
    }
}

fn details(counts: Counts) -> String {
    let mut text = format!("{} passed", counts.passed);
    for (number, word) in [(counts.failed, "failed"), (counts.skipped, "skipped")] {
        if number > 0 {
            let _ = write!(text, ", {number} {word}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use crate::process::shell;

    use super::*;

    fn everything() -> Selection {
        Selection::parse(&[]).unwrap()
    }

    const RUST: [Group; 1] = [Group::Rust];

    #[test]
    fn the_totals_stand_alone_on_the_last_line() {
        let selection = everything();
        let mut suite = Suite::new(&selection);
        suite.step("Clippy", &RUST, &[], || Ok(Counts::CHECK));
        suite.step("Rust tests", &RUST, &[], || Ok(Counts { passed: 40, failed: 2, skipped: 1 }));
        let summary = suite.summary();
        assert_eq!(summary.lines().last(), Some("41 passed, 2 failed"));
        assert!(summary.contains("failed (40 passed, 2 failed, 1 skipped)"), "{summary}");
        assert!(!suite.has_passed());
    }

    #[test]
    fn a_step_whose_ground_is_missing_is_skipped_and_says_why() {
        let selection = everything();
        let mut suite = Suite::new(&selection);
        let build = suite.step("Rust build", &RUST, &[], || Err(anyhow!("it does not compile")));
        let model = suite.step("Model", &RUST, &[build], || panic!("must not run"));
        suite.step("Browser tests", &RUST, &[model], || panic!("must not run"));
        suite.step("ESLint", &RUST, &[], || Ok(Counts::CHECK));
        let summary = suite.summary();
        assert!(summary.contains("skipped, because it needs: Rust build"), "{summary}");
        assert!(summary.contains("skipped, because it needs: Model"), "{summary}");
        assert!(summary.contains("Rust build: it does not compile"), "{summary}");
        assert_eq!(summary.lines().last(), Some("1 passed, 1 failed"));
    }

    #[test]
    fn checks_beside_other_steps_count_as_these_do() {
        let selection = everything();
        let mut suite = Suite::new(&selection);
        suite.beside(&RUST, [("Prettier", shell("exit 3")), ("ESLint", shell("exit 0"))], |suite| {
            suite.step("Faults", &RUST, &[], || Ok(Counts::CHECK));
        });
        let summary = suite.summary();
        assert!(summary.contains("Prettier: `sh -c exit 3` failed"), "{summary}");
        assert_eq!(summary.lines().last(), Some("2 passed, 1 failed"));
        assert!(!suite.has_passed());
    }

    #[test]
    fn steps_run_without_checks_beside_them_that_nobody_asked_for() {
        let selection = Selection::parse(&["--only=web".to_owned()]).unwrap();
        let mut suite = Suite::new(&selection);
        suite.beside(&RUST, [("Prettier", Command::new("/no/such/program"))], |suite| {
            suite.step("Vitest", &[Group::Web], &[], || Ok(Counts::CHECK));
        });
        assert!(suite.has_passed());
        assert_eq!(suite.summary().lines().last(), Some("1 passed, 0 failed"));
    }

    #[test]
    fn what_was_not_asked_for_neither_runs_nor_shows() {
        let selection = Selection::parse(&["--only=web".to_owned()]).unwrap();
        let mut suite = Suite::new(&selection);
        let build = suite.step("Rust build", &RUST, &[], || panic!("must not run"));
        suite.step("Vitest", &[Group::Web], &[build], || Ok(Counts { passed: 3, failed: 0, skipped: 0 }));
        assert!(suite.has_passed());
        assert!(!suite.summary().contains("Rust build"));
        assert_eq!(suite.summary().lines().last(), Some("3 passed, 0 failed"));
    }
}
