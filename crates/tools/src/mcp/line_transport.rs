//! The transport of servers over standard input and output: one JSON message a line.
//!
//! A response that cannot be read fails its request at once. One whose request is unknown ends the connection, because a
//! request would otherwise wait for its timeout.

use std::{future::Future, io};

use rmcp::{
    RoleClient,
    model::ServerJsonRpcMessage,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader, Empty, empty};

use super::{
    fault::ConnectionFault,
    log::Log,
    malformed::{EnvelopeScanner, Malformed, error_response, invalid, too_large},
    names::readable,
};

/// The longest line of a program, in bytes: an output of 4 MiB and what JSON adds to it.
pub(super) const MAX_LINE_BYTES: usize = 5 * 1024 * 1024;
/// How many bytes of a line that is too long are skipped before the connection ends.
const MAX_SKIPPED_BYTES: usize = 64 * 1024 * 1024;
/// The longest part of an unreadable line that the log repeats, in characters.
const MAX_LOGGED_CHARS: usize = 200;

/// Reads lines of a bounded length, and writes messages.
pub(super) struct LineTransport<R: AsyncRead, W: AsyncWrite> {
    read: BufReader<R>,
    /// The part of the current line that was read.
    line: Vec<u8>,
    /// The current line is too long.
    skipping: Option<Skipping>,
    writer: AsyncRwTransport<RoleClient, Empty, W>,
    fault: ConnectionFault,
    log: Log,
    max_line: usize,
}

/// The rest of a line that is too long.
#[derive(Default)]
struct Skipping {
    scanner: EnvelopeScanner,
    bytes: usize,
    /// Its request has failed already.
    is_answered: bool,
}

/// What was read of a line.
enum Part {
    Nothing,
    Line,
    Skipped,
}

impl<R, W> LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// Reads the program's output and writes its input. Lines that are ignored are added to the log.
    pub(super) fn new(output: R, input: W, fault: ConnectionFault, log: Log) -> Self {
        Self {
            read: BufReader::new(output),
            line: Vec::new(),
            skipping: None,
            writer: AsyncRwTransport::new_client(empty(), input),
            fault,
            log,
            max_line: MAX_LINE_BYTES,
        }
    }

    /// Takes what the program has written, up to the end of a line. Cancellation loses nothing. None: the output has ended.
    async fn read_part(&mut self) -> Option<Part> {
        let available = match self.read.fill_buf().await {
            Ok(available) if !available.is_empty() => available,
            Ok(_) => return None,
            Err(error) => {
                self.fault.report(format!("Its output cannot be read: {error}."));
                return None;
            }
        };
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = &available[..end.unwrap_or(available.len())];
        if self.skipping.is_none() && self.line.len() + taken.len() > self.max_line {
            let skipping = self.skipping.insert(Skipping::default());
            skipping.scanner.push(&self.line);
            self.line = Vec::new();
        }
        match &mut self.skipping {
            None => self.line.extend_from_slice(taken),
            Some(skipping) => {
                if !skipping.is_answered {
                    skipping.scanner.push(taken);
                }
                skipping.bytes += taken.len();
            }
        }
        let consumed = end.map_or(taken.len(), |end| end + 1);
        self.read.consume(consumed);
        Some(match (end, &self.skipping) {
            (Some(_), None) => Part::Line,
            (Some(_), Some(_)) => Part::Skipped,
            (None, _) => Part::Nothing,
        })
    }

    /// Fails the request of a line that is too long, as soon as it is known.
    fn fail_early(&mut self) -> Option<ServerJsonRpcMessage> {
        let skipping = self.skipping.as_mut()?;
        if skipping.bytes > MAX_SKIPPED_BYTES {
            self.fault.report(too_large(self.max_line));
            return None;
        }
        let id = skipping.scanner.response_id().filter(|_| !skipping.is_answered)?.clone();
        skipping.is_answered = true;
        Some(error_response(id, too_large(self.max_line)))
    }

    /// Ends a line that is too long.
    fn end_skipped(&mut self) -> Option<ServerJsonRpcMessage> {
        let skipping = self.skipping.take().filter(|skipping| !skipping.is_answered)?;
        self.give_up_on(skipping.scanner.finish(), too_large(self.max_line))
    }

    /// Parses a complete line.
    fn parse(&mut self) -> Option<ServerJsonRpcMessage> {
        let line = std::mem::take(&mut self.line);
        let text = line.trim_ascii();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        match serde_json::from_slice(text) {
            Ok(message) => Some(message),
            Err(error) => {
                let malformed = Malformed::of(text);
                if malformed == Malformed::Unsolicited {
                    let start = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_LOGGED_CHARS)]);
                    let start = readable(&start, MAX_LOGGED_CHARS);
                    self.log.say(&format!("weir: its output has a line that is not a message of MCP: {start}"));
                }
                self.give_up_on(malformed, invalid(&error))
            }
        }
    }

    fn give_up_on(&mut self, malformed: Malformed, why: String) -> Option<ServerJsonRpcMessage> {
        match malformed {
            Malformed::Response(id) => Some(error_response(id, why)),
            Malformed::Unsolicited => None,
            Malformed::Unknown => {
                self.fault.report(why);
                None
            }
        }
    }
}

impl<R, W> Transport<RoleClient> for LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.writer.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = match self.read_part().await? {
                Part::Nothing => self.fail_early(),
                Part::Line => self.parse(),
                Part::Skipped => self.end_skipped(),
            };
            if message.is_some() {
                return message;
            }
            if self.fault.reason().is_some() {
                return None;
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.close().await
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::RequestId;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, repeat, sink};

    use super::*;

    /// What a client receives of these lines: ids of errors and their messages, ids of results, and the reason of its end.
    async fn received(lines: &[u8], max_line: usize) -> (Vec<(Option<RequestId>, String)>, Option<String>) {
        let (mut server, client) = duplex(64);
        let lines = lines.to_vec();
        let writing = tokio::spawn(async move { server.write_all(&lines).await });
        let fault = ConnectionFault::default();
        let transport = LineTransport::new(client, sink(), fault.clone(), Log::default());
        let mut transport = LineTransport { max_line, ..transport };
        let mut messages = Vec::new();
        while let Some(message) = transport.receive().await {
            messages.push(match message {
                ServerJsonRpcMessage::Response(response) => (Some(response.id), "a result".to_owned()),
                ServerJsonRpcMessage::Error(error) => (error.id, error.error.message.into_owned()),
                _ => (None, "a request or notification".to_owned()),
            });
        }
        drop(transport);
        let _ = writing.await.unwrap();
        (messages, fault.reason())
    }

    const RESULT: &str = r#"{"jsonrpc":"2.0","id":9,"result":{}}"#;

    fn failed(id: i64, message: &str) -> (Option<RequestId>, String) {
        (Some(RequestId::Number(id)), message.to_owned())
    }

    #[tokio::test]
    async fn mcp_26_a_line_that_is_too_long_fails_its_request_and_no_other() {
        let why = "The server's response is larger than the limit of 1 MiB.";
        let text = "x".repeat(2 * 1024 * 1024);
        for large in [
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"text":"{text}"}}}}"#),
            format!(r#"{{"result":{{"text":"{text}"}},"jsonrpc":"2.0","id":1}}"#),
        ] {
            let (messages, fault) = received(format!("{large}\n{RESULT}\n").as_bytes(), 1024 * 1024).await;
            assert_eq!((messages, fault), (vec![failed(1, why), failed(9, "a result")], None));
        }
        // A notification answers nothing.
        let note = format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{text}"}}}}"#);
        let (messages, fault) = received(format!("{note}\n{RESULT}\n").as_bytes(), 1024 * 1024).await;
        assert_eq!((messages, fault), (vec![failed(9, "a result")], None));
        let unknown = format!(r#"{{"jsonrpc":"2.0","result":{{"text":"{text}"}}}}"#);
        let (messages, fault) = received(format!("{unknown}\n{RESULT}\n").as_bytes(), 1024 * 1024).await;
        assert_eq!((messages, fault.as_deref()), (vec![], Some(why)));
    }

    #[tokio::test]
    async fn mcp_26_a_line_without_end_ends_the_connection() {
        let line = br#"{"jsonrpc":"2.0","id":1,"result":""#.chain(repeat(b'x'));
        let (fault, log) = (ConnectionFault::default(), Log::default());
        let transport = LineTransport::new(line, sink(), fault.clone(), log);
        let mut transport = LineTransport { max_line: 1024, ..transport };
        assert!(matches!(transport.receive().await, Some(ServerJsonRpcMessage::Error(_))), "its call fails at once");
        assert!(transport.receive().await.is_none());
        assert!(fault.reason().is_some_and(|why| why.contains("larger")));
    }

    #[tokio::test]
    async fn mcp_27_a_line_that_is_not_valid_fails_its_request_or_the_connection() {
        let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}{}}}"#, "[".repeat(800), "]".repeat(800));
        for (line, fails) in [
            (deep.as_bytes(), true),
            (br#"{"jsonrpc":"2.0","id":1,"result":{"#, true),
            (br#"{"jsonrpc":"2.0","id":1,"error":"text"}"#, true),
            (br#"{"id":1,"result":{}}"#, true),
            (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"\xff\"}}", true),
            (b"Server is ready.", false),
            (b"[info] ready", false),
            (b"", false),
            (br#"{"jsonrpc":"2.0","method":5}"#, false),
        ] {
            let lines = [line, b"\r\n", RESULT.as_bytes(), b"\n"].concat();
            let (messages, fault) = received(&lines, MAX_LINE_BYTES).await;
            let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            assert_eq!((messages.len(), fault), (1 + usize::from(fails), None), "{shown}: {messages:?}");
            assert_eq!(messages.last(), Some(&failed(9, "a result")), "{shown}");
            if fails {
                assert_eq!(messages[0].0, Some(RequestId::Number(1)), "{shown}");
                assert!(messages[0].1.starts_with("The server's response is not valid "), "{:?}", messages[0]);
            }
        }
        let (messages, fault) = received(b"{\"jsonrpc\":\"2.0\",\"result\":\n", MAX_LINE_BYTES).await;
        assert!(
            messages.is_empty() && fault.is_some_and(|why| why.starts_with("The server's response is not valid JSON"))
        );
    }
}
