//! From the bytes of tokens to text: whole characters, and nothing of a stop string.

use encoding_rs::{Decoder, UTF_8};

/// Texts that end an answer when the model spells them out instead of using the control token.
const STOPS: [&str; 2] = ["<|im_end|>", "<|im_start|>"];

/// The text of one answer as it grows.
pub(super) struct AnswerText {
    decoder: Decoder,
    /// Text that may be the beginning of a stop string.
    held: String,
}

/// What came of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Text that may be shown; empty while a character or a stop string is incomplete.
    pub(super) text: String,
    /// A stop string was found; the answer ends here.
    pub(super) stopped: bool,
}

impl AnswerText {
    pub(super) fn new() -> Self {
        // Without the handling of byte order marks: an answer's first character is never dropped.
        Self { decoder: UTF_8.new_decoder_without_bom_handling(), held: String::new() }
    }

    /// Adds the bytes of one token. A character whose bytes lie in several tokens comes with the last of them; bytes that are
    /// no UTF-8 become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Piece {
        let room = self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16);
        self.held.reserve(room);
        // The reserved room is the decoder's own upper bound, so it reads everything.
        let _ = self.decoder.decode_to_string(bytes, &mut self.held, false);
        if let Some(at) = STOPS.iter().filter_map(|stop| self.held.find(stop)).min() {
            let text = self.held[..at].to_owned();
            self.held.clear();
            return Piece { text, stopped: true };
        }
        let text = self.held.drain(..self.held.len() - beginning_of_a_stop(&self.held)).collect();
        Piece { text, stopped: false }
    }

    /// What was still held, when the answer ends otherwise. The bytes of an incomplete character are left out.
    pub(super) fn finish(self) -> String {
        self.held
    }
}

/// How many of the last bytes of `text` could begin a stop string.
fn beginning_of_a_stop(text: &str) -> usize {
    let longest = STOPS.iter().map(|stop| stop.len() - 1).max().unwrap_or(0);
    let begins = |length: &usize| STOPS.iter().any(|stop| *length < stop.len() && text.ends_with(&stop[..*length]));
    (1..=longest.min(text.len())).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(pieces: &[&[u8]]) -> (String, bool) {
        let mut answer = AnswerText::new();
        let mut shown = String::new();
        for bytes in pieces {
            let piece = answer.push(bytes);
            shown.push_str(&piece.text);
            if piece.stopped {
                return (shown, true);
            }
        }
        shown.push_str(&answer.finish());
        (shown, false)
    }

    #[test]
    fn a_spelled_out_stop_string_ends_the_answer() {
        assert_eq!(all(&[b"Done.<", b"|im_", b"end|>more"]), ("Done.".to_owned(), true));
        assert_eq!(all(&[b"a<|im_start|>system"]), ("a".to_owned(), true));
        assert_eq!(all(&[b"1 <", b" 2 and <|", b"x|>"]), ("1 < 2 and <|x|>".to_owned(), false));
        assert_eq!(all(&[b"end with <|im_"]), ("end with <|im_".to_owned(), false));
    }

    #[test]
    fn the_first_character_is_kept_whatever_it_is() {
        assert_eq!(all(&[b" ", b"\n", b"x"]).0, " \nx");
        assert_eq!(all(&["\u{feff}x".as_bytes()]).0, "\u{feff}x");
    }

    #[test]
    fn an_incomplete_last_character_is_left_out() {
        assert_eq!(all(&[b"ok ", &[0xf0, 0x9f], &[0x98]]).0, "ok ");
    }

    proptest! {
        #[test]
        fn text_is_whole_however_the_bytes_are_cut(text in any::<String>(), cuts in proptest::collection::vec(1_usize..5, 1..50)) {
            let bytes = text.as_bytes();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for length in cuts.iter().cycle() {
                let to = (from + length).min(bytes.len());
                pieces.push(&bytes[from..to]);
                from = to;
                if from == bytes.len() {
                    break;
                }
            }
            let stopped = STOPS.iter().any(|stop| text.contains(stop));
            prop_assume!(!stopped);
            prop_assert_eq!(all(&pieces), (text, false));
        }
    }
}
