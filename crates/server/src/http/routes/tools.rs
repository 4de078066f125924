//! Tools, what the user permits them, and what waits for the user's word.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use weir_protocol::{
    AnswerQuestion, ApprovalList, DecideApproval, Job, Problem, QuestionId, SetPermission, ToolCallId, ToolInfo,
    ToolList,
};

use crate::{
    app::App,
    http::{
        ApiError, Json,
        auth::{Decider, Principal},
        extract::{Body, PathId},
        json,
    },
};

/// Every tool, with what the user permits it.
#[utoipa::path(
    get, path = "/api/tools", tag = "tools", operation_id = "listTools",
    responses((status = 200, body = ToolList))
)]
pub(crate) async fn list(State(app): State<App>, Principal { user, .. }: Principal) -> Result<Response, ApiError> {
    Ok(json::response(app.runs.jobs().tool_list(user).await?))
}

/// Sets whether a tool may run, and what holds for some of its arguments.
#[utoipa::path(
    put, path = "/api/tools/{tool}/permission", tag = "tools", operation_id = "setPermission",
    params(("tool" = String, Path, description = "The tool")),
    request_body = SetPermission,
    responses(
        (status = 200, body = ToolInfo),
        (status = 403, description = "A token without the scope `admin` cannot change permissions", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_permission(
    State(app): State<App>,
    Decider(Principal { user, .. }): Decider,
    Path(tool): Path<String>,
    Body(body): Body<SetPermission>,
) -> Result<Json<ToolInfo>, ApiError> {
    Ok(Json(app.runs.jobs().set_permission(user, &tool, body).await?))
}

/// What waits for this user's word, oldest first.
#[utoipa::path(
    get, path = "/api/approvals", tag = "tools", operation_id = "listApprovals",
    responses((status = 200, body = ApprovalList))
)]
pub(crate) async fn approvals(State(app): State<App>, Principal { user, .. }: Principal) -> Result<Response, ApiError> {
    let jobs = app.runs.jobs();
    json::respond(ApprovalList { items: jobs.approvals(user).await?, questions: jobs.questions(user).await? }).await
}

/// Grants or denies a call that waits for the user's word. The same word once more changes nothing.
#[utoipa::path(
    post, path = "/api/tool-calls/{callId}/approval", tag = "tools", operation_id = "decideApproval",
    params(("callId" = ToolCallId, Path, description = "The call")),
    request_body = DecideApproval,
    responses(
        (status = 200, body = Job),
        (status = 403, description = "A token without the scope `admin` cannot decide", body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It waits for no word any more", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn decide(
    State(app): State<App>,
    Decider(Principal { user, .. }): Decider,
    PathId(id): PathId<ToolCallId>,
    Body(body): Body<DecideApproval>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(app.runs.jobs().decide(user, id, body).await?.job))
}

/// Answers what a tool asks in the middle of a call. The first answer counts.
#[utoipa::path(
    post, path = "/api/questions/{questionId}/answer", tag = "tools", operation_id = "answerQuestion",
    params(("questionId" = QuestionId, Path, description = "The question")),
    request_body = AnswerQuestion,
    responses(
        (status = 204, description = "The answer was taken"),
        (status = 404, description = "It waits for nobody, or no more", body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn answer(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<QuestionId>,
    Body(body): Body<AnswerQuestion>,
) -> Result<StatusCode, ApiError> {
    app.runs.jobs().answer(user, id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
