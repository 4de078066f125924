//! What a foreign tool gave, as the output of a job.

use rmcp::model::{CallToolResult, ContentBlock, ServerResult};
use serde_json::{Value, json};

use super::names::readable;
use crate::ToolError;

/// The longest message of a failure, in characters.
const MOST_MESSAGE_CHARS: usize = 2000;

/// The output: the structured content where there is one; a text where there is nothing else; else `{ "content": […] }`, as
/// the protocol writes it.
pub(super) fn output(given: ServerResult) -> Result<Value, ToolError> {
    match given {
        ServerResult::CallToolResult(result) => of_result(result),
        // A server that gives nothing may leave everything out.
        ServerResult::EmptyResult(_) => Ok(Value::Null),
        _ => {
            tracing::debug!("a tool of an MCP server returned something else than a result");
            Err(ToolError::new("invalid_output", "The server gave something else than a tool's result."))
        }
    }
}

fn of_result(result: CallToolResult) -> Result<Value, ToolError> {
    let text = texts(&result.content);
    if result.is_error == Some(true) {
        let words = text.or_else(|| result.structured_content.map(|content| content.to_string())).unwrap_or_default();
        let words = readable(&words, MOST_MESSAGE_CHARS);
        let message = if words.is_empty() { "The tool failed and did not say why.".to_owned() } else { words };
        return Err(ToolError::new("tool_failed", message));
    }
    Ok(match (result.structured_content, text) {
        (Some(structured), _) => structured,
        (None, Some(text)) => Value::String(text),
        (None, None) => json!({ "content": result.content }),
    })
}

/// The content as one text; none when there is something else in it.
fn texts(content: &[ContentBlock]) -> Option<String> {
    let text = |block: &ContentBlock| match block {
        ContentBlock::Text(text) => Some(text.text.clone()),
        _ => None,
    };
    Some(content.iter().map(text).collect::<Option<Vec<_>>>()?.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(result: Value) -> Result<Value, ToolError> {
        output(serde_json::from_value(result).unwrap())
    }

    #[test]
    fn content_becomes_the_plainest_json_that_says_it() {
        let text = json!({ "type": "text", "text": "one" });
        let image = json!({ "type": "image", "data": "AA==", "mimeType": "image/png" });
        assert_eq!(given(json!({ "content": [text, text] })), Ok(json!("one\none")));
        assert_eq!(given(json!({ "content": [text, image] })), Ok(json!({ "content": [text, image] })));
        assert_eq!(given(json!({ "content": [text], "structuredContent": { "n": 1 } })), Ok(json!({ "n": 1 })));
        let failed = given(json!({ "content": [text], "isError": true })).unwrap_err();
        assert_eq!((failed.code, failed.message.as_str()), ("tool_failed", "one"));
    }
}
