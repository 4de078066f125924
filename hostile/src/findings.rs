//! Violations that a play has found so far.

use std::sync::{Arc, Mutex, PoisonError};

/// The most violations that one play reports.
const MAX: usize = 12;

/// A shared list of violations. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings(Arc<Mutex<Vec<String>>>);

impl Findings {
    /// Adds a violation. Repetitions and those beyond the limit are dropped.
    pub(crate) fn add(&self, violation: impl Into<String>) {
        let violation = violation.into();
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < MAX && !list.contains(&violation) {
            list.push(violation);
        }
    }

    /// Adds a violation unless `holds`.
    pub(crate) fn check(&self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.add(violation());
        }
    }

    /// Returns all violations so far.
    pub(crate) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_violation_is_reported_once() {
        let findings = Findings::default();
        findings.add("one");
        findings.check(false, || "one".to_owned());
        findings.check(true, || "two".to_owned());
        assert_eq!(findings.list(), ["one"]);
    }
}
