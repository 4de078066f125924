//! Conversations.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_protocol::{Conversation, ConversationId, ConversationPage, CreateConversation, Problem, UpdateConversation};
use weir_realtime::Topic;
use weir_store::ConversationFilter;

use crate::{
    app::App,
    http::{
        ApiError, Json,
        auth::Principal,
        extract::{Body, PathId, Query},
        idempotency::Key,
        json,
    },
};

/// A page of conversations, newest activity first.
#[utoipa::path(
    get, path = "/api/conversations", tag = "conversations", operation_id = "listConversations",
    params(
        ("cursor" = Option<String>, Query, description = "The nextCursor of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("q" = Option<String>, Query, description = "Only those whose title or messages contain this text"),
        ("archived" = Option<bool>, Query, description = "The archived ones instead of the others"),
    ),
    responses(
        (status = 200, body = ConversationPage),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    mut query: Query,
) -> Result<Response, ApiError> {
    let limit = query.limit();
    let archived = query.parsed("archived", "true or false").unwrap_or(false);
    let text = query.search("q");
    query.check()?;
    let filter = ConversationFilter { text, archived };
    let page = app.store.conversations(user, &filter, query.text("cursor"), limit).await?;
    json::respond(page).await
}

/// Makes a conversation.
#[utoipa::path(
    post, path = "/api/conversations", tag = "conversations", operation_id = "createConversation",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe, for 24 hours")),
    request_body = CreateConversation,
    responses(
        (status = 201, body = Conversation),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    key: Key,
    Body(body): Body<CreateConversation>,
) -> Result<impl IntoResponse, ApiError> {
    let key = key.of(&body);
    let id = ConversationId(app.clock.id());
    let title = body.title.as_deref();
    let made = app.store.create_conversation(user, id, title, app.clock.now(), key.as_ref()).await?;
    app.log.changed(Topic::Inbox(user));
    let location = format!("/api/conversations/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)))
}

/// One conversation.
#[utoipa::path(
    get, path = "/api/conversations/{id}", tag = "conversations", operation_id = "getConversation",
    params(("id" = ConversationId, Path, description = "The conversation")),
    responses(
        (status = 200, body = Conversation),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(app.store.conversation(user, id).await?))
}

/// Renames, pins or archives a conversation.
#[utoipa::path(
    patch, path = "/api/conversations/{id}", tag = "conversations", operation_id = "updateConversation",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = UpdateConversation,
    responses(
        (status = 200, body = Conversation),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn update(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<ConversationId>,
    Body(body): Body<UpdateConversation>,
) -> Result<Json<Conversation>, ApiError> {
    let changed = app.store.update_conversation(user, id, &body, app.clock.now()).await?;
    app.log.changed(Topic::Inbox(user));
    Ok(Json(changed))
}

/// Deletes a conversation with everything in it; answers that are still being written are stopped first.
#[utoipa::path(
    delete, path = "/api/conversations/{id}", tag = "conversations", operation_id = "deleteConversation",
    params(("id" = ConversationId, Path, description = "The conversation")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    app.runs.cancel_all_in(user, id).await?;
    app.store.delete_conversation(user, id, app.clock.now()).await?;
    app.log.changed(Topic::Inbox(user));
    Ok(StatusCode::NO_CONTENT)
}
