//! What is sent.

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::{Value, json};
use weir_protocol::{Role, ToolCallId};

use super::overlap::Overlap;
use crate::{ChatRequest, Offer, Turn, TurnCall};

/// The fields beyond the common core that are sent. Servers that refuse unknown fields are asked again without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extras {
    /// `stream_options.include_usage`: count the tokens.
    pub(super) usage: bool,
    /// `continue_final_message` and `add_generation_prompt`: go on with the last message. vLLM needs them, llama.cpp
    /// accepts them, Ollama ignores them; Mistral's and Groq's own servers refuse what they do not know.
    pub(super) continuation: bool,
    /// `tools`: what the model may call.
    pub(super) tools: bool,
}

impl Extras {
    pub(super) const fn any(self) -> bool {
        self.usage || self.continuation || self.tools
    }

    /// What to leave out after a refusal that said `text`: the field that it names, or everything.
    pub(super) fn without_refused(self, text: &str) -> Self {
        let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let usage = self.usage && names(&["stream_options", "include_usage"]);
        let continuation = self.continuation && names(&["continue_final_message", "add_generation_prompt"]);
        let tools = self.tools && names(&["tool", "function"]);
        if usage || continuation || tools {
            Self {
                usage: self.usage && !usage,
                continuation: self.continuation && !continuation,
                tools: self.tools && !tools,
            }
        } else {
            // Tools are the last to go: without the others an answer is as good.
            let others = self.usage || self.continuation;
            Self { usage: false, continuation: false, tools: self.tools && others }
        }
    }
}

/// What follows the messages: the fields that a server may refuse.
#[derive(Serialize)]
struct Rest {
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<ToolCallId>,
}

impl<'a> Message<'a> {
    fn new(role: &'static str, content: &'a str) -> Self {
        Self { role, content, tool_calls: Vec::new(), tool_call_id: None }
    }
}

/// A call that was made.
#[derive(Serialize)]
struct Call<'a> {
    id: ToolCallId,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: String,
}

impl<'a> From<&'a TurnCall> for Call<'a> {
    fn from(call: &'a TurnCall) -> Self {
        // What was no JSON goes back as an object that says so: servers parse it.
        let arguments = match &call.args {
            Value::Object(_) => call.args.to_string(),
            other => json!({ "unreadable": other }).to_string(),
        };
        Self { id: call.id, kind: "function", function: Called { name: &call.name, arguments } }
    }
}

impl<'a> From<&'a Turn> for Message<'a> {
    fn from(turn: &'a Turn) -> Self {
        let role = match turn.role {
            Role::System => "system",
            Role::Assistant => "assistant",
            Role::Tool if turn.answers.is_some() => "tool",
            // A tool's message needs the id of a call: without one its text is something the model is told.
            Role::User | Role::Tool => "user",
        };
        Self {
            role,
            content: &turn.content,
            tool_calls: turn.calls.iter().map(Call::from).collect(),
            tool_call_id: turn.answers,
        }
    }
}

/// A question in the form in which it is sent. Its context is encoded once; of what it was made from nothing is kept.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) model: String,
    /// The tools that are offered.
    tools: Vec<Offer>,
    /// The seam to watch when a partial answer is taken up.
    overlap: Overlap,
    has_partial: bool,
    /// Whether the last message is a partial answer.
    continues: bool,
    /// The last body that was asked for. It begins with `common` bytes that every body begins with.
    body: Bytes,
    common: usize,
    /// What the last body was asked for with.
    sent_with: Option<Extras>,
}

impl Question {
    /// Encodes a request and drops it part by part.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no request does.
    pub(super) fn encode(request: ChatRequest) -> serde_json::Result<Self> {
        let ChatRequest { model, turns, tools, partial, place, .. } = request;
        let partial = partial.unwrap_or_default();
        let (sent, overlap) = Overlap::new(&partial);
        let contents = turns.iter().map(|turn| turn.content.len()).sum::<usize>() + sent.len();
        let mut body = Vec::with_capacity(contents + contents / 16 + 1024);
        body.extend_from_slice(br#"{"model":"#);
        serde_json::to_writer(&mut body, &model)?;
        body.extend_from_slice(br#","messages":["#);
        let mut separator: &[u8] = b"";
        for turn in turns {
            body.extend_from_slice(separator);
            serde_json::to_writer(&mut body, &Message::from(&turn))?;
            separator = b",";
        }
        if !sent.is_empty() {
            body.extend_from_slice(separator);
            serde_json::to_writer(&mut body, &Message::new("assistant", sent))?;
        }
        body.push(b']');
        let common = body.len();
        let (has_partial, continues) = (!partial.is_empty(), !sent.is_empty());
        drop(place);
        Ok(Self { model, tools, overlap, has_partial, continues, body: body.into(), common, sent_with: None })
    }

    /// Whether it takes up a partial answer.
    pub(super) const fn has_partial(&self) -> bool {
        self.has_partial
    }

    /// Whether it offers tools.
    pub(super) fn has_tools(&self) -> bool {
        !self.tools.is_empty()
    }

    /// The JSON to send, which is shared and not copied while `extras` stay as they are; and the seam to watch.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no question does.
    pub(super) fn body(&mut self, extras: Extras) -> serde_json::Result<(Bytes, Overlap)> {
        let continuation = extras.continuation && self.continues;
        let rest = serde_json::to_vec(&Rest {
            stream: true,
            stream_options: extras.usage.then_some(StreamOptions { include_usage: true }),
            continue_final_message: continuation.then_some(true),
            add_generation_prompt: continuation.then_some(false),
        })?;
        if self.sent_with != Some(extras) {
            let mut end = Vec::new();
            if extras.tools && !self.tools.is_empty() {
                append_tools(&mut end, &self.tools);
            }
            end.push(b',');
            end.extend_from_slice(rest.get(1..).unwrap_or_default());
            // In place, unless an earlier body is still being sent.
            let mut body = BytesMut::from(std::mem::take(&mut self.body));
            body.truncate(self.common);
            body.extend_from_slice(&end);
            self.body = body.freeze();
            self.sent_with = Some(extras);
        }
        Ok((self.body.clone(), self.overlap.clone()))
    }

    /// Forgets the context: the answer has begun, and the question is not asked again.
    pub(super) fn forget(&mut self) {
        self.body = Bytes::new();
        self.common = 0;
        self.tools = Vec::new();
    }
}

/// Appends the tools as JSON. Their definitions are shared and not kept a second time.
fn append_tools(body: &mut Vec<u8>, tools: &[Offer]) {
    body.extend_from_slice(br#","tools":["#);
    for (place, tool) in tools.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"type":"function","function":"#);
        body.extend_from_slice(tool.definition.as_bytes());
        body.push(b'}');
    }
    body.push(b']');
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use weir_protocol::ConversationId;

    use super::*;
    use crate::ContextPlace;

    fn sent(partial: Option<&str>, extras: Extras) -> Value {
        let request = ChatRequest {
            model: "m".to_owned(),
            conversation: ConversationId(Uuid::nil()),
            turns: vec![Turn::new(Role::System, "s"), Turn::new(Role::User, "u")],
            tools: Vec::new(),
            partial: partial.map(str::to_owned),
            place: ContextPlace::default(),
        };
        serde_json::from_slice(&Question::encode(request).unwrap().body(extras).unwrap().0).unwrap()
    }

    #[test]
    fn a_question_asks_for_a_stream_and_its_usage() {
        let expected = json!({
            "model": "m", "stream": true, "stream_options": { "include_usage": true },
            "messages": [{ "role": "system", "content": "s" }, { "role": "user", "content": "u" }],
        });
        assert_eq!(sent(None, Extras { usage: true, continuation: true, tools: true }), expected);
        assert_eq!(sent(Some(" \n"), Extras { usage: true, continuation: true, tools: true }), expected);
    }

    #[test]
    fn tools_are_offered_and_their_calls_go_back_with_what_they_gave() {
        let call = ToolCallId(Uuid::from_u128(7));
        let made = TurnCall { id: call, name: "add".to_owned(), args: json!({ "a": 1 }) };
        let request = ChatRequest {
            model: "m".to_owned(),
            conversation: ConversationId(Uuid::nil()),
            turns: vec![Turn { calls: vec![made], ..Turn::new(Role::Assistant, "Well.") }, Turn::output(call, "2")],
            tools: vec![Offer {
                name: "add".to_owned(),
                definition: r#"{"name":"add","description":"Adds.","parameters":{"type":"object"}}"#.into(),
            }],
            partial: None,
            place: ContextPlace::default(),
        };
        let body = |tools| {
            let extras = Extras { usage: false, continuation: false, tools };
            serde_json::from_slice::<Value>(&Question::encode(request.clone()).unwrap().body(extras).unwrap().0)
                .unwrap()
        };
        let function = json!({ "name": "add", "description": "Adds.", "parameters": { "type": "object" } });
        assert_eq!(body(true)["tools"], json!([{ "type": "function", "function": function }]));
        assert_eq!(body(false).get("tools"), None);
        let called = json!({ "id": call, "type": "function", "function": { "name": "add", "arguments": "{\"a\":1}" } });
        let expected = json!([
            { "role": "assistant", "content": "Well.", "tool_calls": [called] },
            { "role": "tool", "content": "2", "tool_call_id": call },
        ]);
        assert_eq!(body(true)["messages"], expected);
    }

    #[test]
    fn a_partial_answer_is_the_last_message_without_the_white_space_at_its_end() {
        let body = sent(Some("Once \n"), Extras { usage: false, continuation: true, tools: true });
        assert_eq!(body["messages"][2], json!({ "role": "assistant", "content": "Once" }));
        assert_eq!((&body["continue_final_message"], &body["add_generation_prompt"]), (&json!(true), &json!(false)));
        assert_eq!(body.get("stream_options"), None);
    }

    #[test]
    fn a_context_is_encoded_once_and_shared_by_every_attempt() {
        let request = ChatRequest {
            model: "m".to_owned(),
            conversation: ConversationId(Uuid::nil()),
            turns: vec![Turn::new(Role::User, "u".repeat(100_000))],
            tools: Vec::new(),
            partial: None,
            place: ContextPlace::default(),
        };
        let mut question = Question::encode(request).unwrap();
        let with_usage = Extras { usage: true, continuation: false, tools: true };
        let first = question.body(with_usage).unwrap().0;
        assert_eq!(first.as_ptr(), question.body(with_usage).unwrap().0.as_ptr());
        let second = question.body(Extras { usage: false, ..with_usage }).unwrap().0;
        let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
        assert_eq!(json(&first)["messages"], json(&second)["messages"]);
        assert_eq!(json(&second).get("stream_options"), None);
        question.forget();
        drop(second);
        assert!(first.is_unique(), "nothing else holds the context");
    }

    #[test]
    fn a_refusal_drops_what_it_names_or_everything() {
        let all = Extras { usage: true, continuation: true, tools: true };
        let without = |text| all.without_refused(text);
        assert_eq!(without("unknown field: stream_options"), Extras { usage: false, continuation: true, tools: true });
        assert_eq!(
            without("`continue_final_message` is not permitted"),
            Extras { usage: true, continuation: false, tools: true }
        );
        assert_eq!(without("`tools` is not supported"), Extras { usage: true, continuation: true, tools: false });
        let bare = without("bad request");
        assert_eq!(bare, Extras { usage: false, continuation: false, tools: true });
        assert!(!bare.without_refused("bad request").any());
    }
}
