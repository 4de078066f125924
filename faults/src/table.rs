//! The table: one line a fault.

use std::fmt::Write as _;

use crate::oracle::Verdict;

/// How a fault's plays ended.
#[derive(Debug)]
pub(crate) enum Line {
    /// They were played.
    Played {
        /// The fault.
        name: &'static str,
        /// How many plays.
        seeds: u64,
        /// What came out of all of them.
        verdict: Verdict,
        /// Plays that could not be carried to their end, or in which the promise did not hold.
        failed: u64,
    },
    /// They were not, and why.
    Skipped {
        /// The fault.
        name: &'static str,
        /// Why.
        why: String,
    },
}

/// The table as Markdown, so that it can stand in the documentation as it is.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut text = String::from(
        "| Fault | Answers | Seeds | Lost | Doubled | Out of order | Longest pause | Gone on with | Kept in part | Verdict |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for line in lines.iter().filter(|line| !matches!(line, Line::Played { seeds: 0, .. })) {
        // Writing to a string cannot fail.
        let _ = match line {
            Line::Played { name, seeds, verdict: of, failed } => writeln!(
                text,
                "| {name} | {} | {seeds} | {} | {} | {} | {:.2} s | {} | {} | {} |",
                of.runs,
                of.lost,
                of.doubled,
                of.disordered,
                of.longest_pause.as_secs_f64(),
                of.continued,
                of.partial,
                if *failed == 0 { "held".to_owned() } else { format!("FAILED in {failed}") }
            ),
            Line::Skipped { name, why } => writeln!(text, "| {name} | | | | | | | | | not played: {why} |"),
        };
    }
    text
}

/// Whether nothing failed.
pub(crate) fn held(lines: &[Line]) -> bool {
    lines.iter().all(|line| !matches!(line, Line::Played { failed, .. } if *failed > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_play_is_seen_in_the_table_and_in_the_end() {
        let verdict = Verdict { runs: 8, lost: 1, ..Verdict::default() };
        let bad = Line::Played { name: "kill", seeds: 2, verdict, failed: 1 };
        let skipped = Line::Skipped { name: "power", why: "needs root".to_owned() };
        assert!(table(&[bad]).contains("| kill | 8 | 2 | 1 | 0 | 0 | 0.00 s | 0 | 0 | FAILED in 1 |"));
        let bad = Line::Played { name: "kill", seeds: 2, verdict: Verdict::default(), failed: 1 };
        assert!(!held(&[bad]));
        assert!(held(&[skipped]));
    }
}
