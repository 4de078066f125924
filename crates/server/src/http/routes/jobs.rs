//! Jobs: asked for, followed, stopped.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use weir_protocol::{
    Caller, InvokeTool, Job, JobAccepted, JobEvent, JobPage, Problem, Seq, ToolCallId, ToolCallStatus,
};
use weir_realtime::Reader;
use weir_runs::Invocation;
use weir_store::{JobRecord, LogId};

use super::logs;
use crate::{
    app::App,
    http::{
        ApiError, Json,
        auth::Principal,
        extract::{Body, PathId, Query},
        idempotency::Key,
        json,
        sse::{LogStream, take_place},
    },
};

/// Runs a tool. What comes of it stands in the job.
///
/// Whoever calls a tool in person is not asked for approval; one that is denied is refused.
#[utoipa::path(
    post, path = "/api/tools/{tool}", tag = "tools", operation_id = "invokeTool",
    params(
        ("tool" = String, Path, description = "The tool"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe, for 24 hours"),
    ),
    request_body = InvokeTool,
    responses(
        (status = 202, body = JobAccepted),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn invoke(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    Path(tool): Path<String>,
    key: Key,
    Body(body): Body<InvokeTool>,
) -> Result<(StatusCode, Json<JobAccepted>), ApiError> {
    let key = key.of(&body);
    let id = ToolCallId(app.clock.id());
    let call = Invocation { id, user, name: tool, args: body.args, caller: Caller::Person, run: None, key };
    let job = app.runs.jobs().invoke(call).await?;
    Ok((StatusCode::ACCEPTED, Json(JobAccepted { job_id: job.job.id })))
}

/// A page of jobs, newest first: everything that ran, who asked for it and whose word it was.
#[utoipa::path(
    get, path = "/api/jobs", tag = "tools", operation_id = "listJobs",
    params(
        ("cursor" = Option<String>, Query, description = "The nextCursor of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("status" = Option<ToolCallStatus>, Query, description = "Only those that have come so far"),
    ),
    responses(
        (status = 200, body = JobPage),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    mut query: Query,
) -> Result<Response, ApiError> {
    let limit = query.limit();
    let status = query.word("status", "queued, running, done or error");
    query.check()?;
    json::respond(app.store.jobs(user, query.text("cursor"), limit, status).await?).await
}

/// One job.
#[utoipa::path(
    get, path = "/api/jobs/{jobId}", tag = "tools", operation_id = "getJob",
    params(("jobId" = ToolCallId, Path, description = "The job")),
    responses(
        (status = 200, body = Job),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<ToolCallId>,
) -> Result<Response, ApiError> {
    json::respond(app.store.job(user, id).await?.job).await
}

/// Follows a job's log: first what is there after event n, then what comes.
#[utoipa::path(
    get, path = "/api/jobs/{jobId}/events", tag = "tools", operation_id = "followJob",
    params(
        ("jobId" = ToolCallId, Path, description = "The job"),
        ("after" = Option<u64>, Query, description = "The last event already seen; wins over Last-Event-ID"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event already seen"),
    ),
    responses(
        (status = 200, description = "The job's events", body = JobEvent, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The log is not kept any more", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "There is no event n", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn follow(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<ToolCallId>,
    query: Query,
    headers: HeaderMap,
) -> Result<LogStream, ApiError> {
    let job = app.store.job(user, id).await?;
    let place = take_place(&app, user)?;
    let reader = open_log(&app, &job, logs::position(&query, &headers)?).await?;
    Ok(LogStream::of_job(&app, &job, reader, place))
}

/// Stops a job, from anywhere. Its log ends with an error whose code is `cancelled`.
#[utoipa::path(
    delete, path = "/api/jobs/{jobId}", tag = "tools", operation_id = "cancelJob",
    params(("jobId" = ToolCallId, Path, description = "The job")),
    responses(
        (status = 202, description = "It ends, or has ended before"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<ToolCallId>,
) -> Result<StatusCode, ApiError> {
    app.runs.jobs().cancel(user, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Opens the log of a job behind the event `after`.
pub(crate) async fn open_log(app: &App, job: &JobRecord, after: Seq) -> Result<Reader, ApiError> {
    logs::open(app, LogId::Job(job.job.id), job.job.ended_at, after).await
}
