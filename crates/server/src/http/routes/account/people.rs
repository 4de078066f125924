//! Everyone who has an account, for administrators.

use axum::{extract::State, http::StatusCode};
use weir_protocol::{Person, PersonList, Problem, UpdatePerson, UserId};

use super::remove;
use crate::{
    app::App,
    http::{
        ApiError, Json,
        auth::{Accounts, Administrator},
        extract::{Body, PathId},
    },
};

/// Everyone who has an account, by name.
#[utoipa::path(
    get, path = "/api/people", tag = "account", operation_id = "listPeople",
    responses(
        (status = 200, body = PersonList),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(State(app): State<App>, _: Accounts, _: Administrator) -> Result<Json<PersonList>, ApiError> {
    Ok(Json(PersonList { items: app.store.people().await? }))
}

/// Changes what a person may do. When a person is disabled, what is open in their name ends within a second, and their answers
/// and jobs are stopped.
#[utoipa::path(
    patch, path = "/api/people/{id}", tag = "account", operation_id = "updatePerson",
    params(("id" = UserId, Path, description = "The person")),
    request_body = UpdatePerson,
    responses(
        (status = 200, body = Person),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The last administrator stays one", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn update(
    State(app): State<App>,
    _: Accounts,
    _: Administrator,
    PathId(id): PathId<UserId>,
    Body(body): Body<UpdatePerson>,
) -> Result<Json<Person>, ApiError> {
    let person = app.store.update_person(id, &body).await?;
    app.access.watches().ring();
    if person.disabled {
        // From here on nothing new of theirs is started.
        app.runs.cancel_all_of(id).await?;
    }
    Ok(Json(person))
}

/// Deletes a person with everything that is theirs; answers that are still being written are stopped first.
#[utoipa::path(
    delete, path = "/api/people/{id}", tag = "account", operation_id = "deletePerson",
    params(("id" = UserId, Path, description = "The person")),
    responses(
        (status = 204, description = "They are gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The last administrator stays one", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    _: Accounts,
    _: Administrator,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, ApiError> {
    app.store.person(id).await?;
    remove(&app, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
