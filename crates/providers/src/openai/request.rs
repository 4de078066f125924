//! What is sent.

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

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
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

/// A tool that is offered.
#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
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

/// The JSON of `request`, and the seam to watch when it takes up a partial answer.
///
/// # Errors
/// When it cannot be written as JSON, which no request does.
pub(super) fn body(request: &ChatRequest, extras: Extras) -> serde_json::Result<(Vec<u8>, Overlap)> {
    let mut messages: Vec<Message<'_>> = request.turns.iter().map(Message::from).collect();
    let (sent, overlap) = Overlap::new(request.partial.as_deref().unwrap_or_default());
    if !sent.is_empty() {
        messages.push(Message::new("assistant", sent));
    }
    let continuation = extras.continuation && !sent.is_empty();
    let body = Body {
        model: &request.model,
        messages,
        stream: true,
        tools: if extras.tools { request.tools.iter().map(offered).collect() } else { Vec::new() },
        stream_options: extras.usage.then_some(StreamOptions { include_usage: true }),
        continue_final_message: continuation.then_some(true),
        add_generation_prompt: continuation.then_some(false),
    };
    Ok((serde_json::to_vec(&body)?, overlap))
}

fn offered(offer: &Offer) -> Tool<'_> {
    let function = Function { name: &offer.name, description: &offer.description, parameters: &offer.schema };
    Tool { kind: "function", function }
}

#[cfg(test)]
mod tests {
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
                description: "Adds.".to_owned(),
                schema: json!({ "type": "object" }),
            }],
            partial: None,
        };
        let body = |tools| {
            let extras = Extras { usage: false, continuation: false, tools };
            serde_json::from_slice::<Value>(&super::body(&request, extras).unwrap().0).unwrap()
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
