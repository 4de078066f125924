//! The MCP servers whose tools are offered.

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use weir_protocol::{CreateMcpServer, McpServer, McpServerList, McpServerLog, Problem, UpdateMcpServer};
use weir_store::StoredMcpServer;

use crate::{
    app::App,
    http::{ApiError, Json, auth::Administrator, extract::Body},
};

/// Every MCP server and how it is, as this instance sees it.
#[utoipa::path(
    get, path = "/api/mcp-servers", tag = "tools", operation_id = "listMcpServers",
    responses((status = 200, body = McpServerList))
)]
pub(crate) async fn list(State(app): State<App>, _: Administrator) -> Result<Json<McpServerList>, ApiError> {
    Ok(Json(McpServerList { items: app.fleet.list().await? }))
}

/// Adds an MCP server and starts it.
#[utoipa::path(
    post, path = "/api/mcp-servers", tag = "tools", operation_id = "createMcpServer",
    request_body = CreateMcpServer,
    responses(
        (status = 201, body = McpServer),
        (status = 409, description = "The name is taken", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    _: Administrator,
    Body(body): Body<CreateMcpServer>,
) -> Result<(StatusCode, Json<McpServer>), ApiError> {
    check(weir_tools::mcp::faults(&body.transport, "transport"))?;
    let enabled = body.enabled.unwrap_or(true);
    let server = StoredMcpServer { name: body.name, transport: body.transport, enabled };
    Ok((StatusCode::CREATED, Json(app.fleet.add(server).await?)))
}

/// Changes an MCP server that was added in the app.
#[utoipa::path(
    patch, path = "/api/mcp-servers/{name}", tag = "tools", operation_id = "updateMcpServer",
    params(("name" = String, Path, description = "The server")),
    request_body = UpdateMcpServer,
    responses(
        (status = 200, body = McpServer),
        (status = 409, description = "It is set in weir.toml", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn update(
    State(app): State<App>,
    _: Administrator,
    Path(name): Path<String>,
    Body(body): Body<UpdateMcpServer>,
) -> Result<Json<McpServer>, ApiError> {
    check(body.transport.iter().flat_map(|transport| weir_tools::mcp::faults(transport, "transport")).collect())?;
    Ok(Json(app.fleet.change(&name, body).await?))
}

/// Ends an MCP server that was added in the app, and forgets it.
#[utoipa::path(
    delete, path = "/api/mcp-servers/{name}", tag = "tools", operation_id = "deleteMcpServer",
    params(("name" = String, Path, description = "The server")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is set in weir.toml", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    _: Administrator,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.fleet.forget(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts an MCP server anew, now.
#[utoipa::path(
    post, path = "/api/mcp-servers/{name}/restart", tag = "tools", operation_id = "restartMcpServer",
    params(("name" = String, Path, description = "The server")),
    responses(
        (status = 202, description = "It is being started", body = McpServer),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn restart(
    State(app): State<App>,
    _: Administrator,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<McpServer>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(app.fleet.restart(&name).await?)))
}

/// The last lines of what an MCP server said beside the protocol: its standard error, and what became of it.
#[utoipa::path(
    get, path = "/api/mcp-servers/{name}/log", tag = "tools", operation_id = "readMcpServerLog",
    params(("name" = String, Path, description = "The server")),
    responses(
        (status = 200, body = McpServerLog),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn log(
    State(app): State<App>,
    _: Administrator,
    Path(name): Path<String>,
) -> Result<Json<McpServerLog>, ApiError> {
    Ok(Json(app.fleet.log(&name).await?))
}

fn check(faults: Vec<weir_protocol::FieldError>) -> Result<(), ApiError> {
    if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(faults)) }
}
