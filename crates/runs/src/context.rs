//! What a model is shown: the branch that ends with the prompt.

use weir_protocol::{ChatMessage, Role};
use weir_providers::Turn;

/// The turns of a branch, oldest first. Empty messages say nothing, and a tool's output means nothing without its call.
pub(crate) fn turns(context: Option<&str>, branch: Vec<ChatMessage>) -> Vec<Turn> {
    let instructions = context
        .filter(|text| !text.trim().is_empty())
        .map(|text| Turn { role: Role::System, content: text.to_owned() });
    let said = branch
        .into_iter()
        .filter(|message| message.role != Role::Tool && !message.content.trim().is_empty())
        .map(|message| Turn { role: message.role, content: message.content });
    instructions.into_iter().chain(said).collect()
}
