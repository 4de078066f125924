//! The user's own conversations, searched by words.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{About, Call, Tool, ToolError};

/// Where conversations are kept. The tools do not know how.
#[async_trait]
pub trait History: Send + Sync {
    /// The messages that fit `query` best among those of the user of `call`, at most `limit`.
    ///
    /// # Errors
    /// When they cannot be searched just now.
    async fn search(&self, call: &Call, query: &str, limit: u32) -> Result<Vec<Found>, ToolError>;
}

/// A message that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Its conversation.
    pub conversation_id: String,
    /// Its conversation's title.
    pub title: String,
    /// The message.
    pub message_id: String,
    /// Who said it: `user` or `assistant`.
    pub role: String,
    /// When, as RFC 3339.
    pub created_at: String,
    /// The part of it that fits.
    pub snippet: String,
}

/// Searches.
#[derive(Clone)]
pub struct SearchHistory(pub(super) Arc<dyn History>);

/// For what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// Words to look for; their beginnings are enough. Messages with all of them come first, those with some only where there
    /// is none with all.
    #[schemars(length(min = 1, max = 1000))]
    query: String,
    /// How many messages at most; 10 when nothing is said.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The messages that fit, the best first.
    results: Vec<Found>,
}

#[async_trait]
impl Tool for SearchHistory {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        let description = "Searches the user's own earlier conversations by words and gives the parts that fit. Use it when \
            the user speaks of something that was said before, elsewhere.";
        About::read_only("search_history", "Search conversations", description)
    }

    async fn run(&self, Args { query, limit }: Args, call: &Call) -> Result<Output, ToolError> {
        Ok(Output { results: self.0.search(call, &query, limit.unwrap_or(10)).await? })
    }
}
