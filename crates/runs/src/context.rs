//! What a model is shown: the branch that ends with the prompt, and the steps of the answer so far.

use serde_json::Value;
use weir_protocol::{ChatMessage, Failure, Role, ToolCall};
use weir_providers::{Turn, TurnCall};

/// Characters of a tool's output that a model is shown, and that an answer's log carries.
const SHOWN_CHARS: usize = 16_000;

/// The turns of a branch, oldest first. Empty messages say nothing, and a stored message of a tool's means nothing without
/// its call.
pub(crate) fn turns(context: Option<&str>, branch: Vec<ChatMessage>) -> Vec<Turn> {
    let instructions = context.filter(|text| !text.trim().is_empty()).map(|text| Turn::new(Role::System, text));
    let said = branch.into_iter().filter(|message| message.role != Role::Tool).flat_map(|message| {
        let (mut turns, rest) = steps(&message);
        if !rest.trim().is_empty() {
            turns.push(Turn::new(message.role, rest));
        }
        turns
    });
    instructions.into_iter().chain(said).collect()
}

/// The steps of an answer: for each its text, the calls that follow it and what they gave; and the text after the last.
pub(crate) fn steps(answer: &ChatMessage) -> (Vec<Turn>, &str) {
    let mut turns = Vec::new();
    let mut rest = answer.content.as_str();
    let mut cut = 0;
    let calls = answer.tool_calls.as_deref().unwrap_or_default();
    for step in calls.chunk_by(|one, other| one.offset == other.offset) {
        let offset = step[0].offset.map_or(cut, |offset| usize::try_from(offset).unwrap_or(usize::MAX));
        let (text, after) = split_utf16(rest, offset.saturating_sub(cut));
        (rest, cut) = (after, offset.max(cut));
        let made = |call: &ToolCall| TurnCall { id: call.id, name: call.name.clone(), args: call.args.clone() };
        turns.push(Turn { calls: step.iter().map(made).collect(), ..Turn::new(Role::Assistant, text) });
        turns.extend(step.iter().map(|call| Turn::output(call.id, given(call))));
    }
    (turns, rest)
}

/// How many steps of an answer called tools.
pub(crate) fn steps_taken(answer: &ChatMessage) -> usize {
    answer.tool_calls.as_deref().unwrap_or_default().chunk_by(|one, other| one.offset == other.offset).count()
}

/// What an output is in an answer's log: whole, or its beginning and a word on where the rest is.
pub(crate) fn shown(output: Value) -> Value {
    let text = text_of(&output);
    let length = text.chars().count();
    if length <= SHOWN_CHARS {
        return output;
    }
    let beginning: String = text.chars().take(SHOWN_CHARS).collect();
    Value::String(format!(
        "{beginning}\n\n[Shortened: these are the first {SHOWN_CHARS} of {length} characters. The whole output is kept with \
         the job.]"
    ))
}

fn given(call: &ToolCall) -> String {
    match (&call.output, &call.error) {
        (Some(output), _) => text_of(output),
        (None, Some(Failure { code, message })) => format!("Error ({code}): {message}"),
        (None, None) => "Error (interrupted): it gave nothing.".to_owned(),
    }
}

fn text_of(output: &Value) -> String {
    output.as_str().map_or_else(|| output.to_string(), str::to_owned)
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
        let (turns, rest) = steps(&answer);
        let told: Vec<_> = turns.iter().map(|turn| (turn.content.as_str(), turn.calls.len())).collect();
        let outputs = [r#"{"waited":0}"#, r#"{"waited":1}"#, r#"{"waited":2}"#];
        assert_eq!(told, [("a\u{1f980}", 2), (outputs[0], 0), (outputs[1], 0), ("b and ", 1), (outputs[2], 0)]);
        assert_eq!((rest, steps_taken(&answer)), ("c", 2));
    }

    #[test]
    fn an_output_that_is_too_long_is_shortened_and_says_so() {
        let long = shown(Value::String("é".repeat(SHOWN_CHARS + 1)));
        assert!(long.as_str().unwrap().contains("16000 of 16001"));
        assert_eq!(shown(json!({ "a": 1 })), json!({ "a": 1 }));
    }
}
