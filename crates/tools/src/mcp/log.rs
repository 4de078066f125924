//! The last lines of what a server said beside the protocol.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::Instant,
};

/// Lines that are kept.
const LINES: usize = 200;
/// The longest line, in bytes; a longer one becomes several.
const LONGEST: usize = 2000;

/// A line, and when it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// What.
    pub text: String,
}

/// The lines of one server, over all its restarts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<VecDeque<Line>>>);

impl Log {
    /// Adds what was said.
    pub(super) fn say(&self, text: &str) {
        // More than that would push itself out.
        let text = &text[..text.floor_char_boundary(LINES * LONGEST)];
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for text in text.lines().map(str::trim_end).filter(|text| !text.is_empty()) {
            let end = text.floor_char_boundary(LONGEST);
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(Line { at: Instant::now(), text: text[..end].to_owned() });
        }
    }

    /// The lines, oldest first.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Writes down what comes, line by line, until nothing comes any more.
    pub(super) async fn listen(self, mut source: impl AsyncRead + Unpin) {
        let (mut pending, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            let read = source.read(&mut chunk).await.unwrap_or(0);
            for byte in &chunk[..read] {
                if *byte == b'\n' || pending.len() == LONGEST {
                    self.say(&String::from_utf8_lossy(&pending));
                    pending.clear();
                }
                if *byte != b'\n' {
                    pending.push(*byte);
                }
            }
            if read == 0 {
                return self.say(&String::from_utf8_lossy(&pending));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_kept_and_none_is_endless() {
        let log = Log::default();
        let numbered: Vec<_> = (0..300).map(|line| format!("line {line}")).collect();
        let text = numbered.join("\n") + "\n" + &"x".repeat(5000) + "\n\nend";
        log.clone().listen(text.as_bytes()).await;
        let lines = log.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[0].text, "line 104");
        let lengths: Vec<_> = lines[LINES - 4..].iter().map(|line| line.text.len()).collect();
        assert_eq!(lengths, [LONGEST, LONGEST, 1000, 3]);
    }
}
