//! What a model is shown: the branch that ends with the prompt, and the steps of the answer so far.

use serde_json::Value;
use weir_protocol::{ChatMessage, Failure, Role, ToolCall};
use weir_providers::{Turn, TurnCall};
use weir_store::{is_large, off_worker};

/// Characters of a tool's output that a model is shown, and that an answer's log carries.
const SHOWN_CHARS: usize = 16_000;
/// Where the rest of a shortened output is.
pub(crate) const KEPT_OUTPUT: &str = "The whole output is kept with the job.";
/// Where the rest of shortened arguments is.
pub(crate) const FORGOTTEN_ARGUMENTS: &str = "The call did not run.";

/// The turns of a branch, oldest first. Empty messages say nothing, and a stored message of a tool's means nothing without
/// its call.
pub(crate) fn turns(instructions: Option<String>, branch: Vec<ChatMessage>) -> Vec<Turn> {
    let instructions = instructions.filter(|text| !text.trim().is_empty()).map(|text| Turn::new(Role::System, text));
    let said = branch.into_iter().filter(|message| message.role != Role::Tool).flat_map(|message| {
        let role = message.role;
        let (mut turns, rest) = steps(message);
        if !rest.trim().is_empty() {
            turns.push(Turn::new(role, rest));
        }
        turns
    });
    instructions.into_iter().chain(said).collect()
}

/// The steps of an answer: for each its text, the calls that follow it and what they gave; and the text after the last. Texts and
/// arguments are moved and not copied.
pub(crate) fn steps(answer: ChatMessage) -> (Vec<Turn>, String) {
    let mut calls = answer.tool_calls.unwrap_or_default().into_iter().peekable();
    if calls.peek().is_none() {
        return (Vec::new(), answer.content);
    }
    let mut turns = Vec::new();
    let mut rest = answer.content.as_str();
    let mut cut = 0;
    while let Some(first) = calls.next() {
        let place = first.offset;
        let mut step = vec![first];
        step.extend(std::iter::from_fn(|| calls.next_if(|call| call.offset == place)));
        let offset = place.map_or(cut, |offset| usize::try_from(offset).unwrap_or(usize::MAX));
        let (text, after) = split_utf16(rest, offset.saturating_sub(cut));
        (rest, cut) = (after, offset.max(cut));
        let outputs: Vec<_> = step.iter_mut().map(|call| Turn::output(call.id, given(call))).collect();
        let made = |call: ToolCall| TurnCall { id: call.id, name: call.name, args: call.args };
        turns.push(Turn { calls: step.into_iter().map(made).collect(), ..Turn::new(Role::Assistant, text) });
        turns.extend(outputs);
    }
    (turns, rest.to_owned())
}

/// The text of an answer after its last step that called tools.
pub(crate) fn after_steps(answer: &ChatMessage) -> &str {
    let last = answer.tool_calls.iter().flatten().filter_map(|call| call.offset).max().unwrap_or_default();
    split_utf16(&answer.content, usize::try_from(last).unwrap_or(usize::MAX)).1
}

/// How many steps of an answer called tools.
pub(crate) fn steps_taken(answer: &ChatMessage) -> usize {
    answer.tool_calls.as_deref().unwrap_or_default().chunk_by(|one, other| one.offset == other.offset).count()
}

/// What an output, or the arguments of a call that does not run, are in an answer's log: whole, or the beginning and a note on
/// where the rest is. A large value is shortened on a blocking thread.
pub(crate) async fn shown(value: Value, rest: &'static str) -> Value {
    if is_large(&value) { off_worker(move || shortened(value, rest)).await } else { shortened(value, rest) }
}

/// See [`shown`].
pub(crate) fn shortened(value: Value, rest: &str) -> Value {
    let text = match value {
        Value::String(text) => text,
        other => {
            let text = other.to_string();
            if text.chars().nth(SHOWN_CHARS).is_none() {
                return other;
            }
            text
        }
    };
    let length = text.chars().count();
    if length <= SHOWN_CHARS {
        return Value::String(text);
    }
    let beginning: String = text.chars().take(SHOWN_CHARS).collect();
    Value::String(format!(
        "{beginning}\n\n[Shortened: these are the first {SHOWN_CHARS} of {length} characters. {rest}]"
    ))
}

/// Takes the result of a call, as the model receives it.
fn given(call: &mut ToolCall) -> String {
    match (call.output.take(), &call.error) {
        (Some(Value::String(output)), _) => output,
        (Some(output), _) => output.to_string(),
        (None, Some(Failure { code, message })) => format!("Error ({code}): {message}"),
        (None, None) => "Error (interrupted): it gave nothing.".to_owned(),
    }
}

/// Parts a text after so many UTF-16 units; between characters, always.
fn split_utf16(text: &str, units: usize) -> (&str, &str) {
    let mut counted = 0;
    for (at, character) in text.char_indices() {
        if counted >= units {
            return text.split_at(at);
        }
        counted += character.len_utf16();
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;
    use weir_protocol::{ConversationId, MessageId, MessageStatus, Timestamp, ToolCallId, ToolCallStatus};

    use super::*;

    fn answer(content: &str, offsets: &[u32]) -> ChatMessage {
        let call = |(number, offset): (u128, &u32)| ToolCall {
            id: ToolCallId(Uuid::from_u128(number)),
            name: "wait".to_owned(),
            args: json!({ "seconds": number }),
            status: ToolCallStatus::Done,
            approval: None,
            output: Some(json!({ "waited": number })),
            error: None,
            offset: Some(*offset),
        };
        ChatMessage {
            id: MessageId(Uuid::nil()),
            conversation_id: ConversationId(Uuid::nil()),
            parent_id: None,
            role: Role::Assistant,
            content: content.to_owned(),
            created_at: Timestamp(0),
            status: MessageStatus::Complete,
            run_id: None,
            seq: None,
            model: None,
            tool_calls: Some((0..).zip(offsets).map(call).collect()),
            usage: None,
            error: None,
        }
    }

    #[test]
    fn an_answer_with_calls_is_its_steps() {
        let answer = answer("a\u{1f980}b and c", &[3, 3, 9]);
        let (turns, rest) = steps(answer.clone());
        let told: Vec<_> = turns.iter().map(|turn| (turn.content.as_str(), turn.calls.len())).collect();
        let outputs = [r#"{"waited":0}"#, r#"{"waited":1}"#, r#"{"waited":2}"#];
        assert_eq!(told, [("a\u{1f980}", 2), (outputs[0], 0), (outputs[1], 0), ("b and ", 1), (outputs[2], 0)]);
        assert_eq!((rest.as_str(), steps_taken(&answer)), ("c", 2));
        assert_eq!(after_steps(&answer), "c");
    }

    #[tokio::test]
    async fn an_output_that_is_too_long_is_shortened_and_says_so() {
        let long = shown(Value::String("é".repeat(SHOWN_CHARS + 1)), KEPT_OUTPUT).await;
        assert!(long.as_str().unwrap().contains("16000 of 16001"));
        let long = shown(json!({ "a": "é".repeat(SHOWN_CHARS) }), KEPT_OUTPUT).await;
        assert!(long.as_str().unwrap().contains("16000 of 16008"));
        for short in [json!({ "a": 1 }), json!({ "a": "é".repeat(SHOWN_CHARS - 8) }), json!("é".repeat(SHOWN_CHARS))]
        {
            assert_eq!(shown(short.clone(), KEPT_OUTPUT).await, short);
        }
    }
}
