//! What a page tells of itself: how fast it was, and where it failed. Never what anybody said, and nothing of an error but its kind.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::FieldError;

/// The most entries of each kind in one batch.
const MAX_ENTRIES: usize = 32;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// The largest value: an hour in milliseconds, and any layout shift.
const MAX_VALUE: f64 = 3_600_000.0;

/// A batch of what a page has noticed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Telemetry {
    /// How the page did; at most 32.
    #[serde(default)]
    pub vitals: Vec<WebVital>,
    /// What failed in it; at most 32.
    #[serde(default)]
    pub errors: Vec<PageError>,
}

/// One of the Web Vitals (<https://web.dev/articles/vitals>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum WebVitalName {
    /// How far things jumped while they were looked at: a number without a unit.
    Cls,
    /// Until the first text or picture was painted.
    Fcp,
    /// From an input to the paint that followed.
    Inp,
    /// Until the largest text or picture was painted.
    Lcp,
    /// Until the first byte of the page came.
    Ttfb,
}

/// How a page did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebVital {
    /// What was measured.
    pub name: WebVitalName,
    /// Milliseconds; for `CLS` the score itself.
    pub value: f64,
    /// The path of the page, without its query.
    pub page: String,
}

/// Something that failed in a page. What an error says may quote what somebody wrote, so it stays in the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PageError {
    /// The kind of error, such as `TypeError`.
    pub name: String,
    /// The part of the app.
    pub area: String,
    /// The path of the page, without its query.
    pub page: String,
}

impl Telemetry {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        for (field, count) in [("vitals", self.vitals.len()), ("errors", self.errors.len())] {
            if count > MAX_ENTRIES {
                faults.push(FieldError::new(field, format!("must have at most {MAX_ENTRIES} entries")));
            }
        }
        for (index, vital) in self.vitals.iter().enumerate().take(MAX_ENTRIES) {
            if !(0.0..=MAX_VALUE).contains(&vital.value) {
                faults.push(FieldError::new(format!("vitals[{index}].value"), format!("must be 0 to {MAX_VALUE}")));
            }
            check(&mut faults, format!("vitals[{index}].page"), &vital.page);
        }
        for (index, error) in self.errors.iter().enumerate().take(MAX_ENTRIES) {
            check(&mut faults, format!("errors[{index}].name"), &error.name);
            check(&mut faults, format!("errors[{index}].area"), &error.area);
            check(&mut faults, format!("errors[{index}].page"), &error.page);
        }
        faults
    }
}

/// Names of kinds and paths only: no sentence fits, and nothing that a log could take for a line of its own.
fn check(faults: &mut Vec<FieldError>, path: String, text: &str) {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '-' | '_' | '.');
    if text.is_empty() || text.len() > MAX_NAME_BYTES || !text.chars().all(fits) {
        faults.push(FieldError::new(path, format!("must be 1 to {MAX_NAME_BYTES} of A–Z a–z 0–9 / - _ .")));
    }
}
