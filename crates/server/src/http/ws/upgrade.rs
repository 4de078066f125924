//! From an HTTP request to a socket (RFC 6455, 4.2).

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use weir_protocol::{AccessScope, Problem, SessionId};

use super::{
    serve::{Hub, Visitor, serve, turn_away},
    topics::InboxPosition,
};
use crate::{
    app::App,
    http::{ApiError, auth::Principal},
    metrics::{rate_limited, watched},
};

const SUBPROTOCOL: &str = "weir.v1";
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Opens a WebSocket with the subprotocol `weir.v1`.
///
/// The client sends `ClientFrame`s, the server sends `ServerFrame`s, `welcome` first.
#[utoipa::path(
    get, path = "/api/ws", tag = "sessions", operation_id = "connect",
    params(("Sec-WebSocket-Protocol" = String, Header, description = "`weir.v1`")),
    responses(
        (status = 101, description = "The socket is open; without a credential that lets somebody in it is closed with 4401"),
        (status = 400, description = "No WebSocket handshake, or another subprotocol", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Nobody asks, and for no socket", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Another site's page asks, or a token that is not good for reading", body = Problem, content_type = "application/problem+json"),
        (status = 405, description = "Another method than `GET`", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "The request is no upgrade, or of another version", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Try again after `Retry-After`", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn connect(
    State(app): State<App>,
    principal: Result<Principal, ApiError>,
    mut request: Request,
) -> Response {
    if app.draining.is_cancelled() {
        return refused(ApiError::draining());
    }
    let (accept, principal) = match (handshake(&request), principal) {
        (Ok(accept), Ok(principal)) => (accept, principal),
        (Ok(accept), Err(error)) if error.is_unauthenticated() => {
            let upgrade = hyper::upgrade::on(&mut request);
            app.sessions.tasks().spawn(async move {
                if let Ok(upgraded) = upgrade.await {
                    turn_away(TokioIo::new(upgraded)).await;
                }
            });
            return switching(accept);
        }
        (Err(error), Ok(_)) | (_, Err(error)) => return refused(error),
    };
    let Some(place) = app.limits.sockets().take(principal.user) else {
        rate_limited("sockets");
        return refused(ApiError::too_many_sockets());
    };
    // Before the welcome: whoever loads the list of conversations after it misses nothing.
    let inbox = match app.log.inbox_head(principal.user).await {
        Ok(head) => InboxPosition::new(head),
        Err(error) => return refused(error.into()),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let session = SessionId(app.clock.id());
    let hub = Hub {
        topics: app.clone(),
        sessions: app.sessions.clone(),
        heartbeat: app.heartbeat,
        closing: app.contact.ending(),
    };
    let watch = principal.grant.as_ref().map(|grant| app.access.watches().watch(grant));
    let revoked = watch.as_ref().map_or_else(CancellationToken::new, |watch| watch.ended().clone());
    let visitor = Visitor { viewer: principal.viewer(), may_write: principal.may(AccessScope::Write), revoked };
    let serving = Box::pin(async move {
        // It is open in their name until the session is over.
        let _open = watch;
        // A client that is gone before its answer has nothing to be told.
        if let Ok(upgraded) = upgrade.await {
            serve(TokioIo::new(upgraded), Some(place), hub, visitor, session, inbox).await;
        }
    });
    app.sessions.tasks().spawn(watched("websocket", serving));
    switching(accept)
}

fn switching(accept: HeaderValue) -> Response {
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, WEBSOCKET),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
        (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

/// Checks what a client must say, and gives the proof that it was understood.
fn handshake(request: &Request) -> Result<HeaderValue, ApiError> {
    // RFC 6455, 4.1: the method is GET and the version is at least 1.1.
    if request.method() != Method::GET {
        return Err(ApiError::method_not_allowed());
    }
    if request.version() < Version::HTTP_11 {
        return Err(ApiError::upgrade_required("A WebSocket needs HTTP/1.1."));
    }
    let headers = request.headers();
    if !lists(headers, &header::UPGRADE, "websocket") || !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(ApiError::upgrade_required("This path speaks WebSocket: ask for an upgrade."));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        return Err(ApiError::upgrade_required("Only version 13 of WebSocket (RFC 6455) is spoken here."));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if !STANDARD.decode(key).is_ok_and(|key| key.len() == 16) {
        let detail = "Sec-WebSocket-Key must be 16 bytes in base64.";
        return Err(ApiError::bad_handshake("invalid_handshake", detail));
    }
    if !lists(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        let detail = "The subprotocol weir.v1 is the only one: offer it in Sec-WebSocket-Protocol.";
        return Err(ApiError::bad_handshake("unsupported_subprotocol", detail));
    }
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| ApiError::internal())
}

/// A refusal, with what would be accepted where that is the question (RFC 9110, 15.5.22; RFC 6455, 4.4).
fn refused(error: ApiError) -> Response {
    let mut response = error.into_response();
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    if response.status() == StatusCode::UPGRADE_REQUIRED {
        let accepted = [(header::UPGRADE, WEBSOCKET), (header::SEC_WEBSOCKET_VERSION, VERSION)];
        response.headers_mut().extend(accepted.map(|(name, value)| (Some(name), value)));
    }
    response
}

/// Whether a word is among those of a header that lists words.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
}
