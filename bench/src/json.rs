//! JSON bodies of the servers that tests and measurements play.

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

/// The value of a JSON body, of a request or of a response. `axum::Json` would enable the feature `raw_value` of `serde_json` in the server
/// that is tested.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = (StatusCode, String);

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let refused = |error: String| (StatusCode::BAD_REQUEST, error);
        let body: Bytes =
            to_bytes(request.into_body(), usize::MAX).await.map_err(|error| refused(error.to_string()))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| refused(error.to_string()))
    }
}
