//! Messages of a server that Weir cannot read: invalid JSON, invalid MCP, or too large.
//!
//! The request that such a message answers must fail at once, so its id is read without a parser.

use rmcp::model::{ErrorData, RequestId, ServerJsonRpcMessage};

use super::names::readable;

/// The longest name or scalar at the top level of a message that is read, in bytes.
const MAX_TOKEN_BYTES: usize = 256;
/// The longest reason of a parser that is repeated, in characters.
const MAX_REASON_CHARS: usize = 200;

/// What a message is that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The response to this request.
    Response(RequestId),
    /// A request, a notification, or text that is no message: no request waits for it.
    Unsolicited,
    /// A response to an unknown request.
    Unknown,
}

impl Malformed {
    /// Classifies a complete message.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut scanner = EnvelopeScanner::default();
        scanner.push(text);
        scanner.finish()
    }
}

/// An error response, made by Weir in place of the one that it cannot use.
pub(super) fn error_response(id: RequestId, message: String) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::error(ErrorData::internal_error(message, None), Some(id))
}

/// Says that a response is too large.
pub(super) fn too_large(max_bytes: usize) -> String {
    format!("The server's response is larger than the limit of {} MiB.", max_bytes / (1024 * 1024))
}

/// Says that a response is not valid, with the parser's reason.
pub(super) fn invalid(error: &serde_json::Error) -> String {
    let what = if error.is_data() { "MCP" } else { "JSON" };
    let reason = error.to_string();
    format!("The server's response is not valid {what}: {}.", readable(reason.trim_end_matches('.'), MAX_REASON_CHARS))
}

/// Where the scanner is of a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StringState {
    #[default]
    Outside,
    Inside,
    /// After a backslash.
    Escaped,
}

/// Finds `id` and `method` at the top level of a JSON object, in constant memory and without recursion.
#[derive(Debug, Default)]
pub(super) struct EnvelopeScanner {
    /// Open brackets.
    depth: usize,
    is_object: bool,
    string: StringState,
    /// The name of the current member.
    name: Vec<u8>,
    /// The current string, number or literal at the top level.
    token: Vec<u8>,
    id: Option<RequestId>,
    has_method: bool,
}

impl EnvelopeScanner {
    /// Reads the next part of the message.
    pub(super) fn push(&mut self, part: &[u8]) {
        for &byte in part {
            self.read(byte);
        }
    }

    /// The id, if it has been read already and no method has.
    pub(super) fn response_id(&self) -> Option<&RequestId> {
        self.id.as_ref().filter(|_| !self.has_method)
    }

    /// Classifies the message, whose end was reached.
    pub(super) fn finish(mut self) -> Malformed {
        self.end_member();
        match self.id {
            _ if !self.is_object || self.has_method => Malformed::Unsolicited,
            Some(id) => Malformed::Response(id),
            None => Malformed::Unknown,
        }
    }

    fn read(&mut self, byte: u8) {
        if self.string != StringState::Outside {
            self.keep(byte);
            self.string = match (self.string, byte) {
                (StringState::Inside, b'"') => StringState::Outside,
                (StringState::Inside, b'\\') => StringState::Escaped,
                _ => StringState::Inside,
            };
            return;
        }
        match byte {
            b'"' => {
                self.string = StringState::Inside;
                self.keep(byte);
            }
            b'{' | b'[' => {
                self.is_object |= self.depth == 0 && byte == b'{';
                // An id that is an array or object is not valid.
                self.keep(byte);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.end_member();
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 => self.name = std::mem::take(&mut self.token),
            b',' => self.end_member(),
            byte if !byte.is_ascii_whitespace() => self.keep(byte),
            _ => {}
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() < MAX_TOKEN_BYTES {
            self.token.push(byte);
        }
    }

    fn end_member(&mut self) {
        if self.depth != 1 {
            return;
        }
        match &*self.name {
            b"\"id\"" => self.id = serde_json::from_slice(&self.token).ok(),
            b"\"method\"" => self.has_method = true,
            _ => {}
        }
        self.name.clear();
        self.token.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcp_27_the_request_that_a_malformed_message_answers_is_found_without_a_parser() {
        let deep = "[".repeat(100_000);
        let answers = |id: i64| Malformed::Response(RequestId::Number(id));
        for (text, is) in [
            (format!(r#"{{"jsonrpc":"2.0","id":7,"result":{deep}}}"#), answers(7)),
            (r#"{"result":{"id":1,"method":"x","a":"\"}{"},"jsonrpc":"2.0","id": 8 }"#.to_owned(), answers(8)),
            (r#"{"id":"a\"b","result":"#.to_owned(), Malformed::Response(RequestId::String("a\"b".into()))),
            (r#"{"id":9"#.to_owned(), answers(9)),
            (r#" {"id":9,"result":["id",{"id":3}],"error":{"id":2}"#.to_owned(), answers(9)),
            (r#"{"method":"notifications/progress","params":{}"#.to_owned(), Malformed::Unsolicited),
            (r#"{"id":1,"params":{},"method":"sampling/createMessage"}"#.to_owned(), Malformed::Unsolicited),
            (r#"{"jsonrpc":"2.0","id":null,"result":{}}"#.to_owned(), Malformed::Unknown),
            (r#"{"id":{"a":1},"result":{}}"#.to_owned(), Malformed::Unknown),
            (r#"{"id":"#.to_owned(), Malformed::Unknown),
            ("{".to_owned(), Malformed::Unknown),
            ("Listening on port 3000".to_owned(), Malformed::Unsolicited),
            (r#""id":1"#.to_owned(), Malformed::Unsolicited),
            (r#"[{"id":1}]"#.to_owned(), Malformed::Unsolicited),
        ] {
            let shown = &text[..text.len().min(80)];
            assert_eq!(Malformed::of(text.as_bytes()), is, "{shown}");
        }
    }
}
