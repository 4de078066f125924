//! Models.

use axum::extract::State;
use weir_protocol::ModelList;

use crate::http::Json;
use crate::{app::App, http::auth::Principal};

/// What can answer, which is the default, and what each can do.
#[utoipa::path(
    get, path = "/api/models", tag = "models", operation_id = "listModels",
    responses((status = 200, body = ModelList))
)]
pub(crate) async fn list(State(app): State<App>, _: Principal) -> Json<ModelList> {
    Json(ModelList { items: app.runs.models().await })
}
