//! What can answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One model that can, or could, answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// `provider/model`: what a request names.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Who serves it.
    pub provider: String,
    /// Answers when a request names none.
    pub default: bool,
    /// Can answer now.
    pub available: bool,
    /// A small demonstration model: real, but often wrong.
    pub demo: bool,
    /// What to know or to do, for a person: why it cannot answer now, or what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// What it can do.
    pub capabilities: ModelCapabilities,
    /// How many tokens of prompt and answer it holds at a time, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub context_length: Option<u32>,
}

/// What a model can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelCapabilities {
    /// Calls tools.
    pub tools: bool,
    /// Goes on with a partial answer, so that an answer survives the death of its server.
    pub continues: bool,
}

/// The models there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// Every model; the default is marked.
    pub items: Vec<Model>,
}
