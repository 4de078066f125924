//! The conversations in the store, as the tool that searches them sees them.

use async_trait::async_trait;
use weir_protocol::Role;
use weir_store::{FoundMessage, Store, StoreError};
use weir_tools::{
    Call, ToolError,
    builtin::{Found, History},
};

/// Searches the store.
#[derive(Clone, Debug)]
pub struct StoredHistory(Store);

impl StoredHistory {
    /// Of everybody's conversations; each call sees its user's alone.
    pub const fn new(store: Store) -> Self {
        Self(store)
    }

    /// Without the conversation that the call is made in: the model has it before it, with the very question in it.
    async fn found(&self, call: &Call, query: &str, limit: u32) -> Result<Vec<FoundMessage>, StoreError> {
        let here = match self.0.job(call.user, call.id).await {
            Ok(job) => job.job.conversation_id,
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        self.0.search_messages(call.user, query, here, limit).await
    }
}

#[async_trait]
impl History for StoredHistory {
    async fn search(&self, call: &Call, query: &str, limit: u32) -> Result<Vec<Found>, ToolError> {
        match self.found(call, query, limit).await {
            Ok(found) => Ok(found.into_iter().map(shown).collect()),
            Err(StoreError::SearchTooSlow) => Err(ToolError::new(
                "search_too_slow",
                "This search takes too long. Search for longer or more specific words.",
            )),
            Err(StoreError::TooManySearches) => {
                Err(ToolError::new("too_many_searches", "Other searches are running. Try again when they have ended."))
            }
            Err(error) => {
                tracing::warn!(%error, "conversations cannot be searched");
                Err(ToolError::new("unavailable", "The conversations cannot be searched just now. Try again later."))
            }
        }
    }
}

fn shown(found: FoundMessage) -> Found {
    let role = match found.role {
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::System => "system",
    };
    Found {
        conversation_id: found.conversation.to_string(),
        title: found.title,
        message_id: found.id.to_string(),
        role: role.to_owned(),
        created_at: found.created_at.to_string(),
        snippet: found.snippet,
    }
}
