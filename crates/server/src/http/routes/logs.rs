//! Logs, opened from an event on.

use axum::http::HeaderMap;
use weir_protocol::{Seq, Timestamp};
use weir_realtime::Reader;
use weir_store::LogId;

use crate::{
    app::App,
    http::{ApiError, extract::Query},
};

/// Opens a log behind the event `after`. `ended` is when what is told in it ended.
pub(crate) async fn open(app: &App, log: LogId, ended: Option<Timestamp>, after: Seq) -> Result<Reader, ApiError> {
    let last = app.log.last_seq(log).await?;
    if last == Seq::START || is_expired(app, ended) {
        return Err(ApiError::log_expired());
    }
    if after > last {
        let message = format!("must be at most {last}, the number of the last event");
        return Err(ApiError::invalid_as("invalid_offset", "after", &message));
    }
    Ok(app.log.follow(log, after))
}

/// Whether a log is kept no longer after this end, be it still there or not.
pub(crate) fn is_expired(app: &App, ended: Option<Timestamp>) -> bool {
    ended.is_some_and(|ended| {
        let age = app.clock.now().0.saturating_sub(ended.0);
        u128::try_from(age).is_ok_and(|age| age > app.retention.as_millis())
    })
}

/// The number of the last event that was read: `after`, else `Last-Event-ID`, else none.
pub(crate) fn position(query: &Query, headers: &HeaderMap) -> Result<Seq, ApiError> {
    let garbage = || ApiError::invalid_as("invalid_offset", "after", "must be the number of an event");
    let text = match (query.text("after"), headers.get("last-event-id")) {
        (Some(text), _) => text,
        (None, Some(header)) => header.to_str().map_err(|_| garbage())?,
        (None, None) => "",
    };
    if text.is_empty() { Ok(Seq::START) } else { text.parse().map(Seq).map_err(|_| garbage()) }
}
