//! Server-sent events as a browser reads them (WHATWG HTML, 9.2.6), strict where the contract is.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the log.
    pub id: u64,
    /// Its kind.
    pub kind: String,
    /// Its data, byte for byte.
    pub data: String,
}

/// What a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event(Event),
    /// A comment, without its colon.
    Comment(String),
}

/// Cuts a stream of bytes into events, wherever the bytes were cut before.
#[derive(Debug, Default)]
pub struct EventParser {
    bytes: Vec<u8>,
}

impl EventParser {
    /// Takes in bytes; gives what is whole by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Heard> {
        self.bytes.extend_from_slice(bytes);
        let mut heard = Vec::new();
        while let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
            heard.push(parse(std::str::from_utf8(&block[..end]).expect("a stream of events is UTF-8")));
        }
        heard
    }

    /// Whether the bytes so far end with a whole event.
    pub fn is_between_events(&self) -> bool {
        self.bytes.is_empty()
    }
}

fn parse(block: &str) -> Heard {
    if let Some(comment) = block.strip_prefix(':') {
        return Heard::Comment(comment.trim().to_owned());
    }
    let mut lines = block.split('\n');
    let mut field = |name: &str| {
        let line = lines.next().unwrap_or_else(|| panic!("no {name} in {block:?}"));
        line.strip_prefix(name).unwrap_or_else(|| panic!("{line:?} is not {name} in {block:?}")).to_owned()
    };
    let event = Event { id: field("id: ").parse().unwrap(), kind: field("event: "), data: field("data: ") };
    assert_eq!(lines.next(), None, "more lines than the contract has: {block:?}");
    Heard::Event(event)
}
