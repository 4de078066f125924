//! Ids: `UUIDv7` strings on the wire (RFC 9562), one type for each kind of thing.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// A conversation: a tree of messages that belongs to one user.
    ConversationId
}
id! {
    /// One message of a conversation.
    MessageId
}
id! {
    /// One run: one generation with its log. Never used twice.
    RunId
}
id! {
    /// One call of a tool; also the id of its job.
    ToolCallId
}
id! {
    /// One person.
    UserId
}
id! {
    /// One WebSocket client's numbered conversation with the server.
    SessionId
}
id! {
    /// One ping of a WebSocket client; the client chooses it.
    PingId
}
id! {
    /// One browser that a person is signed in on.
    SignInId
}
id! {
    /// One key for programs.
    ApiTokenId
}
id! {
    /// One link that makes an account.
    InviteId
}
id! {
    /// One question that a tool asks in the middle of a call.
    QuestionId
}
