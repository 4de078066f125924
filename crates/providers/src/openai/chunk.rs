//! One `chat.completion.chunk`, read without building a tree: this runs once for every token.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use weir_protocol::Usage;

use super::calls::Fragment;

/// The parts of a chunk that matter. Everything else may be missing, `null` or of any shape.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default, rename = "choices", deserialize_with = "first_choice")]
    pub(super) choice: Option<Choice<'a>>,
    #[serde(default)]
    pub(super) usage: Option<WireUsage>,
    /// There is an `error`; what it says is read again, slowly.
    #[serde(default)]
    pub(super) error: Option<IgnoredAny>,
    /// `"error"` in the stream of some servers, with the message beside it.
    #[serde(borrow, default)]
    object: Option<Text<'a>>,
}

impl<'a> Chunk<'a> {
    /// Reads one event's data.
    ///
    /// # Errors
    /// When it is not a JSON object, or one of the parts that matter has a shape of no known server.
    pub(super) fn parse(data: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(data)
    }

    /// The server reports a failure instead of a piece of the answer.
    pub(super) fn is_error(&self) -> bool {
        self.error.is_some() || self.object.as_ref().is_some_and(|object| *object.0 == *b"error")
    }
}

/// One choice of a stream, or of an answer that came in one piece.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    /// Stands in place of `delta` where the whole answer comes in one piece.
    #[serde(borrow, default)]
    pub(super) message: Option<Delta<'a>>,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

/// What a choice adds.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(super) content: Option<Text<'a>>,
    /// The words of a model that declines; to the reader they are the answer.
    #[serde(borrow, default)]
    pub(super) refusal: Option<Text<'a>>,
    /// Fragments of calls; whole calls where the answer comes in one piece.
    #[serde(default)]
    pub(super) tool_calls: Option<Vec<Fragment>>,
}

/// Tokens counted, as the wire names them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// The largest plausible count of tokens. A larger one is an error of the server, and would overflow sums and columns.
const MAX_TOKENS: u64 = 1_000_000_000;

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        let count = |tokens: Option<u64>| tokens.unwrap_or_default().min(MAX_TOKENS);
        Self { input_tokens: count(usage.prompt_tokens), output_tokens: count(usage.completion_tokens) }
    }
}

/// A string's bytes. They need not be UTF-8: a character cut in two deltas arrives as half of it, in raw bytes or as the
/// escape of a lone surrogate, and only both deltas together are text.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or a list of parts with a text")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(bytes.to_vec())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Part<'a> {
            #[serde(borrow, default, rename = "type")]
            kind: Option<Text<'a>>,
            #[serde(borrow, default)]
            text: Option<Text<'a>>,
        }
        let mut all = Vec::new();
        while let Some(part) = parts.next_element::<Part<'de>>()? {
            if let (Some(kind), Some(text)) = (part.kind, part.text)
                && *kind.0 == *b"text"
            {
                all.extend_from_slice(&text.0);
            }
        }
        Ok(Text(Cow::Owned(all)))
    }
}

/// The first of `choices`: only one was asked for.
fn first_choice<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Choice<'a>>, D::Error> {
    struct First;

    impl<'de> Visitor<'de> for First {
        type Value = Option<Choice<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of choices")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut choices: A) -> Result<Self::Value, A::Error> {
            let first = choices.next_element::<Option<Choice<'de>>>()?.flatten();
            while choices.next_element::<IgnoredAny>()?.is_some() {}
            Ok(first)
        }
    }

    deserializer.deserialize_any(First)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(data: &str) -> Option<String> {
        let chunk = Chunk::parse(data.as_bytes()).unwrap();
        let text = chunk.choice?.delta?.content?;
        Some(String::from_utf8_lossy(&text.0).into_owned())
    }

    #[test]
    fn the_usual_chunk_borrows_its_text() {
        let data = br#"{"id":"1","choices":[{"index":0,"delta":{"content":" hi"},"finish_reason":null}],"usage":null}"#;
        let chunk = Chunk::parse(data).unwrap();
        let text = chunk.choice.and_then(|choice| choice.delta).and_then(|delta| delta.content).unwrap();
        assert!(matches!(text.0, Cow::Borrowed(b" hi")));
    }

    #[test]
    fn null_and_missing_fields_are_ignored() {
        for data in [
            "{}",
            r#"{"choices":null,"usage":null,"error":null,"object":null}"#,
            r#"{"choices":[]}"#,
            r#"{"choices":[null]}"#,
            r#"{"choices":[{"delta":null,"finish_reason":null,"logprobs":null}]}"#,
            r#"{"choices":[{"delta":{"role":null,"content":null,"tool_calls":null}}]}"#,
        ] {
            assert_eq!(content(data), None, "{data}");
            assert!(!Chunk::parse(data.as_bytes()).unwrap().is_error());
        }
    }

    #[test]
    fn content_may_come_in_parts_and_reasoning_is_left_out() {
        let data = r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},
            {"type":"text","text":"a"},{"type":"text","text":"b"}],"reasoning_content":"hm"}}]}"#;
        assert_eq!(content(data).as_deref(), Some("ab"));
    }

    #[test]
    fn a_lone_surrogate_is_half_a_character_and_no_error() {
        let data = br#"{"choices":[{"delta":{"content":"\ud83c"}}]}"#;
        let chunk = Chunk::parse(data).unwrap();
        let text = chunk.choice.and_then(|choice| choice.delta).and_then(|delta| delta.content).unwrap();
        assert_eq!(*text.0, *b"\xED\xA0\xBC");
    }

    #[test]
    fn errors_are_seen_in_every_shape() {
        for data in [r#"{"error":"x"}"#, r#"{"error":{"message":"x"}}"#, r#"{"object":"error","message":"x"}"#] {
            assert!(Chunk::parse(data.as_bytes()).unwrap().is_error(), "{data}");
        }
    }
}
