//! The seam between a partial answer and its continuation.

/// Takes from the beginning of a continuation what the reader already has.
///
/// Two things can stand there. White space: a partial answer is sent without the white space at its end, because
/// models continue badly from it and some servers refuse it, so the model usually writes it again. And the partial
/// itself: some servers repeat a last assistant message at the start of what they send.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlap {
    /// What was sent and may be repeated; empty when it was too short to tell repetition from chance.
    sent: String,
    /// How much of `sent` has been repeated so far. Held back until it is certain.
    repeated: usize,
    /// The white space that was cut off and may be written again.
    white: String,
}

/// A continuation that begins with so many bytes of the partial by chance is not to be expected.
const CERTAIN_BYTES: usize = 24;

impl Overlap {
    /// Splits `partial` into what is sent and the seam to watch.
    pub(super) fn new(partial: &str) -> (&str, Self) {
        let sent = partial.trim_end();
        let white = partial[sent.len()..].to_owned();
        let watched = if sent.len() >= CERTAIN_BYTES { sent.to_owned() } else { String::new() };
        (sent, Self { sent: watched, repeated: 0, white })
    }

    /// What of `text` is new.
    pub(super) fn strip(&mut self, text: String) -> String {
        if self.sent.is_empty() && self.white.is_empty() {
            return text;
        }
        let mut new = text.as_str();
        if !self.sent.is_empty() {
            let expected = &self.sent[self.repeated..];
            let common = common_prefix(expected, new);
            if common == expected.len() {
                self.sent.clear();
                new = &new[common..];
            } else if common == new.len() {
                self.repeated += common;
                return String::new();
            } else {
                // No repetition after all: what was held back is the answer.
                let held = self.release();
                return held + &self.strip_white(new);
            }
        }
        self.strip_white(new)
    }

    /// The continuation has ended: what was held back is a part of it.
    pub(super) fn finish(&mut self) -> String {
        self.release()
    }

    fn release(&mut self) -> String {
        let mut held = std::mem::take(&mut self.sent);
        held.truncate(std::mem::take(&mut self.repeated));
        if held.is_empty() { held } else { self.strip_white(&held) }
    }

    fn strip_white(&mut self, text: &str) -> String {
        let common = common_prefix(&self.white, text);
        if common == text.len() {
            self.white.drain(..common);
        } else {
            self.white.clear();
        }
        text[common..].to_owned()
    }
}

/// The length of the longest common beginning, in whole characters.
fn common_prefix(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(partial: &str, pieces: &[&str]) -> String {
        let (_, mut overlap) = Overlap::new(partial);
        let mut whole = partial.to_owned();
        for piece in pieces {
            whole.push_str(&overlap.strip((*piece).to_owned()));
        }
        whole + &overlap.finish()
    }

    #[test]
    fn white_space_is_not_sent_and_not_doubled() {
        assert_eq!(Overlap::new("Hello \n").0, "Hello");
        assert_eq!(join("Hello ", &[" ", "world"]), "Hello world");
        assert_eq!(join("Hello\n\n", &["\n", "\n", "\nworld"]), "Hello\n\n\nworld");
        assert_eq!(join("Hello ", &["world"]), "Hello world");
        assert_eq!(join("Hel", &["lo"]), "Hello");
    }

    #[test]
    fn a_repeated_partial_is_dropped_and_a_mere_likeness_is_kept() {
        let partial = "The river runs past a quiet weir ";
        assert_eq!(join(partial, &["The river ", "runs past a quiet weir", " and on"]), format!("{partial}and on"));
        assert_eq!(join(partial, &["The river ", "runs dry"]), format!("{partial}The river runs dry"));
        assert_eq!(join(partial, &["The river "]), format!("{partial}The river "));
        assert_eq!(join("ha", &["ha"]), "haha");
    }

    proptest! {
        #[test]
        fn an_answer_cut_anywhere_is_whole_again(
            whole in "[a-c 漢\n]{0,80}", at in 0usize..80, echo: bool, size in 1usize..6,
        ) {
            let cut = whole.char_indices().map(|(index, _)| index).nth(at).unwrap_or(whole.len());
            let (sent, _) = Overlap::new(&whole[..cut]);
            let echo = echo && sent.len() >= CERTAIN_BYTES;
            let from = if echo { 0 } else { sent.len() };
            // Without an echo, a continuation that is itself the partial once more cannot be told from one.
            prop_assume!(echo || sent.len() < CERTAIN_BYTES || !whole[from..].starts_with(sent));
            let pieces: Vec<String> = whole[from..].chars().collect::<Vec<_>>().chunks(size).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(join(&whole[..cut], &pieces), whole);
        }
    }
}
