//! From the bytes of a streamed answer to what they say.

use weir_protocol::Usage;

use super::{
    calls::Calls,
    chunk::Chunk,
    sse::{SseDecoder, SseEvent, TooLong},
    text::TextJoiner,
};
use crate::ProviderEvent;

/// What a stretch of the stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// The next whole characters; never empty.
    Text(String),
    /// The model calls a tool, and its call is whole.
    Call(ProviderEvent),
    /// Tokens counted.
    Usage(Usage),
    /// The model's reason to end.
    Finish(Finish),
    /// `[DONE]`: nothing follows.
    Done,
    /// The server reports a failure; this is its JSON.
    Failure(Vec<u8>),
    /// Not of the protocol: a clause that says what.
    Malformed(&'static str),
}

/// Why a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// It came to its end.
    Stop,
    /// It reached a limit of tokens.
    Length,
    /// A filter cut the answer off.
    Filtered,
    /// It wants a tool called.
    ToolCalls,
    /// The server gave up.
    Aborted,
}

impl Finish {
    /// The reason behind a word on the wire; `None` for the empty word that some servers send with every token. An unknown
    /// word is an end like any other.
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "" | "null" => return None,
            "length" | "max_tokens" | "model_length" => Self::Length,
            "content_filter" | "safety" => Self::Filtered,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "error" | "abort" | "aborted" | "cancelled" => Self::Aborted,
            _ => Self::Stop,
        })
    }
}

/// Reads one answer.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    sse: SseDecoder,
    joiner: TextJoiner,
    calls: Calls,
}

impl Decoder {
    /// Takes the next bytes and appends to `out` what they say, successive texts as one.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Decoded>) {
        let Self { sse, joiner, calls } = self;
        if let Err(TooLong) = sse.push(bytes, |event| read(joiner, calls, event, out)) {
            out.push(Decoded::Malformed("an event of more than 1 MiB"));
        }
    }

    /// The body has ended.
    pub(super) fn finish(&mut self, out: &mut Vec<Decoded>) {
        let Self { sse, joiner, calls } = self;
        let complete = out.len();
        if sse.finish(|event| read(joiner, calls, event, out)).is_err() || out[complete..].iter().any(is_malformed) {
            // Half an event at the end is what a broken connection leaves; the missing end says so already.
            out.truncate(complete);
        }
        flush(joiner, out);
    }

    /// Reads an answer that came as one JSON document instead of a stream.
    pub(super) fn document(&mut self, body: &[u8], out: &mut Vec<Decoded>) {
        read(&mut self.joiner, &mut self.calls, SseEvent { data: body, error: false }, out);
        flush(&mut self.joiner, out);
    }
}

fn is_malformed(decoded: &Decoded) -> bool {
    matches!(decoded, Decoded::Malformed(_))
}

fn read(joiner: &mut TextJoiner, calls: &mut Calls, event: SseEvent<'_>, out: &mut Vec<Decoded>) {
    let data = event.data.trim_ascii();
    if data.is_empty() {
        return;
    }
    if event.error {
        return out.push(Decoded::Failure(data.to_vec()));
    }
    if data == b"[DONE]" {
        flush(joiner, out);
        return out.push(Decoded::Done);
    }
    let Ok(chunk) = Chunk::parse(data) else {
        return out.push(Decoded::Malformed("an event that is not a chunk of a chat completion"));
    };
    if chunk.is_error() {
        return out.push(Decoded::Failure(data.to_vec()));
    }
    if let Some(choice) = chunk.choice {
        if let Some(delta) = choice.delta.or(choice.message) {
            for text in [delta.content, delta.refusal].into_iter().flatten() {
                append(out, |text_so_far| joiner.push(&text.0, text_so_far));
            }
            calls.push(delta.tool_calls.into_iter().flatten());
        }
        if let Some(finish) = choice.finish_reason.as_deref().and_then(Finish::parse) {
            flush(joiner, out);
            out.extend(calls.finish().map(Decoded::Call));
            out.push(Decoded::Finish(finish));
        }
    }
    if let Some(usage) = chunk.usage {
        out.push(Decoded::Usage(usage.into()));
    }
}

fn flush(joiner: &mut TextJoiner, out: &mut Vec<Decoded>) {
    append(out, |text| joiner.finish(text));
}

/// Lets `write` append to the text at the end of `out`, or to a new one if it writes anything.
fn append(out: &mut Vec<Decoded>, write: impl FnOnce(&mut String)) {
    if let Some(Decoded::Text(text)) = out.last_mut() {
        return write(text);
    }
    let mut text = String::new();
    write(&mut text);
    if !text.is_empty() {
        out.push(Decoded::Text(text));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Decoded> {
        let mut decoder = Decoder::default();
        let mut all: Vec<Decoded> = Vec::new();
        let mut out = Vec::new();
        let mut gather = |out: &mut Vec<Decoded>| {
            for next in out.drain(..) {
                match (all.last_mut(), next) {
                    (Some(Decoded::Text(text)), Decoded::Text(more)) => text.push_str(&more),
                    (_, next) => all.push(next),
                }
            }
        };
        for piece in pieces {
            decoder.push(piece, &mut out);
            gather(&mut out);
        }
        decoder.finish(&mut out);
        gather(&mut out);
        all
    }

    fn text(text: &str) -> Decoded {
        Decoded::Text(text.to_owned())
    }

    const STREAM: &str = concat!(
        ": waiting\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"role\":null,\"content\":\"\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"caf\u{e9} \\ud83c\"},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\udf0a 漢🌊\"},\"finish_reason\":\"\"}]}\n\n",
        "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\".\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\r\r",
        "data: [DONE]\n\n",
    );

    fn expected() -> Vec<Decoded> {
        vec![
            text("caf\u{e9} 🌊 漢🌊."),
            Decoded::Finish(Finish::Stop),
            Decoded::Usage(Usage { input_tokens: 3, output_tokens: 4 }),
            Decoded::Done,
        ]
    }

    #[test]
    fn a_stream_says_the_same_however_it_is_cut_in_two() {
        for cut in 0..=STREAM.len() {
            let (first, second) = STREAM.as_bytes().split_at(cut);
            assert_eq!(decode([first, second]), expected(), "cut at {cut}");
        }
    }

    #[test]
    fn raw_halves_of_a_character_are_joined() {
        let stream = b"data: {\"choices\":[{\"delta\":{\"content\":\"\xF0\x9F\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\x8C\x8A\"}}]}\n\n";
        assert_eq!(decode([stream.as_slice()]), [text("🌊")]);
    }

    #[test]
    fn a_half_character_before_the_end_is_replaced() {
        let stream = br#"data: {"choices":[{"delta":{"content":"a\ud83c"},"finish_reason":"length"}]}"#;
        assert_eq!(decode([stream.as_slice()]), [text("a\u{fffd}"), Decoded::Finish(Finish::Length)]);
    }

    #[test]
    fn half_an_event_at_the_end_is_no_fault_of_its_own() {
        assert_eq!(decode([br#"data: {"choices":[{"del"#.as_slice()]), []);
    }

    #[test]
    fn failures_and_nonsense_are_told_apart() {
        let stream = b"data: {\"error\":{\"message\":\"x\"}}\n\nevent: error\ndata: oops\n\ndata: ping\n\n";
        let nonsense = Decoded::Malformed("an event that is not a chunk of a chat completion");
        let failure = |body: &str| Decoded::Failure(body.as_bytes().to_vec());
        assert_eq!(decode([stream.as_slice()]), [failure(r#"{"error":{"message":"x"}}"#), failure("oops"), nonsense]);
    }

    proptest! {
        #[test]
        fn any_cut_of_the_byte_stream_gives_the_same_events(cuts in prop::collection::vec(0..STREAM.len(), 0..40)) {
            let mut cuts: Vec<usize> = cuts.into_iter().chain([0, STREAM.len()]).collect();
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &STREAM.as_bytes()[pair[0]..pair[1]]);
            prop_assert_eq!(decode(pieces), expected());
        }

        #[test]
        fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode([b"data: ".as_slice(), &bytes, b"\n\n"]);
        }
    }
}
