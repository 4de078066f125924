//! What one reader of one answer was shown.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use weir_testkit::Event;

/// A question that was accepted.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The run that answers it.
    pub run: String,
    /// Where it stands.
    pub conversation: String,
    /// The question.
    pub prompt: String,
    /// The key it was asked with.
    pub key: String,
}

/// Everything one reader was shown, in the order in which it was shown.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// The events, each once.
    pub shown: Vec<Event>,
    /// Events that were shown again although the reader had asked for what follows them.
    pub doubled: u64,
    /// Events that were jumped over.
    pub skipped: u64,
    /// Events that came after a later one.
    pub disordered: u64,
    /// The longest time between two events.
    pub longest_pause: Duration,
    /// Why the server said that this reader cannot go on; the status and the code.
    pub refused: Option<String>,
    /// What else was wrong.
    pub complaints: Vec<String>,
    last_at: Option<Instant>,
}

impl Journal {
    /// The number of the last event; 0 before the first.
    pub fn last(&self) -> u64 {
        self.shown.last().map_or(0, |event| event.id)
    }

    /// Whether the terminal event was shown.
    pub fn is_done(&self) -> bool {
        self.shown.iter().rev().take(3).any(|event| event.kind == "done")
    }

    /// Writes down an event.
    pub fn write(&mut self, event: Event) {
        let last = self.last();
        if event.id <= last {
            match self.shown.iter().find(|shown| shown.id == event.id) {
                None => self.disordered += 1,
                Some(shown) => {
                    self.doubled += 1;
                    if *shown != event {
                        self.complaints.push(format!("{event:?} was {shown:?} before"));
                    }
                }
            }
            return;
        }
        self.skipped += event.id - last - 1;
        if self.is_done() {
            self.complaints.push(format!("{event:?} follows done"));
        }
        let now = Instant::now();
        if let Some(before) = self.last_at.replace(now) {
            self.longest_pause = self.longest_pause.max(now - before);
        }
        self.shown.push(event);
    }

    /// Takes out what was shown after an event: the server was restored to a moment before.
    pub(crate) fn go_back_to(&mut self, last: u64) {
        self.shown.retain(|event| event.id <= last);
        self.last_at = None;
        self.refused = None;
    }

    /// The joined texts of the tokens.
    pub fn text(&self) -> String {
        text_of(&self.shown)
    }
}

/// The joined texts of the tokens among some events.
pub(crate) fn text_of(events: &[Event]) -> String {
    let tokens = events.iter().filter(|event| event.kind == "token");
    let texts = tokens.filter_map(|event| serde_json::from_str::<serde_json::Value>(&event.data).ok());
    texts.map(|token| token["text"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A journal that its reader writes while others look into it.
#[derive(Clone, Debug)]
pub(crate) struct SharedJournal {
    pub(crate) answer: Arc<Answer>,
    journal: Arc<Mutex<Journal>>,
}

impl SharedJournal {
    pub(crate) fn new(answer: Arc<Answer>) -> Self {
        Self { answer, journal: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: u64, text: &str) -> Event {
        Event { id, kind: "token".to_owned(), data: format!(r#"{{"id":"m","text":"{text}"}}"#) }
    }

    #[test]
    fn a_journal_notices_what_is_missing_doubled_or_late() {
        let mut journal = Journal::default();
        for event in [token(1, "a"), token(2, "b"), token(2, "b"), token(5, "e"), token(4, "d"), token(1, "x")] {
            journal.write(event);
        }
        assert_eq!((journal.skipped, journal.doubled, journal.disordered), (2, 2, 1));
        assert_eq!(journal.complaints.len(), 1, "{:?}", journal.complaints);
        assert_eq!(journal.text(), "abe");
    }
}
