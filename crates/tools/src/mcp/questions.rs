//! What a server asks the person in the middle of a call (elicitation): as a request of its own (2025-11-25), or as the answer to
//! the call, which is then called once more (2026-07-28).

use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, InputRequest, InputRequests, InputResponses};
use serde_json::Value;
use url::Url;
use weir_protocol::{AnswerQuestion, QuestionAction};

use super::{
    listener::{Calls, MAX_OPEN_QUESTIONS},
    names::readable,
};
use crate::{ArgumentSchema, Asked, Call, ToolError};

/// The longest question, in characters.
const MOST_MESSAGE_CHARS: usize = 2000;
/// The largest schema of an answer, in bytes.
const MOST_SCHEMA_BYTES: usize = 16 * 1024;

/// Asks the person for whom the server works. One that asks out of no call, or out of calls of several people, is declined:
/// nobody is asked what another one's call wants to know.
pub(super) async fn ask_in_some_call(server: &str, calls: &Calls, asked: ElicitRequestParams) -> ElicitResult {
    let call = {
        let calls = calls.lock().await;
        let newest = calls.values().max_by_key(|call| call.id).cloned();
        newest.filter(|newest| calls.values().all(|call| call.user == newest.user))
    };
    match call {
        Some(call) => ask(server, &call, asked).await,
        None => ElicitResult::new(ElicitationAction::Decline),
    }
}

/// Asks everything that a call's answer wants to know.
///
/// # Errors
/// When something else is wanted than a person's answer.
pub(super) async fn answers(server: &str, call: &Call, wanted: InputRequests) -> Result<InputResponses, ToolError> {
    if wanted.len() > MAX_OPEN_QUESTIONS {
        let message = format!(
            "The server {server} asks {} questions at once. Weir shows at most {MAX_OPEN_QUESTIONS}.",
            wanted.len()
        );
        return Err(ToolError::new("input_required", message));
    }
    let mut answers = InputResponses::new();
    for (key, request) in wanted {
        let InputRequest::Elicitation(request) = request else {
            let message =
                format!("The server {server} wants a model or a list of folders of its own, which Weir does not give.");
            return Err(ToolError::new("input_required", message));
        };
        let answer = ask(server, call, request.params).await;
        answers.insert(key, serde_json::to_value(answer).unwrap_or_default());
    }
    Ok(answers)
}

async fn ask(server: &str, call: &Call, asked: ElicitRequestParams) -> ElicitResult {
    let Some(asked) = question(server, asked) else { return ElicitResult::new(ElicitationAction::Decline) };
    if let Some(schema) = &asked.schema
        && ArgumentSchema::compile_off_worker(schema.clone()).await.is_err()
    {
        return ElicitResult::new(ElicitationAction::Decline);
    }
    let AnswerQuestion { action, content } = call.ask(asked).await;
    match (action, content) {
        (QuestionAction::Accept, Some(content)) => ElicitResult::new(ElicitationAction::Accept).with_content(content),
        (QuestionAction::Accept, None) => ElicitResult::new(ElicitationAction::Accept),
        (QuestionAction::Decline, _) => ElicitResult::new(ElicitationAction::Decline),
        (QuestionAction::Cancel, _) => ElicitResult::new(ElicitationAction::Cancel),
    }
}

/// The question as a person sees it. None: it cannot be shown.
fn question(server: &str, asked: ElicitRequestParams) -> Option<Asked> {
    let (message, schema, url) = match asked {
        ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
            let schema = serde_json::to_value(requested_schema).ok().filter(Value::is_object)?;
            if schema.to_string().len() > MOST_SCHEMA_BYTES {
                return None;
            }
            (message, Some(schema), None)
        }
        ElicitRequestParams::UrlElicitationParams { message, url, .. } => {
            // A page is opened by the person, in their browser: nothing else than a page.
            let page =
                Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
            (message, None, Some(page.to_string()))
        }
        _ => return None,
    };
    Some(Asked { server: server.to_owned(), message: readable(&message, MOST_MESSAGE_CHARS), schema, url })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(params: Value) -> Option<Asked> {
        question("s", serde_json::from_value(params).unwrap())
    }

    #[test]
    fn only_what_can_be_shown_is_asked() {
        let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
        let form = shown(json!({ "mode": "form", "message": "Who\u{202e}?", "requestedSchema": schema })).unwrap();
        assert_eq!((form.message.as_str(), form.url), ("Who?", None));
        assert_eq!(form.schema.unwrap()["properties"]["name"]["type"], "string");
        let page = |url| shown(json!({ "mode": "url", "message": "Sign in", "url": url, "elicitationId": "1" }));
        assert_eq!(page("https://example.org/in").unwrap().url.as_deref(), Some("https://example.org/in"));
        assert_eq!(page("javascript:alert(1)"), None);
    }
}
