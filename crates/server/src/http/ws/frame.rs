//! What a session's frames look like on the wire.

use weir_protocol::{InboxChange, PingId, ServerFrame, SessionId, ToolCallId, shorten};
use weir_realtime::Frame;
use weir_store::LogId;

use super::topics::Topic;

/// Characters of the sentence of an error, which may quote the client.
const MAX_MESSAGE_CHARS: usize = 1000;

/// A frame that gets a number of its session. Cloning shares the bytes of events.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    /// An event of a run or a job, encoded once for all its readers.
    Event { log: LogId, event: Frame },
    /// A change among the user's things.
    Inbox(Box<InboxChange>),
    /// The session follows the topic that the client subscribed to.
    Subscribed(Topic),
    /// Something that the client asked for and cannot have.
    Refused(Box<Refused>),
}

/// Why a client cannot have what it asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused {
    /// The tool call that it is about.
    pub(super) id: Option<ToolCallId>,
    /// The topic that it is about.
    pub(super) topic: Option<String>,
    /// A stable `snake_case` word.
    pub(super) code: &'static str,
    /// A sentence for the person.
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        shorten(&mut message, MAX_MESSAGE_CHARS);
        Self { code, message, ..Self::default() }
    }

    /// It is about this tool call.
    pub(super) fn about(self, id: ToolCallId) -> Self {
        Self { id: Some(id), ..self }
    }

    pub(super) fn of(self, topic: &str) -> Self {
        /// Longer than any topic there is: what a client made up is not sent back in full.
        const LONGEST: usize = 64;
        Self { topic: (topic.len() <= LONGEST).then(|| topic.to_owned()), ..self }
    }
}

impl From<Refused> for Outgoing {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl Outgoing {
    /// The frame under this number; the same text whenever it is asked for.
    pub(super) fn text(&self, seq: u64) -> String {
        match self {
            // The event is JSON already: it is put between what a `ServerFrame::Chunk` has around it.
            Self::Event { log: LogId::Run(run), event } => format!(
                r#"{{"type":"chunk","seq":{seq},"run":"{run}","n":{n},"chunk":{{"type":"{kind}","data":{data}}}}}"#,
                n = event.seq,
                kind = event.kind(),
                data = event.data(),
            ),
            // A job's event is a frame but for its type and its numbers.
            Self::Event { log: LogId::Job(_), event } => format!(
                r#"{{"type":"{kind}","seq":{seq},"n":{n},{fields}"#,
                n = event.seq,
                kind = event.kind(),
                fields = event.data().strip_prefix('{').unwrap_or("}"),
            ),
            Self::Inbox(change) => json(&ServerFrame::Inbox { seq, change: (**change).clone() }),
            Self::Subscribed(topic) => json(&ServerFrame::Subscribed { seq, topic: topic.to_string() }),
            Self::Refused(refused) => json(&ServerFrame::Error {
                seq,
                id: refused.id,
                n: None,
                topic: refused.topic.clone(),
                code: refused.code.to_owned(),
                message: refused.message.clone(),
            }),
        }
    }
}

/// The first frame, and the answer to `resume`. It has no number.
pub(super) fn welcome(session: SessionId, seq: u64, resumed: bool, heartbeat: std::time::Duration) -> String {
    let heartbeat_ms = u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX);
    json(&ServerFrame::Welcome { session, seq, resumed, heartbeat_ms })
}

/// The answer to a `ping`. It has no number.
pub(super) fn pong(id: PingId) -> String {
    json(&ServerFrame::Pong { id })
}

fn json(frame: &ServerFrame) -> String {
    // Frames consist of plain values, which can always be written.
    serde_json::to_string(frame).unwrap_or_default()
}
