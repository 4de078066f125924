//! Messages.

use axum::{extract::State, http::StatusCode, response::Response};
use weir_protocol::{ChatMessage, ConversationId, CreateMessage, MessageId, MessagePage, Problem};
use weir_realtime::Topic;
use weir_store::{NewMessage, Position};

use crate::{
    app::App,
    http::{
        ApiError, Json,
        auth::Principal,
        extract::{Body, Query},
        idempotency::Key,
        json,
    },
};

/// A page of a conversation's messages, newest first. One that is still growing carries `seq`: follow its run after that.
#[utoipa::path(
    get, path = "/api/messages", tag = "messages", operation_id = "listMessages",
    params(
        ("conversationId" = ConversationId, Query, description = "The conversation"),
        ("cursor" = Option<String>, Query, description = "The nextCursor of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, body = MessagePage),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    mut query: Query,
) -> Result<Response, ApiError> {
    let limit = query.limit();
    let conversation = query.required("conversationId", "the id of a conversation");
    query.check()?;
    let Some(conversation) = conversation else { return Err(ApiError::not_found("conversation")) };
    json::respond(app.store.messages(user, conversation, query.text("cursor"), limit).await?).await
}

/// Stores a message; starts no run.
#[utoipa::path(
    post, path = "/api/messages", tag = "messages", operation_id = "createMessage",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe, for 24 hours")),
    request_body = CreateMessage,
    responses(
        (status = 201, body = ChatMessage),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    key: Key,
    Body(body): Body<CreateMessage>,
) -> Result<(StatusCode, Json<ChatMessage>), ApiError> {
    let key = key.of(&body);
    let new = NewMessage {
        id: MessageId(app.clock.id()),
        conversation: body.conversation_id,
        new_conversation: ConversationId(app.clock.id()),
        title: weir_runs::title_of(&body.content),
        position: body.parent_id.map_or(Position::Newest, Position::Under),
        role: body.role,
        content: body.content,
    };
    let stored = app.store.create_message(user, &new, app.clock.now(), key.as_ref()).await?;
    app.log.changed(Topic::Inbox(user));
    Ok((StatusCode::CREATED, Json(stored)))
}
