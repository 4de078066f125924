//! One encoding of an event for all its readers.

use bytes::Bytes;
use weir_protocol::Seq;

/// An event as its readers get it. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The event's number.
    pub seq: Seq,
    /// The whole server-sent event: `id`, `event`, `data` and the empty line (WHATWG HTML, 9.2).
    pub sse: Bytes,
    /// Whether it is the terminal event.
    pub terminal: bool,
}

impl Frame {
    /// Encodes an event. `data` is JSON and so has no line breaks of its own.
    pub(crate) fn new(seq: Seq, kind: &str, data: &str, terminal: bool) -> Self {
        use std::io::Write as _;
        let mut sse = Vec::with_capacity(kind.len() + data.len() + 40);
        // Writing to a Vec cannot fail.
        let _ = write!(sse, "id: {seq}\nevent: {kind}\ndata: {data}\n\n");
        Self { seq, sse: Bytes::from(sse), terminal }
    }

    /// The word that names the event's kind on the wire.
    pub fn kind(&self) -> &str {
        self.field(1, "event: ")
    }

    /// The event's `data`: JSON text, a part of the bytes that all readers share.
    pub fn data(&self) -> &str {
        self.field(2, "data: ")
    }

    fn field(&self, line: usize, name: &str) -> &str {
        let text = std::str::from_utf8(&self.sse).unwrap_or_default();
        text.split('\n').nth(line).and_then(|line| line.strip_prefix(name)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_event_knows_its_parts() {
        let frame = Frame::new(Seq(12), "token", r#"{"text":"data: \n event: x"}"#, false);
        assert_eq!((frame.kind(), frame.data()), ("token", r#"{"text":"data: \n event: x"}"#));
    }
}
