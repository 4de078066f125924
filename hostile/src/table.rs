//! The table: one line for each play and database.

use std::fmt::Write as _;

use crate::watch::Seen;

/// How a play ended.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The play.
    pub(crate) name: &'static str,
    /// The database, as people call it.
    pub(crate) database: &'static str,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of a play.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It was played; the violations that were found.
    Played(Seen, Vec<String>),
    /// It could not be played, and why.
    Skipped(String),
}

/// Formats the table as Markdown, and the totals as its last line.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut text = String::from(
        "| Play | Database | Slowest /healthz | p99 of /api/me | Peak memory | Result |\n|---|---|---:|---:|---:|---|\n",
    );
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for Line { name, database, outcome } in lines {
        // Writing to a string cannot fail.
        let _ = match outcome {
            Outcome::Played(seen, violations) => {
                let result = if violations.is_empty() { "passed" } else { "FAILED" };
                *if violations.is_empty() { &mut passed } else { &mut failed } += 1;
                writeln!(
                    text,
                    "| {name} | {database} | {} ms | {} ms | {} MiB | {result} |",
                    seen.health.as_millis(),
                    seen.me.as_millis(),
                    seen.memory_mib
                )
            }
            Outcome::Skipped(why) => {
                skipped += 1;
                writeln!(text, "| {name} | {database} | | | | not played: {why} |")
            }
        };
    }
    let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    let _ = write!(text, "\n{passed} passed, {failed} failed{skipped}");
    text
}

/// Whether every play passed or could not be played.
pub(crate) fn passed(lines: &[Line]) -> bool {
    lines.iter().all(|line| !matches!(&line.outcome, Outcome::Played(_, violations) if !violations.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_totals_are_the_last_line() {
        let line = |outcome| Line { name: "search", database: "SQLite", outcome };
        let seen = Seen { health: Duration::from_millis(7), me: Duration::from_millis(30), memory_mib: 99 };
        let mut lines = vec![line(Outcome::Played(seen, Vec::new())), line(Outcome::Skipped("no model".to_owned()))];
        assert!(table(&lines).contains("| search | SQLite | 7 ms | 30 ms | 99 MiB | passed |"));
        assert_eq!(table(&lines).lines().last(), Some("1 passed, 0 failed, 1 skipped"));
        assert!(passed(&lines));
        lines.push(line(Outcome::Played(Seen::default(), vec!["slow".to_owned()])));
        assert_eq!(table(&lines).lines().last(), Some("1 passed, 1 failed, 1 skipped"));
        assert!(!passed(&lines));
    }
}
