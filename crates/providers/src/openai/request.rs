//! What is sent.

use serde::Serialize;
use weir_protocol::Role;

use super::overlap::Overlap;
use crate::{ChatRequest, Turn};

/// The fields beyond the common core that are sent. Servers that refuse unknown fields are asked again without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extras {
    /// `stream_options.include_usage`: count the tokens.
    pub(super) usage: bool,
    /// `continue_final_message` and `add_generation_prompt`: go on with the last message. vLLM needs them, llama.cpp
    /// accepts them, Ollama ignores them; Mistral's and Groq's own servers refuse what they do not know.
    pub(super) continuation: bool,
}

impl Extras {
    pub(super) const fn any(self) -> bool {
        self.usage || self.continuation
    }

    /// What to leave out after a refusal that said `text`: the field that it names, or everything.
    pub(super) fn without_refused(self, text: &str) -> Self {
        let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let usage = self.usage && names(&["stream_options", "include_usage"]);
        let continuation = self.continuation && names(&["continue_final_message", "add_generation_prompt"]);
        if usage || continuation {
            Self { usage: self.usage && !usage, continuation: self.continuation && !continuation }
        } else {
            Self { usage: false, continuation: false }
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continue_final_message: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_generation_prompt: Option<bool>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> From<&'a Turn> for Message<'a> {
    fn from(turn: &'a Turn) -> Self {
        let role = match turn.role {
            Role::System => "system",
            Role::Assistant => "assistant",
            // A tool's message needs the id of a call, which a turn has not: its text is something the model is told.
            Role::User | Role::Tool => "user",
        };
        Self { role, content: &turn.content }
    }
}

/// The JSON of `request`, and the seam to watch when it takes up a partial answer.
///
/// # Errors
/// When it cannot be written as JSON, which no request does.
pub(super) fn body(request: &ChatRequest, extras: Extras) -> serde_json::Result<(Vec<u8>, Overlap)> {
    let mut messages: Vec<Message<'_>> = request.turns.iter().map(Message::from).collect();
    let (sent, overlap) = Overlap::new(request.partial.as_deref().unwrap_or_default());
    if !sent.is_empty() {
        messages.push(Message { role: "assistant", content: sent });
    }
    let continuation = extras.continuation && !sent.is_empty();
    let body = Body {
        model: &request.model,
        messages,
        stream: true,
        stream_options: extras.usage.then_some(StreamOptions { include_usage: true }),
        continue_final_message: continuation.then_some(true),
        add_generation_prompt: continuation.then_some(false),
    };
    Ok((serde_json::to_vec(&body)?, overlap))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;
    use weir_protocol::ConversationId;

    use super::*;

    fn sent(partial: Option<&str>, extras: Extras) -> Value {
        let request = ChatRequest {
            model: "m".to_owned(),
            conversation: ConversationId(Uuid::nil()),
            turns: vec![Turn::new(Role::System, "s"), Turn::new(Role::User, "u")],
            tools: Vec::new(),
            partial: partial.map(str::to_owned),
        };
        serde_json::from_slice(&body(&request, extras).unwrap().0).unwrap()
    }

    #[test]
    fn a_question_asks_for_a_stream_and_its_usage() {
        let expected = json!({
            "model": "m", "stream": true, "stream_options": { "include_usage": true },
            "messages": [{ "role": "system", "content": "s" }, { "role": "user", "content": "u" }],
        });
        assert_eq!(sent(None, Extras { usage: true, continuation: true }), expected);
        assert_eq!(sent(Some(" \n"), Extras { usage: true, continuation: true }), expected);
    }

    #[test]
    fn a_partial_answer_is_the_last_message_without_the_white_space_at_its_end() {
        let body = sent(Some("Once \n"), Extras { usage: false, continuation: true });
        assert_eq!(body["messages"][2], json!({ "role": "assistant", "content": "Once" }));
        assert_eq!((&body["continue_final_message"], &body["add_generation_prompt"]), (&json!(true), &json!(false)));
        assert_eq!(body.get("stream_options"), None);
    }

    #[test]
    fn a_refusal_drops_what_it_names_or_everything() {
        let all = Extras { usage: true, continuation: true };
        let without = |text| all.without_refused(text);
        assert_eq!(without("unknown field: stream_options"), Extras { usage: false, continuation: true });
        assert_eq!(without("`continue_final_message` is not permitted"), Extras { usage: true, continuation: false });
        assert!(!without("bad request").any());
    }
}
