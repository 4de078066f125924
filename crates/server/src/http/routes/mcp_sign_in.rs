//! Signing in for MCP servers that ask for it (OAuth): there, back, and off again.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use weir_protocol::{McpServer, McpSignInStarted, Problem};

use crate::{
    access::Secret,
    app::App,
    http::{
        ApiError, Json,
        auth::{Administrator, Cookie, Principal},
        extract::Query,
        origin::ServerOrigin,
    },
    mcp::{Browser, ConnectError, Returned},
};

/// Where authorization servers send browsers back to.
const CALLBACK: &str = "/api/mcp-sign-in/callback";
/// Where authorization servers read what this client is.
const DOCUMENT: &str = "/api/mcp-sign-in/client";

/// Begins a sign-in for an MCP server: the page to go to, in this browser and within ten minutes.
#[utoipa::path(
    post, path = "/api/mcp-servers/{name}/sign-in", tag = "tools", operation_id = "signInAtMcpServer",
    params(("name" = String, Path, description = "The server")),
    responses(
        (status = 200, body = McpSignInStarted),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Nobody can sign in for it like this; `detail` says what to do", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn begin(
    State(app): State<App>,
    principal: Principal,
    _: Administrator,
    Path(name): Path<String>,
    ServerOrigin(origin): ServerOrigin,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let cookie = Cookie::mcp_sign_in(&app);
    // Two sign-ins that are begun in one browser both come back to it.
    let is_ours = |secret: &&str| {
        secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let secret = match cookie.read(&headers).filter(is_ours) {
        Some(secret) => secret.to_owned(),
        None => Secret::plain()?.text,
    };
    let redirect = format!("{origin}{CALLBACK}");
    let browser = Browser { user: principal.user, secret: &secret };
    let url = app.fleet.begin_sign_in(&name, browser, &redirect, document(&app).as_deref()).await?;
    Ok((cookie.carrying(&secret), [(header::CACHE_CONTROL, "no-store")], Json(McpSignInStarted { url })))
}

/// The way back from an authorization server.
#[utoipa::path(
    get, path = "/api/mcp-sign-in/callback", tag = "tools", operation_id = "mcpSignInCallback",
    params(
        ("state" = Option<String>, Query, description = "What was begun"),
        ("code" = Option<String>, Query, description = "What the token is given for"),
        ("iss" = Option<String>, Query, description = "Who says so (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
    ),
    responses((status = 302, description = "To the page of MCP servers; `connect` in its address says what came of it"))
)]
pub(crate) async fn come_back(
    State(app): State<App>,
    principal: Principal,
    _: Administrator,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, ApiError> {
    let (Some(state), Some(secret)) = (query.text("state"), Cookie::mcp_sign_in(&app).read(&headers)) else {
        return Ok(to(None, "expired"));
    };
    let browser = Browser { user: principal.user, secret };
    let code = query.text("code").filter(|_| query.text("error").is_none());
    let returned = Returned { state, code, issuer: query.text("iss") };
    Ok(match app.fleet.end_sign_in(browser, returned).await {
        Ok(back) => {
            let word = match back.connected {
                None => "denied",
                Some(Ok(())) => "done",
                Some(Err(ConnectError::Store(error))) => return Err(error.into()),
                Some(Err(_)) => "failed",
            };
            to(Some(&back.server), word)
        }
        Err(ConnectError::Store(error)) => return Err(error.into()),
        Err(_) => to(None, "expired"),
    })
}

/// Forgets the sign-in of an MCP server, and gives its tokens back where that goes.
#[utoipa::path(
    delete, path = "/api/mcp-servers/{name}/sign-in", tag = "tools", operation_id = "signOutAtMcpServer",
    params(("name" = String, Path, description = "The server")),
    responses(
        (status = 200, body = McpServer),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn disconnect(
    State(app): State<App>,
    _: Administrator,
    Path(name): Path<String>,
) -> Result<Json<McpServer>, ApiError> {
    app.fleet.get(&name).await?;
    app.fleet.disconnect(&name).await?;
    Ok(Json(app.fleet.get(&name).await?))
}

/// What this client is, for authorization servers that read it themselves (OAuth Client ID Metadata Document).
#[derive(Serialize)]
struct ClientDocument {
    client_id: String,
    client_name: &'static str,
    client_uri: String,
    redirect_uris: [String; 1],
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    token_endpoint_auth_method: &'static str,
    application_type: &'static str,
}

/// What this server is as a client of authorization servers, which read it there.
#[utoipa::path(
    get, path = "/api/mcp-sign-in/client", tag = "tools", operation_id = "mcpClientDocument", security(()),
    responses(
        (status = 200, description = "The document", body = Object, content_type = "application/json"),
        (status = 404, description = "This server is not reached over TLS", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn client(State(app): State<App>) -> Result<Response, ApiError> {
    let (Some(client_id), Some(public)) = (document(&app), app.access.public_url()) else {
        return Err(ApiError::not_found("document"));
    };
    let document = ClientDocument {
        client_id,
        client_name: "Weir",
        client_uri: public.origin().to_owned(),
        redirect_uris: [format!("{}{CALLBACK}", public.origin())],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "none",
        application_type: "web",
    };
    // Public, and read by authorization servers.
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(document)).into_response())
}

/// Where that document is; it has to be reached over TLS.
fn document(app: &App) -> Option<String> {
    let public = app.access.public_url().filter(|public| public.is_secure())?;
    Some(format!("{}{DOCUMENT}", public.origin()))
}

/// To the page of MCP servers, which says what came of it.
fn to(server: Option<&str>, word: &str) -> Response {
    // A server's name needs no escaping: letters, digits and hyphens.
    let of_server = server.map(|name| format!("&server={name}")).unwrap_or_default();
    let location = format!("/tools?view=servers{of_server}&connect={word}");
    (StatusCode::FOUND, [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())]).into_response()
}
