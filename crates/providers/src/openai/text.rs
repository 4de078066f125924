//! Text that servers cut inside a character.

/// Joins the texts of successive deltas into whole characters.
///
/// Servers that stream the bytes of tokens cut characters apart, either as raw UTF-8 or as two JSON escapes of a
/// surrogate pair, one in each delta. What is incomplete waits for the next delta; what can never become a character
/// turns into U+FFFD, as in every decoder of UTF-8. The input is WTF-8: UTF-8 in which lone surrogates may stand.
#[derive(Debug, Default)]
pub(super) struct TextJoiner {
    /// The beginning of a character, or a whole high surrogate (3 bytes).
    pending: Vec<u8>,
}

impl TextJoiner {
    /// Appends to `out` what `bytes` complete.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut String) {
        if self.pending.is_empty()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            out.push_str(text);
            return;
        }
        let mut all = std::mem::take(&mut self.pending);
        all.extend_from_slice(bytes);
        let mut rest = all.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    out.push_str(text);
                    return;
                }
                Err(error) => {
                    let (valid, invalid) = rest.split_at(error.valid_up_to());
                    out.push_str(&String::from_utf8_lossy(valid));
                    match surrogate(invalid) {
                        Surrogate::Pair(character) => {
                            out.push(character);
                            rest = &invalid[6..];
                        }
                        Surrogate::Incomplete => {
                            self.pending = invalid.to_vec();
                            return;
                        }
                        Surrogate::Lone => {
                            out.push(char::REPLACEMENT_CHARACTER);
                            rest = &invalid[3..];
                        }
                        Surrogate::None => {
                            let Some(length) = error.error_len() else {
                                self.pending = invalid.to_vec();
                                return;
                            };
                            out.push(char::REPLACEMENT_CHARACTER);
                            rest = &invalid[length..];
                        }
                    }
                }
            }
        }
    }

    /// Nothing more comes: what still waits is not a character.
    pub(super) fn finish(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.pending).is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

enum Surrogate {
    /// A high and a low one: the six bytes are this character.
    Pair(char),
    /// A high one whose partner may still come.
    Incomplete,
    /// One that has no partner.
    Lone,
    /// Something else.
    None,
}

/// What begins at `bytes`, where UTF-8 is violated. In WTF-8 a surrogate is `ED A0..BF xx`.
fn surrogate(bytes: &[u8]) -> Surrogate {
    let unit = |bytes: &[u8]| 0xD000 | (u32::from(bytes[1] & 0x3F) << 6) | u32::from(bytes[2] & 0x3F);
    match bytes {
        [0xED, 0xA0..=0xAF, 0x80..=0xBF, rest @ ..] => match rest {
            [0xED, 0xB0..=0xBF, 0x80..=0xBF, ..] => {
                let (high, low) = (unit(bytes) - 0xD800, unit(rest) - 0xDC00);
                char::from_u32(0x1_0000 + (high << 10) + low).map_or(Surrogate::Lone, Surrogate::Pair)
            }
            [] | [0xED] | [0xED, 0xB0..=0xBF] => Surrogate::Incomplete,
            _ => Surrogate::Lone,
        },
        [0xED, 0xB0..=0xBF, 0x80..=0xBF, ..] => Surrogate::Lone,
        [0xED, 0xA0..=0xBF] => Surrogate::Incomplete,
        _ => Surrogate::None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut joiner, mut out) = (TextJoiner::default(), String::new());
        for piece in pieces {
            joiner.push(piece, &mut out);
        }
        joiner.finish(&mut out);
        out
    }

    #[test]
    fn a_pair_of_surrogates_becomes_its_character_wherever_it_is_cut() {
        let pair = b"a\xED\xA0\xBC\xED\xBC\x8Ab";
        for cut in 0..=pair.len() {
            assert_eq!(join([&pair[..cut], &pair[cut..]]), "a🌊b", "cut at {cut}");
        }
    }

    #[test]
    fn what_never_becomes_a_character_is_replaced() {
        assert_eq!(join([b"\xED\xA0\xBC".as_slice(), b"x"]), "\u{fffd}x");
        assert_eq!(join([b"\xED\xBC\x8A".as_slice()]), "\u{fffd}");
        assert_eq!(join([b"\xED\xA0\xBC".as_slice()]), "\u{fffd}");
        assert_eq!(join([b"a\xFFb".as_slice(), b"\xF0\x9F"]), "a\u{fffd}b\u{fffd}");
    }

    proptest! {
        #[test]
        fn text_survives_any_cut(text in "[a-é漢🌊👩‍💻\u{d7ff}\u{e000}]{0,40}", cut in 0usize..200, second in 0usize..200) {
            let bytes = text.as_bytes();
            let (first, second) = (cut.min(second).min(bytes.len()), cut.max(second).min(bytes.len()));
            prop_assert_eq!(join([&bytes[..first], &bytes[first..second], &bytes[second..]]), text);
        }

        #[test]
        fn bytes_that_are_not_text_are_read_alike_at_any_cut(
            bytes in prop::collection::vec(prop::sample::select(vec![0x61, 0x80, 0xA0, 0xB0, 0xBC, 0x9F, 0xED, 0xF0, 0xFF]), 0..24),
            cut in 0usize..24,
        ) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(join([&bytes[..cut], &bytes[cut..]]), join([bytes.as_slice()]));
        }
    }
}
