//! Server-sent events out of bytes that arrive cut anywhere (WHATWG HTML, "Server-sent events", 9.2.6).

use memchr::memchr2;

/// The longest line, and the longest `data` of one event, in bytes.
pub(super) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// A line or an event beyond [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// One event's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SseEvent<'a> {
    /// The `data` lines, joined by line feeds.
    pub(super) data: &'a [u8],
    /// It was sent as an `event: error`, or as the `error:` line of older llama.cpp servers.
    pub(super) error: bool,
}

/// Turns bytes into events. The outcome does not depend on where the bytes are cut.
#[derive(Debug, Default)]
pub(super) struct SseDecoder {
    /// The part of a line that has come so far.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_cr: bool,
    /// The first line has been seen; only it can begin with a byte order mark.
    begun: bool,
    event: PendingEvent,
}

#[derive(Debug, Default)]
struct PendingEvent {
    data: Vec<u8>,
    has_data: bool,
    error: bool,
}

impl SseDecoder {
    /// Takes the next bytes and gives every event that they complete.
    ///
    /// # Errors
    /// [`TooLong`]; the decoder is of no use after that.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut on_event: impl FnMut(SseEvent<'_>)) -> Result<(), TooLong> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            if self.line.is_empty() {
                Self::line(&mut self.event, &mut self.begun, &bytes[..end], &mut on_event)?;
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                Self::line(&mut self.event, &mut self.begun, &self.line, &mut on_event)?;
                self.line.clear();
            }
            let mut rest = &bytes[end + 1..];
            if bytes[end] == b'\r' {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            bytes = rest;
        }
        if self.line.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// The body has ended. The standard drops an event without its blank line; servers that forget the last one are
    /// common enough that it is given all the same.
    ///
    /// # Errors
    /// [`TooLong`].
    pub(super) fn finish(&mut self, mut on_event: impl FnMut(SseEvent<'_>)) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            Self::line(&mut self.event, &mut self.begun, &line, &mut on_event)?;
        }
        self.event.dispatch(&mut on_event);
        Ok(())
    }

    fn line(
        event: &mut PendingEvent,
        begun: &mut bool,
        mut line: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>),
    ) -> Result<(), TooLong> {
        if !*begun {
            *begun = true;
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            event.dispatch(on_event);
            return Ok(());
        }
        if let Some(value) = field(line, b"data") {
            event.append(value)?;
        } else if let Some(value) = field(line, b"event") {
            event.error = value == b"error";
        } else if let Some(value) = field(line, b"error") {
            event.append(value)?;
            event.error = true;
        }
        Ok(())
    }
}

impl PendingEvent {
    fn append(&mut self, value: &[u8]) -> Result<(), TooLong> {
        if self.data.len() + value.len() >= MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
        Ok(())
    }

    fn dispatch(&mut self, on_event: &mut impl FnMut(SseEvent<'_>)) {
        if self.has_data {
            on_event(SseEvent { data: &self.data, error: self.error });
        }
        self.data.clear();
        self.has_data = false;
        self.error = false;
    }
}

/// The value of `line` when its field is `name`: what follows the colon, without one leading space.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Events = Vec<(Vec<u8>, bool)>;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Events, TooLong> {
        let mut decoder = SseDecoder::default();
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece, |event| events.push((event.data.to_vec(), event.error)))?;
        }
        decoder.finish(|event| events.push((event.data.to_vec(), event.error)))?;
        Ok(events)
    }

    fn data(text: &str) -> Vec<(String, bool)> {
        let events = decode([text.as_bytes()]).unwrap();
        events.into_iter().map(|(data, error)| (String::from_utf8(data).unwrap(), error)).collect()
    }

    fn plain(texts: &[&str]) -> Vec<(String, bool)> {
        texts.iter().map(|text| ((*text).to_owned(), false)).collect()
    }

    #[test]
    fn lines_end_in_three_ways_and_comments_and_unknown_fields_are_skipped() {
        assert_eq!(data("data: a\n\ndata: b\r\n\r\ndata: c\r\r"), plain(&["a", "b", "c"]));
        assert_eq!(data("\u{feff}: hello\nid: 7\nretry: 1\ndata:x\n\n: ping\n\n"), plain(&["x"]));
        assert_eq!(data("data\n\ndata:\n\ndatax: 1\n\n"), plain(&["", ""]));
    }

    #[test]
    fn data_lines_are_joined_and_only_one_space_is_dropped() {
        assert_eq!(data("data: a\ndata:  b\n\n"), plain(&["a\n b"]));
    }

    #[test]
    fn the_last_event_may_lack_its_blank_line() {
        assert_eq!(data("data: a\n\ndata: b"), plain(&["a", "b"]));
    }

    #[test]
    fn errors_are_marked() {
        assert_eq!(data("event: error\ndata: a\n\ndata: b\n\n"), [("a".to_owned(), true), ("b".to_owned(), false)]);
        assert_eq!(data("error: {}\n\n"), [("{}".to_owned(), true)]);
    }

    #[test]
    fn a_line_without_end_and_an_event_without_end_are_refused() {
        let line = vec![b'x'; MAX_EVENT_BYTES / 4 + 1];
        assert_eq!(decode(std::iter::repeat_n(line.as_slice(), 4)), Err(TooLong));
        let lines = [b"data: ", line.as_slice(), b"\n"].concat();
        assert_eq!(decode(std::iter::repeat_n(lines.as_slice(), 4)), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(
            text in "(data: |data:|: |event: error|id: 1|é漢🌊|a|\n|\r|\r\n|\n\n){0,60}",
            cuts in prop::collection::vec(0usize..400, 0..12),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(decode(pieces), decode([bytes]));
        }
    }
}
