//! Which path leads where.

use std::any::Any;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, admission, arrival, asset, auth, extract::MAX_BODY_BYTES, host, layers, limit, origin, response_body,
    routes as at, unread_body, ws,
};
use crate::{app::App, mcp::service, openapi::ApiDoc};

/// The routes of the contract, with their description.
pub fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(at::realtime::start))
        .routes(routes!(at::realtime::replay, at::realtime::cancel))
        .routes(routes!(ws::connect))
        .routes(routes!(at::conversations::list, at::conversations::create))
        .routes(routes!(at::conversations::get, at::conversations::update, at::conversations::delete))
        .routes(routes!(at::messages::list, at::messages::create))
        .routes(routes!(at::models::list))
        .routes(routes!(at::tools::list))
        .routes(routes!(at::jobs::invoke))
        .routes(routes!(at::tools::set_permission))
        .routes(routes!(at::jobs::list))
        .routes(routes!(at::jobs::get, at::jobs::cancel))
        .routes(routes!(at::jobs::follow))
        .routes(routes!(at::tools::approvals))
        .routes(routes!(at::tools::decide))
        .routes(routes!(at::tools::answer))
        .routes(routes!(at::mcp_servers::list, at::mcp_servers::create))
        .routes(routes!(at::mcp_servers::update, at::mcp_servers::delete))
        .routes(routes!(at::mcp_servers::restart))
        .routes(routes!(at::mcp_servers::log))
        .routes(routes!(at::mcp_sign_in::begin, at::mcp_sign_in::disconnect))
        .routes(routes!(at::mcp_sign_in::come_back))
        .routes(routes!(at::mcp_sign_in::client))
        .routes(routes!(at::account::auth_state))
        .routes(routes!(at::account::me, at::account::update, at::account::delete))
        .routes(routes!(at::account::change_password))
        .routes(routes!(at::account::devices::list, at::account::devices::delete_others))
        .routes(routes!(at::account::devices::delete))
        .routes(routes!(at::account::tokens::list, at::account::tokens::create))
        .routes(routes!(at::account::tokens::delete))
        .routes(routes!(at::account::people::list))
        .routes(routes!(at::account::people::update, at::account::people::delete))
        .routes(routes!(at::account::invites::list, at::account::invites::create))
        .routes(routes!(at::account::invites::delete))
        .routes(routes!(at::account::sign_in::set_up))
        .routes(routes!(at::account::sign_in::join))
        .routes(routes!(at::account::sign_in::sign_in))
        .routes(routes!(at::account::sign_in::sign_out))
        .routes(routes!(at::metrics::history))
        .routes(routes!(at::telemetry::report))
        .routes(routes!(at::metrics::text))
        .routes(routes!(at::account::open_id::go))
        .routes(routes!(at::account::open_id::come_back))
        .routes(routes!(at::health::alive))
        .routes(routes!(at::health::ready))
        .routes(routes!(at::health::document))
}

/// The whole server as one service.
pub fn router(app: App) -> Router {
    let (routes, _) = api().split_for_parts();
    let admission = app.limits.admission();
    routes
        .merge(service::router(&app))
        // From here to `identify` the last one is the first to see a request.
        .route_layer(from_fn_with_state(admission.clone(), admission::admit))
        .route_layer(from_fn_with_state(app.clone(), auth::confirm))
        .route_layer(from_fn_with_state(admission.clone(), arrival::receive))
        .route_layer(from_fn_with_state(app.clone(), limit::take))
        .route_layer(from_fn_with_state(admission.clone(), response_body::hold))
        .route_layer(from_fn_with_state(app.clone(), auth::identify))
        .fallback(asset::serve)
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .layer(from_fn_with_state(app.contact.clone(), layers::refuse_while_cut_off))
        .layer(from_fn_with_state(app.clone(), limit::locate))
        .layer(from_fn_with_state(app.clone(), layers::refuse_while_draining))
        .layer(from_fn_with_state(app.clone(), origin::same_origin))
        .layer(from_fn_with_state(app.clone(), host::known_host))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn_with_state(app.clone(), layers::envelope))
        .layer(from_fn(unread_body::discard))
        .with_state(app)
}

#[allow(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = message.unwrap_or("of another kind"), "a handler panicked");
    ApiError::internal().into_response()
}
