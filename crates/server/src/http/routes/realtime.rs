//! Runs: started, followed, stopped.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use weir_protocol::{Problem, RunId, Seq, StartRun, StreamChunk, Timestamp};
use weir_realtime::Reader;
use weir_store::{LogId, RunRecord, RunState};

use super::logs;
use crate::{
    app::App,
    http::{
        ApiError,
        auth::Principal,
        extract::{Body, PathId, Query},
        idempotency::Key,
        sse::{LogStream, take_place},
    },
};

/// Starts a run and streams its log from the first event.
///
/// With an `Idempotency-Key` that was used for the same request before, it is the same run, from its start.
#[utoipa::path(
    post, path = "/api/realtime", tag = "runs", operation_id = "startRun",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request safe, for 24 hours")),
    request_body = StartRun,
    responses(
        (status = 200, description = "The run's events", body = StreamChunk, content_type = "text/event-stream", headers(
            ("weir-run-id" = String, description = "The run"),
            ("weir-conversation-id" = String, description = "Its conversation"),
        )),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Try again after `Retry-After`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn start(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    key: Key,
    Body(body): Body<StartRun>,
) -> Result<LogStream, ApiError> {
    let key = key.of(&body);
    let place = take_place(&app, user)?;
    let run = app.runs.start(user, body, key, app.limits.options().runs).await?;
    if logs::is_expired(&app, ended(&run)) {
        return Err(ApiError::log_expired());
    }
    let reader = app.log.reader(run.id, Seq::START);
    Ok(LogStream::of_run(&app, &run, reader, place))
}

/// Follows a run's log: first what is there after event n, then what comes.
#[utoipa::path(
    get, path = "/api/realtime/{runId}", tag = "runs", operation_id = "followRun",
    params(
        ("runId" = RunId, Path, description = "The run"),
        ("after" = Option<u64>, Query, description = "The last event already seen; wins over Last-Event-ID"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event already seen"),
    ),
    responses(
        (status = 200, description = "The run's events", body = StreamChunk, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The log is not kept any more", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "There is no event n", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn replay(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<RunId>,
    query: Query,
    headers: HeaderMap,
) -> Result<LogStream, ApiError> {
    let run = app.store.run(user, id).await?;
    let after = logs::position(&query, &headers)?;
    let place = take_place(&app, user)?;
    let reader = open_log(&app, &run, after).await?;
    Ok(LogStream::of_run(&app, &run, reader, place))
}

/// Opens the log of a run behind the event `after`.
pub(crate) async fn open_log(app: &App, run: &RunRecord, after: Seq) -> Result<Reader, ApiError> {
    logs::open(app, LogId::Run(run.id), ended(run), after).await
}

fn ended(run: &RunRecord) -> Option<Timestamp> {
    if let RunState::Done(ended) = run.state { Some(ended) } else { None }
}

/// Stops a run, from anywhere. Its log ends with what was there, and `done`.
#[utoipa::path(
    delete, path = "/api/realtime/{runId}", tag = "runs", operation_id = "cancelRun",
    params(("runId" = RunId, Path, description = "The run")),
    responses(
        (status = 202, description = "It ends, or has ended before"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Principal { user, .. }: Principal,
    PathId(id): PathId<RunId>,
) -> Result<StatusCode, ApiError> {
    app.runs.cancel(user, id).await?;
    Ok(StatusCode::ACCEPTED)
}
